"""What may happen in a history of the model, and how often."""

from collections.abc import Mapping

from app.domain.life import Life
from app.sync.rules import acknowledgement
from app.sync.rules.acknowledgement import ANOTHER_HISTORY, Reported
from app.sync.rules.position import ORIGIN
from tests.model.branch import Branch
from tests.model.history import MOST_UNITS, History, Step
from tests.model.ledger import Disk


def receive(history: History) -> None:
    branch = history.pick()
    if branch.may_sell():
        quantity = 1 + int(history.random.random() * MOST_UNITS)
        branch.receive_units(quantity, history.shares(branch, quantity))


def order(history: History) -> None:
    branch = history.pick()
    if branch.may_sell():
        branch.order(1 + int(history.random.random() * 4))


def remove(history: History) -> None:
    branch = history.pick()
    if branch.may_sell():
        branch.take(1 + int(history.random.random() * 3), "removed", reserved=0)


def give_up(history: History) -> None:
    """A client whose patience ended."""
    branch = history.pick()
    if branch.queue:
        branch.forget(history.random.choice(branch.queue))


def cancel(history: History) -> None:
    """An order of this branch, also one that a life which is over took."""
    branch = history.pick()
    own = [number for number, order in branch.disk.orders.items() if order.life[0] == branch.name]
    if own and branch.may_sell():
        branch.cancel(history.random.choice(own))


def ask(history: History) -> None:
    asker, giver = history.pair()
    if asker.queue and asker.may_sell():
        wish = asker.ask(giver.name)
        if wish is not None:
            history.call(asker, giver.name, wish)


def ask_everybody(history: History) -> None:
    asker = history.pick()
    if asker.queue and asker.may_sell():
        for giver in history.others(asker):
            wish = asker.ask(giver.name)
            if wish is None:
                return
            history.call(asker, giver.name, wish)


def tell(history: History) -> None:
    """The next events, or as many of them as fit."""
    one, other = history.pair()
    if one.running:
        through = None
        if history.random.random() < 0.3:
            through = 1 + int(history.random.random() * (1 + len(one.disk.log)))
        batch = one.batch(other.name, through=through)
        if batch is not None:
            history.call(one, other.name, batch)


def greet(history: History) -> None:
    one, other = history.pair()
    if one.running:
        history.call(one, other.name, one.say())


def compare(history: History) -> None:
    one, other = history.pair()
    if one.running and other.running and history.reach(one.name, other.name):
        history.compare(one, other)


def arrive_late(history: History) -> None:
    """Any message under way arrives, perhaps not for the last time."""
    if not history.flights:
        return
    number = int(history.random.random() * len(history.flights))
    flight = history.flights[number]
    to = flight.to if isinstance(flight.to, str) else flight.to.name
    if not history.reach(flight.sender.name, to):
        return
    if history.random.random() < 0.8:
        history.flights[number] = history.flights[-1]
        history.flights.pop()
    history.arrive(flight)


def rebalance(history: History) -> None:
    branch = history.pick()
    if branch.may_sell():
        branch.offer_surplus(history.lives_heard_from(branch))


def isolate(history: History) -> None:
    history.isolated.add(history.pick().name)


def heal(history: History) -> None:
    history.isolated.clear()


def restart(history: History) -> None:
    branch = history.pick()
    history.restart(branch.name, branch.disk)


def stop(history: History) -> None:
    history.pick().running = False


def back_up(history: History) -> None:
    branch = history.pick()
    if branch.disk.founded:
        history.backups.append((branch.name, branch.disk.copy()))


def wipe(history: History) -> None:
    """An empty disk in the place of the old one; the node comes back as far as peers can be reached."""
    branch = history.pick()
    if not any(peer.disk.founded for peer in history.others(branch)):
        return  # all disks lost: whatever begins then is another network
    branch.running = False
    empty = Disk(f"e{next(history.ids)}", founded=False)
    history.branches[branch.name] = history.begin(branch.name, empty)
    history.lost = True
    rebuild(history, branch.name)


def rebuild(history: History, name: str | None = None) -> None:
    branch = history.branches[name] if name else history.pick()
    if branch.running and not branch.disk.founded:
        history.rebuild(branch)


