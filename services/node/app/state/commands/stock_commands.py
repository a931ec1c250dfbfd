"""The command that receives and removes units, inside one transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from app.database import Actor, Transaction
from app.domain import stock
from app.domain.errors import Invalid, UnknownReference
from app.domain.life import Life
from app.domain.row_checks import LARGEST
from app.domain.stock import Cell, Policy
from app.state.commands import taking
from app.state.tables import life_table, products, stock_table


@dataclass(frozen=True)
class Adjustment:
    """Units received (quantity > 0) or removed (< 0), and how received ones are shared."""

    sku: str
    quantity: int
    reason: str
    share: Literal["equal", "keep", "demand"] = "equal"


def adjust_stock(
    tx: Transaction,
    adjustment: Adjustment,
    *,
    actor: Actor,
    policy: Policy,
    reserved: Mapping[str, int],
    peers: Sequence[Life],
) -> str:
    """Receive or remove units. Returns the product's id. Received units are shared with those `peers` (lives
    heard from lately) that still live, in the same transaction; the remainder stays. Raises
    UnknownReference, Invalid or OutOfRights, with nothing written."""
    product = products.find_to_copy(tx, adjustment.sku)
    if product is None:
        raise UnknownReference("product", [adjustment.sku])
    need = taking.need(tx, product, abs(adjustment.quantity))
    before = stock_table.own_of(tx, need.cells, product.id)
    if adjustment.quantity < 0:
        taking.require_units(tx, [need], policy=policy, reserved=reserved)
        after = taking.take(tx, need, movement="removed")
    else:
        after = before.add("received", adjustment.quantity)
        living = life_table.living(tx.direct, peers)
        for life, share in _shares(adjustment, need.cells.of_product, life_table.me(tx), living).items():
            after = after.grant(life, share)
        if after.received > LARGEST:
            raise Invalid("quantity", "too_large_in_total")
        stock_table.move(tx, before, after)
    tx.audit(
        actor,
        action="adjusted",
        entity="stock",
        entity_id=product.id,
        before=before.as_json(),
        after={**after.as_json(), "reason": adjustment.reason},
        version=after.version,
    )
    return product.id


def _shares(
    adjustment: Adjustment, cells: Sequence[Cell], me: Life, peers: Sequence[Life]
) -> dict[Life, int]:
    if adjustment.share == "keep" or not peers:
        return {}
    if adjustment.share == "equal":
        return stock.equal_split(adjustment.quantity, peers)
    sold = {cell.life: cell.sold for cell in cells}
    demand = {life: sold.get(life, 0) for life in peers}
    return stock.demand_split(adjustment.quantity, own_demand=sold.get(me, 0), demand=demand)
