"""Shops that ask each other for rights, and what comes of their orders."""

import asyncio
from typing import Any

from app.domain.errors import OutOfStock
from app.node import BranchNode
from app.state.tables import stock_views
from app.state.tables.orders import OrderView
from tests.support.company import Company, customer, stock
from tests.support.virtual import eventually

TRANSFER = "/replica/transfer"


async def shop(company: Company, *names: str, units: dict[str, int], **settings: Any) -> list[BranchNode]:
    """Nodes that know a customer, with so many units of rice at each."""
    settings = {"transfer_wait_seconds": 1.0, **settings}
    nodes = await company.found(*names, **settings)
    await customer(nodes[0])
    await stock(nodes[0], "rice", 0)
    await eventually(company.converged)
    for node in nodes:
        await stock(node, "rice", units.get(node.settings.node_name, 0))
    await eventually(company.converged)
    return nodes


async def outcomes(*orders: Any) -> list[str]:
    found = await asyncio.gather(*orders, return_exceptions=True)
    assert all(isinstance(one, OrderView | OutOfStock) for one in found), found
    return ["sold" if isinstance(one, OrderView) else "out of stock" for one in found]


async def available(node: BranchNode) -> int:
    view = await node.database.read(lambda connection: stock_views.stock_view(connection, "rice"))
    assert view.oversold == 0
    return int(view.available)


def asked(company: Company, sender: str) -> list[str]:
    return [call.receiver for call in company.network.calls if (call.sender, call.path) == (sender, TRANSFER)]
