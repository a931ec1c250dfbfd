"""One seeded history of the model: branches, a hostile network between them, and disks that fail.

Oversold is checked at every unit that leaves. In the end everything heals, stock is counted if disks were
lost, everybody sells whatever it may, and then every unit must be gone: none twice, and none left over.
"""

import itertools
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random

from app.domain import stock
from app.domain.life import Life
from tests.model.branch import Branch
from tests.model.ledger import Disk
from tests.model.messages import Refused
from tests.model.network import Network

NAMES = ("b1", "b2", "b3", "b4", "b5", "b6", "b7", "b8", "b9")
SIZES = (2, 2, 2, 3, 3, 3, 3, 4, 4, 5, 5, 6, 7, 8, 9)
STEPS = (30, 45, 60)
MOST_UNITS = 12  # few units and many buyers: every right is wanted
ENDINGS = 6
MOST_ROUNDS = 12  # of everybody talking to everybody until nothing changes

Step = Callable[["History"], None]


@dataclass(frozen=True, slots=True)
class Played:
    """How a history ended; `broken` is None if every promise was kept."""

    seed: int
    steps: int
    sold: int
    broken: str | None
    did: Counter[str] = field(default_factory=Counter)


class History(Network):
    """A network of the model under one seed, what may befall it, and its end."""

    def __init__(self, seed: int, *, say: Callable[[str], None] | None = None) -> None:
        random = Random(seed)
        super().__init__(random, NAMES[: random.choice(SIZES)])
        self.say = say
        self.did: Counter[str] = Counter()
        self.copies: list[Branch] = []
        self.backups: list[tuple[str, Disk]] = []
        self.lost = False

    def lives_heard_from(self, branch: Branch) -> list[Life]:
        near = [peer.name for peer in self.reachable(branch)]
        return [Life(name, branch.epochs[name]) for name in near if name in branch.epochs]

    def settle(self) -> bool:
        """Let everybody talk to everybody until nothing changes; whether it came to that."""
        self.isolated.clear()
        self.flights.clear()
        for copy in self.copies:
            copy.running = False
        self.copies.clear()
        for name, branch in list(self.branches.items()):
            if not branch.running or branch.fenced:
                self.restart(name, branch.disk)
        for _ in range(MOST_ROUNDS):
            before = [(b.me, len(b.disk.log), len(b.disk.dead), b.disk.positions.copy()) for b in self.all()]
            for one, other in itertools.permutations(self.all(), 2):
                self.greet(one, other)
                self.deliver(one, other)
                self.compare(one, other)
            self.rebuild_all()
            if before == [(b.me, len(b.disk.log), len(b.disk.dead), b.disk.positions) for b in self.all()]:
                return True
            for name, branch in list(self.branches.items()):
                if branch.fenced:
                    self.restart(name, branch.disk)
        return False

    def all(self) -> list[Branch]:
        return list(self.branches.values())

    def deliver(self, one: Branch, other: Branch) -> None:
        batch = one.batch(other.name)
        if batch is not None:
            try:
                one.acknowledge(other.receive(batch))
            except Refused:
                return

    def compare(self, one: Branch, other: Branch) -> None:
        """Equal heads and unequal rows: anti-entropy merges what differs, both ways."""
        if one.disk.cells != other.disk.cells and one.heads() == other.heads():
            one.repair(other)
            other.repair(one)

    def rebuild_all(self) -> None:
        for branch in self.all():
            if not branch.ready:
                self.rebuild(branch)

    def rebuild(self, branch: Branch) -> None:
        """An empty node fetches all that the founded peers it can reach have, and serves only then."""
        donors = [peer for peer in self.reachable(branch) if peer.disk.founded]
        for donor in donors:
            self.greet(branch, donor)
        for donor in donors:
            branch.fetch(donor)
        if donors and not branch.fenced:
            branch.disk.founded = branch.ready = True

    def restart(self, name: str, disk: Disk) -> Branch:
        """A process on a disk that was in use before: it serves once the peers it can reach had their say."""
        self.branches[name].running = False
        branch = self.branches[name] = self.begin(name, disk)
        branch.resume()
        for peer in self.reachable(branch):
            self.greet(branch, peer)
        branch.ready = disk.founded
        return branch

    def gather(self) -> None:
        """Bring every branch up and let all meet the first, which counts."""
        self.isolated.clear()
        for name, branch in list(self.branches.items()):
            if not branch.running or branch.fenced:
                self.restart(name, branch.disk)
        self.rebuild_all()
        counter, *members = self.all()
        for member in members:
            self.greet(member, counter)
            self.greet(counter, member)

    def count(self, *, last: bool = False) -> bool:
        """A stock count by the first branch; whether it was written. The `last` one, when nothing is under
        way any more, also takes in what lives did that nobody ever heard of."""
        counter, members = self.branches[self.names[0]], self.others(self.branches[self.names[0]])
        if not counter.may_sell() or self.copies or not all(m.running for m in members):
            return False
        if any(not self.reach(counter.name, m.name) for m in members):
            return False
        for _ in range(5):
            dead = sorted(counter.disk.dead)
            handovers = {}
            for member in members:
                if counter.epochs.get(member.name) != member.disk.epoch:
                    return False
                try:
                    handovers[member.name] = member.seal(dead)
                except Refused:
                    return False
            missing = self.shelf.missing(
                [b.disk.cells.values() for b in self.all()], None if last else counter.disk.dead
            )
            if counter.release(dead, missing=missing, handovers=handovers):
                self.backups.clear()
                return True
        return False

    def sell_everything(self) -> None:
        """Everybody sells all it may: a right that exists twice is sold twice."""
        for branch in self.all():
            for waiting in list(branch.queue):
                branch.forget(waiting)
            rights = branch.usable()
            if branch.may_sell() and rights > 0:
                branch.take(rights, "sold", reserved=0)

    def shares(self, branch: Branch, quantity: int) -> dict[Life, int]:
        peers = self.lives_heard_from(branch)
        chance = self.random.random()
        if chance < 0.4 or not peers:
            return {}
        if chance < 0.8:
            return stock.equal_split(quantity, peers)
        cells = branch.disk.cells
        demand = {life: cells[life].sold if life in cells else 0 for life in peers}
        return stock.demand_split(quantity, own_demand=branch.own().sold, demand=demand)

    def run(self, steps: Sequence[tuple[str, Step]], number: int) -> None:
        for _ in range(number):
            name, step = steps[int(self.random.random() * len(steps))]
            self.did[name] += 1
            if self.say is not None:
                self.say(f"{name}: {self.shelf.units} units on the shelves")
            step(self)

    def finish(self) -> str | None:
        """What is wrong in the end, if anything is. Mostly everybody just sells what it may, as it stands: a
        right that exists twice is sold twice. In one history of ENDINGS all heals and is counted first."""
        if self.random.random() * ENDINGS > 1:
            self.sell_everything()
            return None
        if not self.settle():
            return "the branches never came to rest"
        self.sell_everything()
        if self.lost:
            self.settle()
            if not self.count(last=True) and not (self.settle() and self.count(last=True)):
                return "a stock count was blocked though everybody could be reached"
            self.settle()
            self.sell_everything()
        self.settle()
        views = [branch.disk.cells for branch in self.all()]
        if any(view != views[0] for view in views):
            return "the branches do not agree"
        if self.shelf.units:
            return f"{self.shelf.units} units are left that nobody may sell"
        return None
