"""The cells of a product as the writer mirrors them."""

import bisect
import sqlite3
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from app.database import Transaction
from app.database.mirror import Mirrored
from app.domain.life import Life
from app.domain.stock import Cell
from app.state.tables import cell_rows, spendable


@dataclass(frozen=True)
class Cells:
    """The cells of one product, by branch and epoch, all as written. `confirmed` are the units that count of
    what others say was granted to this life, by giver."""

    of_product: tuple[Cell, ...]
    confirmed: Mapping[Life, int]
    counted: int | None = field(default=None, compare=False)
    """What the digest counts for this life's cell, if that was needed already."""

    def after(self, own: Cell, *, counted: int) -> "Cells":
        """The same after a movement of this life's cell."""
        place = (own.branch, own.epoch)
        cells = [cell for cell in self.of_product if (cell.branch, cell.epoch) != place]
        bisect.insort(cells, own, key=_by_life)
        return Cells(tuple(cells), self.confirmed, counted)


def _by_life(cell: Cell) -> tuple[str, str]:
    return cell.branch, cell.epoch


def _load(connection: sqlite3.Connection, product_id: str) -> Cells:
    found = cell_rows.cells(connection, product_id, spending=True)
    return Cells(tuple(found), spendable.confirmed(connection, [product_id]).get(product_id, {}))


def _load_all(connection: sqlite3.Connection, product_ids: Collection[str]) -> dict[str, Cells]:
    cells = cell_rows.to_spend(connection, product_ids)
    confirmed = spendable.confirmed(connection, product_ids)
    return {key: Cells(tuple(cells.get(key, ())), confirmed.get(key, {})) for key in product_ids}


CELLS = Mirrored("cells", _load, _load_all)
"""What the writer mirrors of stock, by product."""


def find(tx: Transaction, product_id: str) -> Cells:
    """The cells of a product, to spend by. Raises AlteredRow for any that is altered."""
    return tx.find(CELLS, product_id) or Cells((), {})
