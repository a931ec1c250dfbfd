"""One branch of the model: a process on a disk, deciding by the node's own pure rules.

What the node does in transactions is done here on dictionaries, step for step: `app.state.ledger`, `grants`,
`counting` and `epochs`, `app.sync.handshake`, `receiver` and `rebirth`. One product is enough: rights of
different products never meet.
"""

from collections.abc import Iterator, Sequence

from app.life import Life
from app.state import stock
from app.state.waiting import Waiting, WaitingList, demand_of
from tests.model.ledger import PRODUCT, Disk, Ledger, Recovery
from tests.model.messages import ORIGIN, Ask, Batch, Cells, Grant, Hello, Order, Receipt, Refused
from tests.model.shelf import Shelf


class Branch(Ledger):
    """One process. `ready` is whether it serves; `fenced` that it ended a life once and may not again."""

    def __init__(self, name: str, disk: Disk, *, shelf: Shelf, ids: Iterator[int]) -> None:
        super().__init__(name, disk, shelf=shelf, ids=ids)
        disk.starts += 1
        self.incarnation = (disk.starts, next(ids))
        self.running = True
        self.ready = False
        self.fenced = False
        self.reborn = False
        self.epochs: dict[str, str] = {}
        self.latest: dict[Life, tuple[int, int]] = {}
        self.waiting = WaitingList()
        self.queue: list[Waiting] = []

    def may_sell(self) -> bool:
        return self.running and self.ready and not self.fenced

    # What clients do

    def receive_units(self, quantity: int, shares: dict[Life, int]) -> None:
        self.shelf.moved(self.me, quantity)
        after = self.own().add("received", quantity)
        for life, share in shares.items():
            after = after.grant(life, share)
        self.move(after, booked=quantity)

    def take(self, quantity: int, movement: str, *, reserved: int) -> bool:
        """Sell or remove units if rights allow."""
        if quantity > self.usable() - reserved:
            return False
        self.shelf.moved(self.me, -quantity)
        self.move(self.own().add(movement, quantity), booked=-quantity)
        if movement == "sold":
            self.disk.orders[next(self.ids)] = Order(self.me, quantity, 1)
        return True

    def order(self, quantity: int) -> bool:
        """Sell, or wait for rights: a new one yields to all that wait already."""
        reserved = self.waiting.reserved(before=None).get(PRODUCT, 0) if self.queue else 0
        if self.take(quantity, "sold", reserved=reserved):
            return True
        self.disk.lamport += 1
        waiting = Waiting((self.disk.lamport, self.name, f"{next(self.ids):012d}"), {PRODUCT: quantity})
        self.waiting.add(waiting)
        self.queue.append(waiting)
        return False

    def serve_waiting(self) -> None:
        """Try whoever waits again, oldest first."""
        if not self.may_sell():
            return
        for waiting in sorted(self.queue, key=lambda w: w.age):
            reserved = self.waiting.reserved(before=waiting.age).get(PRODUCT, 0)
            if self.take(waiting.needs[PRODUCT], "sold", reserved=reserved):
                self.forget(waiting)

    def forget(self, waiting: Waiting) -> None:
        self.waiting.remove(waiting)
        self.queue.remove(waiting)

    def cancel(self, number: int) -> None:
        """Cancel an order of this branch, once."""
        order = self.disk.orders[number]
        if order.life[0] != self.name or order.version > 1:
            return
        self.shelf.came_back(self.me, number, order.quantity)
        movement = "returned" if order.life == self.me else "returned_frozen"
        self.move(self.own().add(movement, order.quantity), booked=order.quantity)
        self.disk.orders[number] = order._replace(version=2)

    # Grants

    def ask(self, to: str) -> Ask | None:
        """What to ask a peer for, or None while nothing is lacking."""
        if not self.queue or to not in self.epochs:
            return None
        cells = self.disk.cells
        available = stock.totals(cells.values(), self.disk.dead).available
        demand = demand_of(self.waiting.needs_of(PRODUCT), available=available)
        if demand is None or self.usable() >= demand.wanted:
            return None
        epoch = self.epochs[to]
        return Ask(self.me, epoch, demand.wanted, demand.age, self.disk.lamport, dict(cells))

    def give(self, ask: Ask) -> Grant:
        """`Reception.transfer` and `grants.give`."""
        if ask.to_epoch != self.disk.epoch:
            raise Refused("wrong_epoch")
        if not self.may_sell():
            raise Refused("not_ready")
        if ask.asker in self.disk.dead:
            raise Refused("dead_epoch")
        self.witness(ask.lamport)
        ahead = self.merge(ask.cells)
        self.learn(ask.asker)
        reserved = self.waiting.reserved(before=ask.age).get(PRODUCT, 0) if self.queue else 0
        cells = self.disk.cells
        quantity = stock.grant_size(
            wanted=ask.wanted,
            asker_rights=stock.rights_of(ask.asker, cells.values()),
            giver_rights=self.usable(),
            reserved=reserved,
        )
        giver = self.me
        if ahead:
            self.begin_again()
            quantity = 0
        elif quantity:
            self.move(self.own().grant(ask.asker, quantity))
        return Grant(giver, quantity, self.disk.lamport, dict(cells))

    def accept(self, grant: Grant) -> None:
        """`grants.accept`."""
        if grant.giver in self.disk.dead:
            return
        self.witness(grant.lamport)
        if self.merge(grant.cells):
            self.begin_again()
        self.serve_waiting()

    def offer_surplus(self, peers: Sequence[Life]) -> None:
        """`grants.offer_surplus`."""
        cells = self.disk.cells
        if cells:
            reserved = self.waiting.reserved(before=None).get(PRODUCT, 0) if self.queue else 0
            reserved += self.unusable()
            moves = stock.surplus_of(self.me, cells.values(), peers=peers, reserved=reserved)
            after = self.own()
            for life, quantity in moves.items():
                after = after.grant(life, quantity)
            if moves:
                self.move(after)

    # Events

    def batch(self, to: str, *, through: int | None = None) -> Batch | None:
        """The next events for a peer: the state as it stands, up to a place in the log."""
        epoch = self.epochs.get(to)
        disk = self.disk
        if epoch is None:
            return None
        after = disk.cursors.get(Life(to, epoch), 0)
        end = min(len(disk.log), through or len(disk.log))
        if after >= end:
            return None
        cells = {life: cell for life, cell in disk.cells.items() if life[0] == self.name}
        orders = {number: order for number, order in disk.orders.items() if order.life[0] == self.name}
        return Batch(self.me, epoch, self.event(after), self.event(end), disk.lamport, cells, orders)

    def receive(self, batch: Batch) -> Receipt:
        """`receiver.receive`; a gap answers with the position, as a duplicate does."""
        disk, life = self.disk, batch.origin
        if life in disk.dead:
            raise Refused("dead_epoch")
        if batch.to_epoch != disk.epoch:
            raise Refused("wrong_epoch")
        by, known = self.me, disk.positions.get(life, ORIGIN)
        if batch.through[0] == known[0] and batch.through != known:
            raise Refused("fork")
        if batch.through[0] > known[0] and batch.after[0] == known[0]:
            if batch.after != known:
                raise Refused("fork")
            self.learn(life)
            self.witness(batch.lamport)
            ahead = self.merge(batch.cells)
            self.merge_orders(batch.orders.items())
            known = disk.positions[life] = batch.through
            if ahead:
                self.begin_again()
            self.serve_waiting()
        return Receipt(by, life, known)

    def acknowledge(self, receipt: Receipt) -> None:
        """Move a cursor to what the peer reports, also backwards; what no disk of this life ever wrote means
        that this one was rolled back."""
        if receipt.of != self.me or self.epochs.get(receipt.by[0]) != receipt.by[1]:
            return
        seq, event = receipt.position
        if seq > len(self.disk.log) or self.event(seq)[1] != event:
            self.begin_again()
            return
        self.disk.cursors[receipt.by] = seq
        self.serve_waiting()

    # Hello

    def say(self, *, ahead: int = 0) -> Hello:
        disk = self.disk
        own = disk.cells.get(self.me)
        version = own.version if own else 0
        return Hello(self.me, self.incarnation, frozenset(disk.dead), self.heads(), version, ahead)

    def hear(self, hello: Hello) -> Hello:
        """Take in a peer's hello and answer it."""
        last = self.latest.get(hello.life)
        if last is not None and hello.incarnation < last:
            raise Refused("stale_incarnation")
        ahead = self.meet(hello)
        self.latest[hello.life] = hello.incarnation
        return self.say(ahead=ahead)

    def meet(self, hello: Hello) -> int:
        """`handshake.meet`: the version of the peer's own cell known here, if it is more than the peer's."""
        disk, life = self.disk, hello.life
        if life in disk.dead:
            raise Refused("dead_epoch")
        self.learn(life)
        disk.dead |= hello.dead - {self.me}
        for other in hello.heads:
            self.learn(other)
        seq, event = hello.heads.get(self.me, ORIGIN)
        own = disk.cells.get(self.me)
        behind = self.me in hello.dead or seq > len(disk.log) or self.event(seq)[1] != event
        self.epochs[life[0]] = life[1]
        if behind or hello.ahead > (own.version if own else 0):
            self.begin_again()
        else:
            disk.cursors[life] = seq
        known = disk.cells.get(life)
        return known.version if known is not None and known.version > hello.own else 0

    def noted(self, name: str) -> tuple[Life, tuple[int, int]]:
        """The life a peer is taken to live, and its latest process known."""
        life = Life(name, self.epochs.get(name, ""))
        return life, self.latest.get(life, (0, 0))

    def branches_lacking(self, hello: Hello) -> set[str]:
        """Of which branches' dead lives the peer has more: `recovery._missing`."""
        known = self.disk.positions
        return {
            life[0]
            for life, head in hello.heads.items()
            if life in self.disk.dead and head > known.get(life, ORIGIN)
        }

    # Epochs

    def begin_again(self) -> None:
        """End this life, once in a process: `Rebirth.begin`."""
        if self.reborn:
            self.fenced = True
            self.disk.dead.add(self.me)  # for the next process to read, whatever its peers remember
            return
        self.reborn = True
        self.another_life()

    def resume(self) -> None:
        """At start, begin another life if the disk's own is over: `Rebirth.resume`."""
        if self.me in self.disk.dead:
            self.begin_again()

    def fetch(self, donor: "Branch", *, branch: str | None = None) -> None:
        """Merge what a donor has, of one branch if it is named, and then count its heads as applied."""
        theirs = donor.disk
        cells = {life: cell for life, cell in theirs.cells.items() if branch in (None, life[0])}
        heads = theirs.positions if branch else donor.heads()
        if self.merge(cells):
            self.begin_again()
        self.merge_orders(theirs.orders.items())
        for life, head in heads.items():
            chosen = branch is None or (life[0] == branch and life in self.disk.dead)
            if chosen and life != self.me and head[0] > self.disk.positions.get(life, ORIGIN)[0]:
                self.disk.positions[life] = head

    def repair(self, other: "Branch") -> None:
        """Merge the rows in which two branches differ."""
        if self.merge(other.disk.cells):
            self.begin_again()

    # Stock counts

    def seal(self, dead: Sequence[Life]) -> tuple[Sequence[Life], Cells]:
        """`Reception.seal`: a life that is counted among the dead ends before it says what it knows."""
        if self.me in dead:
            self.begin_again()
            raise Refused("wrong_epoch")
        self.disk.dead |= {life for life in dead if life != self.me}
        return sorted(self.disk.dead), self.disk.cells

    def release(
        self, dead: Sequence[Life], *, gone: int, handovers: dict[str, tuple[Sequence[Life], Cells]]
    ) -> bool:
        """`counting.release`."""
        disk = self.disk
        for theirs, cells in handovers.values():
            disk.dead |= {life for life in theirs if life != self.me}
            self.merge(cells)
        if sorted(disk.dead) != dead:
            return False
        before, usable = self.own(), self.own().recovered - self.unusable()
        after = stock.counted(before, frozen=stock.totals(disk.cells.values(), dead).frozen, gone=gone)
        if after != before:
            self.move(after, corrected=gone)
            disk.recovery = Recovery(usable, len(disk.log), tuple(sorted(handovers)))
        return True
