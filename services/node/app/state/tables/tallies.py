"""What a node counts of its tables for its status, kept in memory: no status reads a whole table again.

Each count is brought up to date by what was written since the last look, in the read transaction of the
status. Rows are counted by their row numbers, which only grow. Where a row was removed or replaced, and in
another file, all is counted anew.
"""

import sqlite3
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from app.database import AlteredRow, Effects
from app.database.node_row import present_life
from app.domain import stock
from app.domain.life import Life
from app.state.tables import cell_rows, life_table, order_durability, spendable

_PRODUCTS_AT_ONCE = 500
_STOCKED = "SELECT DISTINCT product_id FROM stock"
_UNSETTLED = "SELECT product_id FROM hearsay_cells UNION SELECT product_id FROM recoveries"
_PLACED = "SELECT seq FROM events WHERE epoch = ? AND seq > ? AND kind = 'order_created' ORDER BY seq"
_EVENTS = """
    SELECT
        (SELECT MIN(seq) FROM events WHERE epoch = e.epoch),
        (SELECT MAX(seq) FROM events WHERE epoch = e.epoch)
    FROM epochs e WHERE branch = ?
"""
_LAST_ORDER = "SELECT COALESCE(MAX(rowid), 0) FROM orders"
_DUPLICATES = """
    SELECT COUNT(*) FROM orders o WHERE o.rowid > ? AND o.idempotency_key IS NOT NULL AND EXISTS (
        SELECT 1 FROM orders d WHERE d.user_id = o.user_id AND d.idempotency_key = o.idempotency_key
        AND d.request_hash = o.request_hash AND d.rowid < o.rowid
    )
"""
# The sign keeps SQLite from going through all orders of the branch by their index.
_NOT_ANNOUNCED = """
    SELECT COUNT(*) FROM orders
    WHERE rowid > ? AND +branch = ? AND epoch != ? AND donor = '' AND announced != ?
"""


@dataclass
class _Rows:
    """How many rows a table has up to a row number."""

    last: int = 0
    count: int = 0


@dataclass
class _Placed:
    """Where orders stand in the log of `epoch`: the seqs of their events from `since` to `to`."""

    epoch: str = ""
    since: int = 0
    to: int = 0
    seqs: "array[int]" = field(default_factory=lambda: array("q"))


@dataclass
class _Stock:
    """Units by product (available, frozen, here, oversold) and their sums, as one life sees them."""

    life: Life | None = None
    dead: frozenset[Life] = frozenset()
    products: dict[str, tuple[int, int, int, int]] = field(default_factory=dict)
    sums: list[int] = field(default_factory=lambda: [0, 0, 0, 0])


_NAMES = ("available", "frozen", "here", "oversold")


