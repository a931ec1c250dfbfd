"""After a member lied: every honest branch shows all that it has, and sells a unit."""

from collections.abc import Callable, Coroutine
from typing import Any

from app.api import customers, orders, products, stock, users
from app.api.pagination import MOST, PageQuery
from app.node import BranchNode
from app.services.caller import STAYING, Caller
from tests.simulation.journal import Journal
from tests.simulation.machines.machine import Machine
from tests.simulation.people.clients import PATIENCE_SECONDS, Client

Show = Callable[[PageQuery, BranchNode, Caller], Coroutine[Any, Any, object]]
_LISTS: tuple[Show, ...] = (
    users.index,
    customers.index,
    products.index,
    orders.index,
    stock.index,
)


async def sells(client: Client, machine: Machine, journal: Journal) -> None:
    """Have a client read all lists that its branch shows, and buy one unit of what the branch has, or of a
    new delivery."""
    assert machine.process is not None, "everything was switched on"
    for show in _LISTS:
        try:
            page = show(PageQuery(limit=MOST), machine.process.node, STAYING)
            await machine.process.do(page, patience=PATIENCE_SECONDS)
        except Exception as error:
            text = f"{machine.name} cannot show {show.__module__}: {error!r}"
            journal.violation("shown", text[:500])
    if not await client.buys_one():
        journal.violation("stopped", f"{machine.name} sells nothing any more")
