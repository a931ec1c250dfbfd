"""One branch of the model: a process on a disk, deciding by the node's own pure rules.

What the node decides, its own pure functions decide here, too. What it loads and stores in transactions is
done here on dictionaries, as by `app.state.commands`, `app.sync.log.receiver` and `outbox`. One product is
enough: rights of different products never meet.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from app.domain import stock
from app.domain.life import Life
from app.domain.waiting import Waiting, WaitingList, demand_of
from app.sync.rules import acknowledgement, inbox
from app.sync.rules.acknowledgement import ANOTHER_HISTORY, Reported
from app.sync.rules.inbox import Admission
from app.sync.rules.position import ORIGIN
from tests.model.ledger import PRODUCT, Disk, Recovery
from tests.model.lives import Lives
from tests.model.messages import Ask, Batch, Cells, Grant, Hello, Order, Receipt, Refused
from tests.model.shelf import Shelf


class Branch(Lives):
    """One process, and whether it is `running`, and `ready` to serve."""

    def __init__(self, name: str, disk: Disk, *, shelf: Shelf, ids: Iterator[int]) -> None:
        super().__init__(name, disk, shelf=shelf, ids=ids)
        self.running = True
        self.ready = False
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
        age = (self.disk.lamport, self.name, f"{next(self.ids):012d}")
        waiting = Waiting(age, {PRODUCT: quantity}, {PRODUCT: self.reach()})
        self.waiting.add(waiting)
        self.queue.append(waiting)
        return False

    def reach(self) -> int:
        """The units that this branch and the others may sell, as known here: `RightsBroker`, where every peer
        was heard from lately."""
        cells = self.disk.cells.values()
        others = [Life(name, epoch) for name, epoch in self.epochs.items()]
        living = [life for life in others if life not in self.disk.dead]
        return self.usable() + sum(max(stock.rights_of(life, cells), 0) for life in living)

    def serve_waiting(self) -> None:
        """Try whoever waits again, oldest first."""
        if not self.may_sell():
            return
        for waiting in sorted(self.queue, key=lambda w: w.age):
            reserved = self.waiting.reserved(before=waiting.age).get(PRODUCT, 0)
            if self.take(waiting.needs[PRODUCT], "sold", reserved=reserved):
                self.forget(waiting)
            else:
                self.look_again(waiting)

    def look_again(self, waiting: Waiting) -> None:
        """Note what is within reach of a waiting order now."""
        self.forget(waiting)
        self.queue.append(replace(waiting, reach={PRODUCT: self.reach()}))
        self.waiting.add(self.queue[-1])

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
        demands = [
            demand_of(self.waiting.needs_of(PRODUCT, within_reach=within), available=available)
            for within in (True, False)
        ]
        demand = next((one for one in demands if one and not one.is_met_by(self.usable())), None)
        if demand is None:
            return None
        epoch = self.epochs[to]
        return Ask(self.me, epoch, demand.wanted, demand.age, self.disk.lamport, dict(cells))

    def give(self, ask: Ask) -> Grant:
        """`PeerServer.transfer` and `grants.give`."""
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
        return Batch(self.me, epoch, disk.event(after), disk.event(end), disk.lamport, cells, orders)

    def receive(self, batch: Batch) -> Receipt:
        """`receiver.receive`; a gap answers with the position, as a duplicate does."""
        disk, life = self.disk, batch.origin
        by, known = self.me, disk.positions.get(life, ORIGIN)
        admission = inbox.admit(
            batch.after,
            batch.through,
            known=known,
            is_over=life in disk.dead,
            to_epoch=batch.to_epoch,
            present=disk.epoch,
        )
        if admission in (Admission.DEAD_EPOCH, Admission.WRONG_EPOCH, Admission.FORK):
            raise Refused(admission.name.lower())
        if admission is Admission.APPLY:
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
        """`outbox.acknowledge`; an answer that the peer's next hello overtook says nothing."""
        if self.epochs.get(receipt.by[0]) != receipt.by[1]:
            return
        reported = Reported(receipt.of[1], receipt.position.seq, receipt.position.event_id, ())
        log = self.disk.log_at(reported.seq)
        if acknowledgement.compare(reported, log) in ANOTHER_HISTORY:
            self.begin_again(reported.epoch)
            return
        self.move_cursor(receipt.by, reported, log)
        self.serve_waiting()

    # Rows of others

    def branches_lacking(self, hello: Hello) -> set[str]:
        """The branches whose dead lives the peer has further than this node, as `donor_state._missing`."""
        known = self.disk.positions
        return {
            life[0]
            for life, head in hello.heads.items()
            if life in self.disk.dead and head > known.get(life, ORIGIN)
        }

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
            if chosen and life != self.me and head.seq > self.disk.positions.get(life, ORIGIN).seq:
                self.disk.positions[life] = head

    def repair(self, other: "Branch") -> None:
        """Merge the rows in which two branches differ."""
        if self.merge(other.disk.cells):
            self.begin_again()

    # Stock counts

    def seal(self, dead: Sequence[Life]) -> tuple[Sequence[Life], Cells]:
        """As `PeerServer.seal`: a life that is counted among the dead ends before it answers."""
        if self.me in dead:
            self.begin_again()
            raise Refused("wrong_epoch")
        self.disk.dead |= {life for life in dead if life != self.me}
        return sorted(self.disk.dead), self.disk.cells

    def release(
        self, dead: Sequence[Life], *, missing: int, handovers: dict[str, tuple[Sequence[Life], Cells]]
    ) -> bool:
        """As `stock_count.release`."""
        disk = self.disk
        for theirs, cells in handovers.values():
            disk.dead |= {life for life in theirs if life != self.me}
            self.merge(cells)
        if sorted(disk.dead) != dead:
            return False
        before, usable = self.own(), self.own().recovered - self.unusable()
        after = stock.counted(before, frozen=stock.totals(disk.cells.values(), dead).frozen, missing=missing)
        if after != before:
            self.move(after, corrected=missing)
            disk.recovery = Recovery(usable, len(disk.log), tuple(sorted(handovers)))
        return True
