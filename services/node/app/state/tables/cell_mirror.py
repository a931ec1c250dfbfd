"""The cells of a product as the writer mirrors them."""

import bisect
import sqlite3
from collections.abc import Collection, Mapping, Sequence
from dataclasses import field

from app.database import Transaction
from app.database.mirror import Mirrored
from app.database.node_row import present_life
from app.domain import stock
from app.domain.bounds import GRANTS_OF_ROW
from app.domain.life import Life
from app.domain.stock import Cell
from app.domain.values import value
from app.state.tables import cell_rows, spendable


@value(frozen=True, slots=True)
class Cells:
    """The cells of one product, by branch and epoch, all as written. `own` is this life's. `rights` are those
    of this life, less what only others say was granted to it; some of what a stock count recovered may have
    to wait all the same (`spendable.unusable`)."""

    of_product: tuple[Cell, ...]
    own: Cell | None
    rights: int
    counted: int | None = field(default=None, compare=False)
    """What the digest counts for this life's cell, if that was needed already."""

    def length_of(self, branch: str) -> int:
        """How long the cells of a branch's lives are in a message, counted in grants (app.domain.bounds)."""
        lengths = [GRANTS_OF_ROW + len(cell.granted) for cell in self.of_product if cell.branch == branch]
        return sum(lengths)

    def after(self, own: Cell, *, counted: int) -> "Cells":
        """These cells after a movement of this life's cell that granted nothing: it is `own` now, and the
        digest counts it as `counted`."""
        before, cells = self.own, self.of_product
        if before is None:
            ordered = [*cells]
            bisect.insort(ordered, own, key=_by_life)
            return Cells(tuple(ordered), own, self.rights + stock.own_rights(own), counted)
        moved = (own,) if len(cells) == 1 else tuple([own if cell is before else cell for cell in cells])
        rights = self.rights + stock.own_rights(own) - stock.own_rights(before)
        return Cells(moved, own, rights, counted)


def _by_life(cell: Cell) -> tuple[str, str]:
    return cell.branch, cell.epoch


def _load(connection: sqlite3.Connection, product_id: str) -> Cells:
    found = cell_rows.cells(connection, product_id, spending=True)
    confirmed = spendable.confirmed(connection, [product_id]).get(product_id, {})
    return _cells(connection, product_id, found, present_life(connection), confirmed)


def _load_all(connection: sqlite3.Connection, product_ids: Collection[str]) -> dict[str, Cells]:
    cells = cell_rows.to_spend(connection, product_ids)
    confirmed, me = spendable.confirmed(connection, product_ids), present_life(connection)
    return {
        key: _cells(connection, key, cells.get(key, ()), me, confirmed.get(key, {})) for key in product_ids
    }


def _cells(
    connection: sqlite3.Connection,
    product_id: str,
    found: Sequence[Cell],
    me: Life,
    confirmed: Mapping[Life, int],
) -> Cells:
    own = next((cell for cell in found if cell.life == me), None)
    heard = spendable.unconfirmed(connection, {product_id: found}, me, known={product_id: confirmed})
    unsaid = sum(heard.get(product_id, {}).values())
    return Cells(tuple(found), own, stock.rights_of(me, found) - unsaid)


CELLS = Mirrored("cells", _load, _load_all)
"""What the writer mirrors of stock, by product."""

_NONE = Cells((), None, 0)


def find(tx: Transaction, product_id: str) -> Cells:
    """The cells of a product, to spend by. Raises AlteredRow for any that is altered."""
    return tx.find(CELLS, product_id) or _NONE


def usable(tx: Transaction, cells: Cells) -> int:
    """Units that this node's own life may spend now, by these cells of one product."""
    own = cells.own
    if own is None or not own.recovered:
        return cells.rights
    return cells.rights - spendable.unusable(tx.direct, [own]).get(own.product_id, 0)