def restore(history: History) -> None:
    """An old copy, by the command that begins another life."""
    if history.backups:
        name, copy = history.random.choice(history.backups)
        _restore(history, name, copy.copy())


def roll_back(history: History) -> None:
    """An old copy, by hand, while a peer that knows more of that life can be reached. Where none can, nobody
    can notice (docs/architecture.md, What is not guaranteed): then people use the command."""
    if history.backups:
        name, copy = history.random.choice(history.backups)
        life = Life(name, copy.epoch)
        if any(_knows_more(peer, copy, life) for peer in history.reachable(history.branches[name])):
            history.restart(name, copy.copy())
            history.lost = True
        else:
            _restore(history, name, copy.copy())


def clone(history: History) -> None:
    """A second process on a copy of the disk. Both say hello before either sells: in between nobody can tell
    them apart."""
    branch = history.pick()
    peers = history.reachable(branch)
    if history.copies or not branch.may_sell() or not peers:
        return
    copy = history.begin(branch.name, branch.disk.copy())
    copy.epochs = dict(branch.epochs)
    for peer in peers:
        history.greet(copy, peer)
        history.greet(branch, peer)
        history.greet(peer, branch)
    copy.ready = True
    history.copies.append(copy)
    history.lost = True


def use_the_copy(history: History) -> None:
    """What the second process does: it sells, asks and says hello, and can be asked nothing."""
    if not history.copies:
        return
    copy = history.copies[0]
    for name in history.names:
        if name != copy.name:
            if copy.may_sell():
                copy.order(1 + int(history.random.random() * 3))
                wish = copy.ask(name)
                if wish is not None:
                    history.call(copy, name, wish)
            history.call(copy, name, copy.say())
    if history.random.random() < 0.3:
        copy.running = False
        history.flights = [flight for flight in history.flights if flight.sender is not copy]
        history.copies.clear()


def count(history: History) -> None:
    """A stock count; mostly people see to it first that every branch is there. What is under way stays so."""
    if history.random.random() < 0.7:
        history.gather()
    history.count()


def _restore(history: History, name: str, copy: Disk) -> None:
    history.branches[name].running = False
    restored = history.begin(name, copy)
    restored.another_life()
    history.restart(name, restored.disk)
    history.lost = True


def _knows_more(peer: Branch, copy: Disk, life: Life) -> bool:
    if life in peer.disk.dead:
        return True
    reported = Reported(copy.epoch, *peer.disk.positions.get(life, ORIGIN))
    finding = acknowledgement.compare(reported, copy.log_at(reported.seq))
    known, own = peer.disk.cells.get(life), copy.cells.get(life)
    has_newer_row = known is not None and known.version > (own.version if own else 0)
    return finding in ANOTHER_HISTORY or has_newer_row


def _weighed(weights: Mapping[Step, int]) -> tuple[tuple[str, Step], ...]:
    return tuple((step.__name__, step) for step, weight in weights.items() for _ in range(weight))


MESSAGES: dict[Step, int] = {
    receive: 8,
    order: 22,
    remove: 2,
    give_up: 2,
    cancel: 3,
    ask: 10,
    ask_everybody: 6,
    tell: 18,
    greet: 4,
    compare: 2,
    arrive_late: 12,
    rebalance: 5,
    isolate: 2,
    heal: 1,
    stop: 1,
    restart: 2,
}
DISKS: dict[Step, int] = {
    back_up: 4,
    wipe: 2,
    rebuild: 2,
    restore: 1,
    roll_back: 2,
    clone: 1,
    use_the_copy: 3,
    count: 2,
}
CALM = _weighed(MESSAGES)
"""Messages go wrong, processes end; no disk is lost."""
WILD = _weighed({**MESSAGES, **DISKS})
"""Disks are lost, restored, rolled back and copied, too, and stock is counted."""
RECKLESS = _weighed(
    {
        **MESSAGES,
        **DISKS,
        order: 16,
        cancel: 10,
        tell: 10,
        arrive_late: 20,
        wipe: 6,
        back_up: 6,
        restore: 3,
        count: 10,
    }
)
"""What takes a loss and a count and a late message to go wrong."""
