"""The true history, as far as it was committed on any disk: more than any node knows."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.simulation.watching import rollbacks
from tests.simulation.watching.forks import Forks
from tests.simulation.watching.rollbacks import CellKey, Life, Rollbacks, Stock
from tests.simulation.watching.view import NOTHING, PLACED, RETURNED, RETURNED_FROZEN, Cell, Rows, View, went

_LINES = "SELECT product_id, SUM(quantity) FROM order_lines WHERE order_id = ? GROUP BY product_id"


@dataclass
class Truth:
    """The true history.

    - `views` are the present files, by machine.
    - `cells` and `grants` are what was moved in truth, also by disks that are lost or went back.
    - `events` are the ids that each life wrote, `other_events` those that a second disk of the life wrote.
    - `cancelled` are the orders that ever were cancelled, and `given_back` their units.
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
                self.given_back.update(dict(view.connection.execute(_LINES, (order_id,)).fetchall()))

    def oversold(self) -> Iterator[tuple[str, int]]:
        """The products of which more units left than arrived or came back, and by how many units more than is
        excused."""
        gone: Counter[str] = Counter()
        for (product, _, _), cell in self.cells.items():
            gone[product] += went(cell)
        excused = self.excused()
        for product, units in gone.items():
            more = units - self.given_back[product]
            if more > excused[product]:
                yield product, more

    def excused(self) -> Counter[str]:
        """How many units of each product may have been sold twice: a disk went back, or was copied."""
        return self.rollbacks.excused() + self.forks.excused()
