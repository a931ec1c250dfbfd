"""Asks every node again and again how far it is, into the run log."""

import asyncio
from collections.abc import Mapping

from branchlab.checking.runlog import RunLog
from branchlab.nodes.client import NodeClient
from branchlab.nodes.contract import Status, Stock
from branchlab.nodes.outcome import Refused, Unknown

_SECONDS = 2.0
_ONE_IN = 5  # samples with all stock rows


async def sample(clients: Mapping[str, NodeClient], log: RunLog, over: asyncio.Event) -> None:
    """Samples each node by itself, one sample after the other, until it is over."""
    async with asyncio.TaskGroup() as group:
        for client in clients.values():
            group.create_task(_sample(client, log, over))


async def _sample(client: NodeClient, log: RunLog, over: asyncio.Event) -> None:
    number = 0
    while not over.is_set():
        number += 1
        status, stock = await _read(client, with_stock=number % _ONE_IN == 0)
        log.sample(client.name, status, stock=stock)
        await asyncio.sleep(_SECONDS)


async def _read(client: NodeClient, *, with_stock: bool) -> tuple[Status | None, list[Stock] | None]:
    """The node's status, and its stock if the node lived the same life before and after reading it."""
    try:
        status = await client.status()
        if not with_stock:
            return status, None
        stock = await client.stock()
        again = await client.status()
    except (Refused, Unknown):
        return None, None
    return again, stock if status["epoch"] == again["epoch"] else None
