"""What a branch of the model has on its disk, and how rows are read, written and merged: the node's stock
table on dictionaries."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace

from app.domain import stock
from app.domain.life import Life
from app.domain.stock import Cell
from app.sync.rules.acknowledgement import Log
from app.sync.rules.position import ORIGIN, Position
from tests.model.messages import Cells, Order
from tests.model.shelf import Shelf

PRODUCT = "p"


@dataclass(slots=True)
class Recovery:
    """What a stock count recovered and not every member has acknowledged yet."""

    usable: int
    seq: int
    members: tuple[str, ...]


@dataclass(slots=True)
class Disk:
    """What a branch's file holds. `log` has the ids of the present epoch's events, `cursors` how many of them
    the peers' lives acknowledged."""

    epoch: str
    founded: bool
    starts: int = 0
    lamport: int = 0
    cells: dict[Life, Cell] = field(default_factory=dict)
    dead: set[Life] = field(default_factory=set)
    log: list[str] = field(default_factory=list)
    positions: dict[Life, Position] = field(default_factory=dict)
    cursors: dict[Life, int] = field(default_factory=dict)
    orders: dict[int, Order] = field(default_factory=dict)
    recovery: Recovery | None = None

    def event(self, seq: int) -> Position:
        """An event of the present epoch by its seq."""
        return Position(seq, self.log[seq - 1]) if seq else ORIGIN

    def log_at(self, seq: int) -> Log:
        """The log as it stands, with its event at a seq: `outbox.log_at`."""
        end = len(self.log)
        known = seq <= end
        return Log(self.epoch, end, (self.log[seq - 1] if seq else ORIGIN.event_id) if known else None)

    def copy(self) -> "Disk":
        """The file as it stands."""
        return replace(
            self,
            cells=dict(self.cells),
            dead=set(self.dead),
            log=list(self.log),
            positions=dict(self.positions),
            cursors=dict(self.cursors),
            orders=dict(self.orders),
        )


class Ledger:
    """The rows of one disk, as the process that has it open uses them."""

    def __init__(self, name: str, disk: Disk, *, shelf: Shelf, ids: Iterator[int]) -> None:
        self.name = name
        self.disk = disk
        self.me = Life(name, disk.epoch)
        self.shelf = shelf
        self.ids = ids

    def own(self) -> Cell:
        return self.disk.cells.get(self.me) or Cell(PRODUCT, *self.me)

    def usable(self) -> int:
        """Units that may be spent now, as `stock_table.usable_rights`."""
        cells = self.disk.cells
        return stock.rights_of(self.me, cells.values()) - self.unusable()

    def unusable(self) -> int:
        recovery = self.disk.recovery
        if recovery is None:
            return 0
        acknowledged: dict[str, int] = {}
        for life, seq in self.disk.cursors.items():
            if life not in self.disk.dead:
                acknowledged[life[0]] = max(seq, acknowledged.get(life[0], 0))
        if all(acknowledged.get(member, 0) >= recovery.seq for member in recovery.members):
            return 0
        return self.own().recovered - recovery.usable

    def move(self, after: Cell, *, booked: int = 0, corrected: int = 0) -> None:
        """Write the own cell and its event."""
        self.shelf.wrote(after, booked=booked, corrected=corrected)
        self.disk.cells[self.me] = after
        self.disk.lamport += 1
        self.disk.log.append(self.event_id())

    def heads(self) -> dict[Life, Position]:
        known, log = self.disk.positions, self.disk.log
        return {**known, self.me: self.disk.event(len(log))} if log else known

    def versions(self, life: Life) -> dict[str, int]:
        """As `stock_table.versions`."""
        cell = self.disk.cells.get(life)
        return {PRODUCT: cell.version} if cell else {}

    def event_id(self) -> str:
        return f"{next(self.ids):012d}"

    def another_life(self) -> None:
        """As `new_epoch.begin_again`: without rights, and everything known is announced again."""
        disk = self.disk
        disk.dead.add(self.me)
        disk.epoch = f"e{next(self.ids)}"
        self.me = Life(self.name, disk.epoch)
        disk.log = [self.event_id()]
        disk.cursors = {}
        disk.recovery = None
        disk.lamport += 1

    def learn(self, life: Life) -> None:
        """Every other life of this branch is over."""
        if life[0] == self.name and life != self.me:
            self.disk.dead.add(life)

    def witness(self, lamport: int) -> None:
        self.disk.lamport = max(self.disk.lamport, lamport)

    def merge(self, cells: Cells) -> bool:
        """As `stock_table.merge`. True if a peer has more of this very life than this disk has."""
        known, ahead = self.disk.cells, False
        for life, theirs in cells.items():
            ours = known.get(life)
            if ours is theirs:
                continue
            self.learn(life)
            for other in theirs.granted:
                self.learn(other)
            compared = stock.compare(ours, theirs, me=self.me)
            ahead = ahead or compared.is_ahead
            if compared.after is not None:
                known[life] = compared.after
            if compared.is_fork:
                self.disk.dead.add(life)
        return ahead

    def merge_orders(self, orders: Collection[tuple[int, Order]]) -> None:
        known = self.disk.orders
        for number, order in orders:
            ours = known.get(number)
            if ours is None or order.version > ours.version:
                known[number] = order
