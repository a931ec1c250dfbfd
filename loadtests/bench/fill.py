"""Sells a stopped node's stock by the node's own code, without any HTTP:

    PYTHONPATH=services/node python fill.py DATABASE CLUSTER_ID NAME ORDERS

The customer BUYER and the products P-0 … P-19 must be there.
"""

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

from app.database import Actor, Database, Transaction
from app.runtime import SystemClock, ThreadExecutor, system_random
from app.state.commands import order_commands
from app.state.commands.order_commands import PlaceOrder
from app.state.registry.canonical_forms import FORMS

_PRODUCTS = 20
_LINES = 2
_AT_ONCE = 1024  # commands waiting for the writer, which commits them in its usual groups
_ACTOR = Actor(user_id="bench", request_id="bench")


async def fill(path: Path, cluster_id: str, name: str, orders: int) -> None:
    """Places so many orders of two lines each."""
    executor = ThreadExecutor()
    database = Database(path, clock=SystemClock(), random=system_random(), executor=executor, forms=FORMS)
    await database.open(cluster_id=cluster_id, name=name)
    for first in range(0, orders, _AT_ONCE):
        numbers = range(first, min(first + _AT_ONCE, orders))
        await asyncio.gather(*(database.write(_placing(number)) for number in numbers))
    await database.close()
    executor.close()


def _placing(number: int) -> Callable[[Transaction], str]:
    lines = tuple((f"P-{(number + line) % _PRODUCTS}", 1) for line in range(_LINES))
    order = PlaceOrder(customer="BUYER", lines=lines)
    key = f"bench-{number}"
    return lambda tx: order_commands.place_order(
        tx, order, actor=_ACTOR, key=key, request_hash=key, policy="escrow", reserved={}
    )


if __name__ == "__main__":
    asyncio.run(fill(Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])))
