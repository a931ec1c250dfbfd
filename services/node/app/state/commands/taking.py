"""What commands that take units have in common: what they need, whether it is there, and the movement."""

from collections.abc import Mapping, Sequence

from app.database import Transaction
from app.domain import stock
from app.domain.errors import OutOfRights, Shortage
from app.domain.product import Product
from app.domain.stock import Cell, Policy
from app.domain.values import value
from app.state.tables import cell_mirror, life_table, stock_table
from app.state.tables.cell_mirror import Cells


@value(frozen=True, slots=True)
class Need:
    """One product that a command takes units of, with the cells as this transaction sees them."""

    product: Product
    quantity: int
    cells: Cells


def need(tx: Transaction, product: Product, quantity: int) -> Need:
    """What a command needs of a product, as this transaction sees the stock."""
    return Need(product, quantity, stock_table.to_spend(tx, product.id))


def require_units(
    tx: Transaction, needs: Sequence[Need], *, policy: Policy, reserved: Mapping[str, int]
) -> None:
    """Raise OutOfRights unless every need is covered: by this life's rights (escrow), or by the company's
    stock as known here (optimistic)."""

    def company(need: Need) -> int:
        # Not asked for by most orders: under escrow it decides nothing, it is only told to who is short.
        return stock.totals(need.cells.of_product, life_table.dead_lives(tx.direct)).available

    shortages: list[Shortage] = []
    behind_older = True
    for need in needs:
        rights = cell_mirror.usable(tx, need.cells)
        usable = rights if policy == "escrow" else company(need)
        if need.quantity > usable - reserved.get(need.product.id, 0):
            behind_older = behind_older and need.quantity <= usable
            shortages.append(
                Shortage(
                    product_id=need.product.id,
                    sku=need.product.sku,
                    wanted=need.quantity,
                    available_here=max(rights, 0),
                    available_company=company(need),
                )
            )
    if shortages:
        raise OutOfRights(
            shortages,
            needs={need.product.id: need.quantity for need in needs},
            rights={need.product.id: stock_table.rights_by_life(tx, need.cells) for need in needs},
            lamport=tx.lamport,
            behind_older=behind_older,
        )


def take(tx: Transaction, need: Need, *, movement: str) -> Cell:
    """Count the units as `movement` in this life's cell, and return the cell after it."""
    before = stock_table.own_of(tx, need.cells, need.product.id)
    after = before.add(movement, need.quantity)
    stock_table.move(tx, before, after)
    return after
