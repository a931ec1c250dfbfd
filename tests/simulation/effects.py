"""Whether orders show together with what they did to the stock, in one node's file."""

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping

from tests.simulation.rollbacks import CellKey

Of = tuple[str, str]
"""A product and the branch whose stock of it is meant."""

_UNITS_OF_ORDERS = (
    "SELECT l.product_id, o.branch, o.epoch, SUM(l.quantity), SUM(l.quantity * (o.status = 'cancelled'))"
    " FROM order_lines l JOIN orders o ON o.id = l.order_id GROUP BY 1, 2, 3"
)
_PARKED_STOCK = "SELECT entity, origin FROM parked WHERE kind LIKE 'stock_update%'"
_FETCHED = "SELECT id, donor FROM orders WHERE donor NOT IN ('', branch)"


class Effects:
    """Holds the orders of every file against its stock, and knows which of it a file cannot have."""

    def __init__(self) -> None:
        self._lacking: defaultdict[str, set[Of]] = defaultdict(set)
        self._handed: defaultdict[str, set[Of]] = defaultdict(set)
        self._found: Counter[Of] = Counter()

    def find(self, product: str, branch: str, units: int) -> None:
        """A branch that counts is about to enter so many units that nobody knew to be there. A count that is
        tried again is still one."""
        self._found[product, branch] = units

    def forget(self, name: str) -> None:
        """A node's disk is lost: what it shows from now on it was handed anew."""
        self._handed.pop(name, None)

    def wrong(
        self,
        name: str,
        epoch: str,
        file: sqlite3.Connection,
        cells: Mapping[CellKey, tuple[int, ...]],
        *,
        new: Collection[str],
        lost: Collection[str],
        forked: Callable[[str], bool],
    ) -> Iterator[str]:
        """No order shows without what it took, no cancelling without what it gave back: at its own branch
        exactly that. What an earlier life sold is given back to the frozen pool, by a later life's cell.

        `new` are the orders that this file did not show before, `lost` the branches that lost a disk; nothing
        is said of those that are `forked`.
        """
        given_back: Counter[Of] = Counter()
        unsaid = self._unsaid(name, file, new)
        for (product, branch, _), cell in cells.items():
            given_back[product, branch] += cell[1] + cell[2]
        for product, branch, of_epoch, sold, cancelled in file.execute(_UNITS_OF_ORDERS):
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

    def _unsaid(self, name: str, file: sqlite3.Connection, new: Collection[str]) -> set[Of]:
        """Of which stock a file may show orders without their effect: it is in an event that is parked here,
        or was parked at the node that whole rows were fetched from. Those come without what is parked there,
        so that who takes them shows what their donor shows, until the branch itself says it again."""
        parked = set(file.execute(_PARKED_STOCK))
        self._lacking[name] |= parked
        if any(self._lacking.values()):
            for order_id, donor in file.execute(_FETCHED):
                if order_id in new:
                    self._handed[name] |= self._lacking[donor]
        self._lacking[name] |= self._handed[name]
        return parked | self._handed[name]
