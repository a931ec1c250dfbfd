"""Sells a stopped node's stock by the node's own code, without any HTTP:

    PYTHONPATH=services/node python fill.py DATABASE CLUSTER_ID NAME ORDERS CUSTOMER PRODUCTS LINES

The customer and the products P-0, P-1 … must be there. An order has so many lines of a unit each.
"""

import asyncio
import os
import sys
from collections.abc import Callable
from pathlib import Path

from app.database import Actor, Database, Transaction
from app.runtime import SystemClock, ThreadExecutor, system_random
from app.state.commands import order_commands
from app.state.commands.order_commands import Placed, PlaceOrder
from app.state.registry.canonical_forms import FORMS

_AT_ONCE = 1024  # commands waiting for the writer, which commits them in its usual groups
_ACTOR = Actor(user_id="bench", request_id="bench")


async def fill(
    path: Path, cluster_id: str, name: str, orders: int, *, customer: str, products: int, lines: int
) -> None:
    """Places so many orders."""
    executor = ThreadExecutor()
    database = Database(path, clock=SystemClock(), random=system_random(), executor=executor, forms=FORMS)
    await database.open(cluster_id=cluster_id, name=name)
    for first in range(0, orders, _AT_ONCE):
        numbers = range(first, min(first + _AT_ONCE, orders))
        await asyncio.gather(*(database.write(_placing(one, customer, products, lines)) for one in numbers))
    await database.close()
    executor.close()


def _placing(number: int, customer: str, products: int, lines: int) -> Callable[[Transaction], Placed]:
    wanted = tuple((f"P-{(number + line) % products}", 1) for line in range(lines))
    order = PlaceOrder(customer=customer, lines=wanted)
    key = f"bench-{os.getpid()}-{number}"  # another one each time that a file is filled
    return lambda tx: order_commands.place_order(
        tx, order, actor=_ACTOR, key=key, request_hash=key, policy="escrow", reserved={}
    )


if __name__ == "__main__":
    _database, _cluster_id, _name, _orders, _customer, _products, _lines = sys.argv[1:]
    _shape = {"products": int(_products), "lines": int(_lines)}
    asyncio.run(fill(Path(_database), _cluster_id, _name, int(_orders), customer=_customer, **_shape))
