"""Whether orders show together with their effects on the stock, in one node's file."""

import sqlite3
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping

from tests.simulation.watching.rollbacks import CellKey

Of = tuple[str, str]
"""A product and the branch whose stock of it is meant."""

_UNITS_OF_ORDERS = (
    "SELECT l.product_id, o.branch, o.epoch, SUM(l.quantity), SUM(l.quantity * (o.status = 'cancelled'))"
    " FROM order_lines l JOIN orders o ON o.id = l.order_id"
    " WHERE ? OR o.donor IN ('', o.branch) GROUP BY 1, 2, 3"
)
_PARKED_STOCK = "SELECT entity, origin FROM parked WHERE kind LIKE 'stock_update%'"


class Effects:
    """Compares the orders of every file with its stock."""

    def __init__(self) -> None:
        self._found: Counter[Of] = Counter()

    def find(self, product: str, branch: str, units: int) -> None:
        """A branch is about to count, and to enter so many units that were found. A repeated count counts
        once."""
        self._found[product, branch] = units

    def wrong(
        self,
        name: str,
        epoch: str,
        file: sqlite3.Connection,
        cells: Mapping[CellKey, tuple[int, ...]],
        *,
        lost: Collection[str],
        forked: Callable[[str], bool],
        nobody_lies: bool = True,
    ) -> Iterator[str]:
        """Orders that show without the units they took, and cancellations without the units they gave back.
        At its own branch an order must match exactly.

        Units that an earlier life sold are given back to the frozen pool, by a later life's cell. An order
        may show without its effect only while the effect is in an event that is parked in this very file.
        `lost` are the branches that lost a disk; `forked` ones are not judged. Where somebody lies, an order
        counts that its branch told: a donor may have invented any other (docs/security.md).
        """
        given_back: Counter[Of] = Counter()
        unsaid = set(file.execute(_PARKED_STOCK))
        for (product, branch, _), cell in cells.items():
            given_back[product, branch] += cell[1] + cell[2]
        for product, branch, of_epoch, sold, cancelled in file.execute(_UNITS_OF_ORDERS, (nobody_lies,)):
            taken = cells[product, branch, of_epoch][5] if (product, branch, of_epoch) in cells else 0
            given_back[product, branch] -= cancelled
            if forked(branch) or (product, branch) in unsaid:
                continue
            exactly = (branch, of_epoch) == (name, epoch)
            if taken < sold or (exactly and taken != sold):
                yield f"orders took {sold} of {product}, its stock says {taken}"
        for (product, branch), more in given_back.items():
            if forked(branch) or (product, branch) in unsaid:
                continue
            # Units that a count found are entered as given back, by orders that only a lost disk knew.
            exact = branch != name or branch in lost or more in (0, self._found[product, branch])
            if more < 0 or not exact:
                yield f"{product} of {branch}: {more} units too many given back"