class Tallies:
    """The counts of one node. `note` and `begin` are called on the event loop; the others by one reading at
    a time, between which `begin` is called."""

    def __init__(self) -> None:
        self._touched: set[str] = set()
        self._replaced = False
        self._recount("")

    def _recount(self, epoch: str) -> None:
        self._epoch = epoch
        self._rows: dict[str, _Rows] = {}
        self._duplicates = _Rows()
        self._settled = ("", 0)
        self._placed = _Placed()
        self._stock = _Stock()
        self._due: set[str] = set()

    def note(self, effects: Effects) -> None:
        """Remember what a commit changed that row numbers do not show."""
        self._touched |= effects.stock
        self._replaced = self._replaced or effects.replaced

    def begin(self, epoch: str) -> None:
        """Before each reading, which sees every commit noted until now. `epoch` is the file's present one."""
        if self._replaced or epoch != self._epoch:
            self._replaced = False
            self._recount(epoch)
        self._due |= self._touched
        self._touched = set()

    def rows(self, connection: sqlite3.Connection, table: str) -> int:
        """How many rows a table has."""
        found = self._rows.setdefault(table, _Rows())
        if not found.last:  # an index is shorter than the table
            last, count = connection.execute(
                f"SELECT (SELECT COALESCE(MAX(rowid), 0) FROM {table}), (SELECT COUNT(*) FROM {table})"
            ).fetchone()
        else:
            last, count = connection.execute(
                f"SELECT COALESCE(MAX(rowid), ?), COUNT(*) + ? FROM {table} WHERE rowid > ?",
                (found.last, found.count, found.last),
            ).fetchone()
        found.last, found.count = last, count
        return found.count

    def events(self, connection: sqlite3.Connection) -> int:
        """How many events the log has, by the first and the last of each epoch: it has no holes."""
        ends = connection.execute(_EVENTS, (present_life(connection).branch,))
        return sum(last - first + 1 for first, last in ends if first is not None)

    def possible_duplicates(self, connection: sqlite3.Connection) -> int:
        """As `orders.count_possible_duplicates`."""
        found = self._duplicates
        more = connection.execute(_DUPLICATES, (found.last,)).fetchone()[0]
        self._duplicates = _Rows(connection.execute(_LAST_ORDER).fetchone()[0], found.count + more)
        return self._duplicates.count

    def at_risk(self, connection: sqlite3.Connection) -> int:
        """As `order_durability.at_risk`."""
        life = present_life(connection)
        stored, first, last = order_durability.log_of(connection)
        if first > stored + 1:  # the log begins beyond what the peers have: only the orders can tell
            return order_durability.at_risk(connection)
        parked = order_durability.at_risk_by_parking(connection, life, stored)
        return parked + self._placed_beyond(connection, life, stored, last) + self._earlier(connection, life)

    def _placed_beyond(self, connection: sqlite3.Connection, life: Life, stored: int, last: int) -> int:
        known = self._placed
        if known.epoch != life.epoch or stored < known.since or last < known.to:
            known = _Placed(life.epoch, stored, stored)
        more = connection.execute(_PLACED, (life.epoch, known.to))
        seqs = known.seqs[bisect_right(known.seqs, stored) :]
        seqs.extend(row[0] for row in more)
        self._placed = _Placed(life.epoch, stored, last, seqs[bisect_right(seqs, stored) :])
        return len(self._placed.seqs)

    def _earlier(self, connection: sqlite3.Connection, life: Life) -> int:
        """Orders of earlier epochs that are not announced again yet. Once there are none, only orders that
        come back later can be such."""
        epoch, to = self._settled
        start = to if epoch == life.epoch else 0
        count = int(connection.execute(_NOT_ANNOUNCED, (start, *life, life.epoch)).fetchone()[0])
        if count == 0:
            self._settled = (life.epoch, connection.execute(_LAST_ORDER).fetchone()[0])
        return count

    def stock(self, connection: sqlite3.Connection) -> Mapping[str, int | None]:
        """Units over all products: the company's available and frozen ones, rights here, and oversold ones.
        They are unknown while a stock row is altered."""
        life, dead = present_life(connection), frozenset(life_table.dead_lives(connection))
        # Where the look ends early, the next one begins anew.
        known, self._stock = self._stock, _Stock()
        due, self._due = self._due, set()
        if (known.life, known.dead) != (life, dead):
            known = _Stock(life, dead)
            due = {row[0] for row in connection.execute(_STOCKED)}
        due |= {row[0] for row in connection.execute(_UNSETTLED)}
        try:
            self._look_at(connection, known, sorted(due))
        except AlteredRow:
            return dict.fromkeys(_NAMES)
        self._stock = known
        return dict(zip(_NAMES, known.sums, strict=True))

    def _look_at(self, connection: sqlite3.Connection, known: _Stock, products: Sequence[str]) -> None:
        assert known.life is not None
        for start in range(0, len(products), _PRODUCTS_AT_ONCE):
            cells = cell_rows.by_product(connection, products[start : start + _PRODUCTS_AT_ONCE])
            rights = spendable.rights(connection, cells, known.life)
            for product_id, found in cells.items():
                totals = stock.totals(found, known.dead)
                units = (totals.available, totals.frozen, rights[product_id], totals.oversold)
                before = known.products.get(product_id, (0, 0, 0, 0))
                known.products[product_id] = units
                known.sums = _moved(known.sums, before, units)


def _moved(sums: Iterable[int], before: Iterable[int], after: Iterable[int]) -> list[int]:
    return [sum_ - was + is_ for sum_, was, is_ in zip(sums, before, after, strict=True)]
