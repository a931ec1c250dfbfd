"""The true history, as far as it was committed on any disk: more than any node knows."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from operator import gt

from tests.simulation.watching import rollbacks
from tests.simulation.watching.claims import Claims
from tests.simulation.watching.forks import Forks
from tests.simulation.watching.rollbacks import CellKey, Life, Rollbacks, Stock
from tests.simulation.watching.view import NOTHING, PLACED, RETURNED, RETURNED_FROZEN, Cell, Rows, View, went

_IS_DEAD = "SELECT 1 FROM epochs WHERE branch = ? AND epoch = ? AND dead = 1"
_TAKEN = "SELECT 1 FROM audit WHERE entity = 'order' AND entity_id = ? AND action = 'placed'"
_HEARSAY = "SELECT 1 FROM hearsay_cells WHERE product_id = ? AND branch = ? AND epoch = ?"
CELL_KEY = 3  # parts; a grant has five
_LINES = (
    "SELECT l.product_id, SUM(l.quantity) FROM order_lines l JOIN orders o ON o.id = l.order_id"
    " WHERE l.order_id = ? AND o.branch IS NOT ? GROUP BY l.product_id"
)


@dataclass
class Truth:
    """The true history.

    - `views` are the present files, by machine.
    - `cells` and `grants` are what was moved in truth, also by disks that are lost or went back.
    - `events` are the ids that each life wrote, `other_events` those that a second disk of the life wrote.
    - `cancelled` are the orders that ever were cancelled, and `given_back` their units.
    - `claims` is what a branch that lies says of its own stock. Everything else is of the others.
    """

    views: dict[str, View] = field(default_factory=dict)
    cells: dict[CellKey, Cell] = field(default_factory=dict)
    grants: dict[tuple[str, ...], int] = field(default_factory=dict)
    events: dict[Life, list[str]] = field(default_factory=dict)
    other_events: list[dict[Life, list[str]]] = field(default_factory=list)
    cancelled: set[str] = field(default_factory=set)
    given_back: Counter[str] = field(default_factory=Counter)
    rollbacks: Rollbacks = field(default_factory=Rollbacks)
    forks: Forks = field(default_factory=Forks)
    claims: Claims = field(default_factory=Claims)

    def wrote(self, life: Life, seq: int, event_id: str) -> bool:
        """Whether some disk of the life's branch wrote this event, even if it forgot it since."""
        logs = (books.get(life, ()) for books in (self.events, *self.other_events))
        written = any(seq <= len(events) and events[seq - 1] == event_id for events in logs)
        return written or self.rollbacks.wrote(life, seq, event_id)

    def seen(self, life: Life) -> Stock:
        """What the present disks have of a life."""
        seen: dict[CellKey, Cell] = {}
        for view in self.views.values():
            for key, cell in rollbacks.of_life(life, view.cells, {}).cells.items():
                seen[key] = tuple(map(max, cell, seen.get(key, NOTHING)))
        return Stock(seen, {})

    def knowers(self, life: Life, copy: View, *, but: str | None = None) -> dict[str, Stock | None]:
        """The branches whose disks have more of a life than this copy of its own. Each has the stock of that
        life that it stores, or None if it has later events, too."""
        found: dict[str, Stock | None] = {}
        for name, other in self.views.items():
            known = rollbacks.of_life(life, other.cells, other.grants)
            newer = any(cell[-1] > copy.cells.get(key, NOTHING)[-1] for key, cell in known.cells.items())
            if name != but and other.positions.get(life, 0) > copy.seq:
                found[name] = None
            elif name != but and newer:
                found[name] = known
        return found

    def may_end(self, life: Life) -> bool:
        return self.rollbacks.may_end(life) or self.forks.may_end(life)

    def is_forked(self, branch: str) -> bool:
        return self.rollbacks.may_be_forked(branch) or self.forks.is_split(branch)

    def missing(self, product: str) -> int:
        """What people find missing when they count a product for the first time: units that earlier lives
        took from the shelf, minus units that they received, that no present disk has recorded.

        Some of these lives may be unknown to every node. An order that is cancelled a second time, because
        its first cancelling was lost with a disk, gives back no unit again.
        """
        missing = -self.given_back[product]
        present = {(name, view.epoch) for name, view in self.views.items()}
        for key, cell in self.cells.items():
            if key[0] == product:
                known = [view.cells.get(key, NOTHING) for view in self.views.values()]
                seen = tuple(max(counts) for counts in zip(*known, strict=True))
                missing += seen[RETURNED] + seen[RETURNED_FROZEN]
                missing += went(cell) - went(seen) if key[1:] not in present else 0
        return missing

    def note_given_back(self, view: View, rows: Rows) -> None:
        """Note that an order gave its units back, once, when any disk first shows it as cancelled."""
        for order_id, version in rows:
            if version > PLACED and order_id not in self.cancelled:
                self.cancelled.add(order_id)
                self.given_back.update(
                    dict(view.connection.execute(_LINES, (order_id, self.claims.liar)).fetchall())
                )

    @property
    def living(self) -> set[Life]:
        """The present lives of all files that do not call them dead themselves."""
        present = {(name, view.epoch): view.connection for name, view in self.views.items()}
        return {life for life, file in present.items() if not file.execute(_IS_DEAD, life).fetchone()}

    @property
    def hearsay(self) -> set[tuple[str, str, str]]:
        """The stock rows (product, branch, epoch) that any file marks as hearsay."""
        query = "SELECT product_id, branch, epoch FROM hearsay_cells"
        return {tuple(row) for view in self.views.values() for row in view.connection.execute(query)}

    def may_be_lied_about(self, life: Life, view: View | None = None, key: Sequence[str] = ()) -> bool:
        """Whether a file may hold of a life what a liar said. It is the liar's own, or is over, or never was:
        of such a life everybody may say anything. Of a living one the file may hold it only in a row (`key`)
        that it marks as hearsay: as a donor said it, while the branch could not be asked."""
        if self.claims.liar is None:
            return False
        if self.claims.is_of_liar(life[0]) or life not in self.living:
            return True
        return view is not None and view.connection.execute(_HEARSAY, key).fetchone() is not None

    def was_false(self, order_id: str, version: int) -> bool:
        """Whether an order never came to this version at the honest branch that took it, by the branches'
        audits. A liar told it, then. Where nobody lies, no order was false."""
        if self.claims.liar is None:
            return False
        taken = [
            view for view in self.views.values() if view.connection.execute(_TAKEN, (order_id,)).fetchone()
        ]
        return version > max((view.orders.get(order_id, 0) for view in taken), default=0)

    def was_a_lie(self, key: Sequence[str], counts: Cell) -> bool:
        """Whether a file held more of a cell, or of a grant, than its branch ever wrote. The branch's own
        word replaces that."""
        if self.claims.liar is None:
            return False
        true = self.cells.get((key[0], key[1], key[2]), NOTHING) if len(key) == CELL_KEY else ()
        return any(map(gt, counts, true or (self.grants.get(tuple(key), 0),)))

    def oversold(self) -> Iterator[tuple[str, int]]:
        """The products of which more units left than arrived or came back, and by how many units more than is
        excused."""
        gone: Counter[str] = Counter()
        for (product, _, _), cell in self.cells.items():
            gone[product] += went(cell)
        excused, claimed = self.excused(), self.claims.units(self.grants)
        for product, units in gone.items():
            more = units - self.given_back[product] - claimed[product]
            if more > excused[product]:
                yield product, more

    def excused(self) -> Counter[str]:
        """How many units of each product may have been sold twice: a disk went back, or was copied."""
        return self.rollbacks.excused() + self.forks.excused()
