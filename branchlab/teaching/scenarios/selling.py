"""What the scenarios for any node sell: one product, bought one unit at a time."""

from dataclasses import dataclass

from branchlab.checking.operations import Placed
from branchlab.language import _
from branchlab.teaching.scenarios.stage import Stage

_REFUSALS = 2  # in a row, after which nothing more is to be had


@dataclass(frozen=True)
class Shop:
    """A product that was received, and the customer who buys it."""

    sku: str
    customer: str
    units: int


async def open_shop(stage: Stage, units: int) -> Shop:
    """Receives the units at the first node, shared equally where nodes share; returns when all agree."""
    shop, first = Shop(f"{stage.tag}-P", f"{stage.tag}-BUYER", units), stage.nodes[0]
    await stage.operations.create_product(first, shop.sku, "Café torrado", 1890)
    await stage.operations.create_customer(first, {"code": shop.customer, "name": "Padaria do Sol"})
    await stage.converge()
    await stage.operations.adjust(first, shop.sku, units, share="equal")
    await stage.converge()
    return shop


async def buy(stage: Stage, shop: Shop, node: str, name: str) -> Placed:
    """One order of one unit; `name` tells it from the others at that node. A node that refuses for another
    reason than want of stock is noted as failed."""
    placed = await stage.operations.place(
        node, shop.customer, [{"sku": shop.sku, "quantity": 1}], key=f"{shop.sku}-{node}-{name}"
    )
    stage.expect_answer(placed, _("the order {name} at {node}", name=name, node=node))
    wrong = [refused for refused in placed.refusals if refused.status != 409]
    stage.expect(
        not wrong, _("the order {name} at {node} was refused: {wrong}", name=name, node=node, wrong=wrong[:1])
    )
    return placed


async def sell(stage: Stage, shop: Shop, node: str, orders: int, name: str) -> int:
    """So many orders of one unit, one after the other. Returns how many were accepted."""
    placed = [await buy(stage, shop, node, f"{name}-{number}") for number in range(1, orders + 1)]
    return sum(one.order is not None for one in placed)


async def sell_out(stage: Stage, shop: Shop, node: str) -> int:
    """Orders until the node refuses twice in a row, or has sold as much as ever came in. Returns how many."""
    sold = refused = 0
    while refused < _REFUSALS and sold < shop.units:
        placed = await buy(stage, shop, node, f"out-{sold + refused + 1}")
        sold, refused = (sold + 1, 0) if placed.order is not None else (sold, refused + 1)
    return sold
