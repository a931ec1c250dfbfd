"""All three files of a network damaged at once: nobody founds, and what their pages still hold comes back."""

import asyncio
from contextlib import suppress

import pytest

from branchlab.nodes.contract import Salvaged, WantedLine
from branchlab.nodes.convergence import wait_converged
from branchlab.nodes.outcome import Refused, Unknown
from branchlab.poll import poll
from tests.cluster.cluster import Cluster, StartCluster
from tests.cluster.damaged_page import zero_a_page

pytestmark = pytest.mark.cluster

ORDERS = 4  # at each branch
UNITS = 90
WAIT_SECONDS = 60.0
FIRST = "matriz"


def test_all_files_damaged_at_once_lose_no_order_that_can_be_read(start_cluster: StartCluster) -> None:
    cluster = start_cluster(settings={"SCRUB_SECONDS": "15"})
    placed = asyncio.run(_sell(cluster))
    alone = asyncio.run(_sell_alone(cluster))
    for name in cluster.network.names:
        zero_a_page(cluster, name)
    for name in cluster.network.names:
        cluster.driver.start(name)
    asyncio.run(_until(cluster, "nobody_serves"))

    said = cluster.lab("salvage", FIRST, "--found", "--yes")

    assert f"{len(placed)} orders came back and 0 orders could not" in said
    cluster.lab("heal")
    there = asyncio.run(_orders_once_salvaged(cluster))
    assert there == {name: sorted([*placed, alone]) for name in cluster.network.names}
    stock = asyncio.run(_stock(cluster))
    assert {(one["available"] + one["frozen"], one["oversold"]) for one in stock} == {
        (UNITS - len(placed) - 1, 0)
    }


async def _sell(cluster: Cluster) -> list[str]:
    async with cluster.clients() as clients:
        await clients[FIRST].create_product("CAFE-500", "Café 500 g", 1890)
        await clients[FIRST].create_customer({"code": "PADARIA-SOL", "name": "Padaria do Sol"})
        await clients[FIRST].adjust("CAFE-500", UNITS, reason="delivery", share="equal")
        await wait_converged([*clients.values()])
        lines: list[WantedLine] = [{"sku": "CAFE-500", "quantity": 1}]
        placed = [await c.place_order("PADARIA-SOL", lines) for c in clients.values() for _ in range(ORDERS)]
        await wait_converged([*clients.values()])
        return [order["id"] for order in placed]


async def _sell_alone(cluster: Cluster) -> str:
    """One order more at the last branch, that no other hears of; then all are stopped."""
    *others, last = cluster.network.names
    for name in others:
        cluster.driver.stop(name)
    async with cluster.client(last) as client:
        order = await client.place_order("PADARIA-SOL", [{"sku": "CAFE-500", "quantity": 1}])
    cluster.driver.stop(last)
    return order["id"]


async def _until(cluster: Cluster, reason: str) -> None:
    waiting = set(cluster.network.names)

    async def all_gave_it() -> bool:
        for name in sorted(waiting):
            with suppress(Refused, Unknown):  # it is not up yet
                async with cluster.client(name) as client:
                    if dict(await client.status()).get("reason") == reason:
                        waiting.discard(name)
        return not waiting

    assert await poll(all_gave_it, seconds=WAIT_SECONDS), f"{waiting} never gave the reason {reason}"


async def _orders_once_salvaged(cluster: Cluster) -> dict[str, list[str]]:
    async with cluster.clients() as clients:

        async def accounts() -> list[list[Salvaged]]:
            return [(await client.status())["salvage"] for client in clients.values()]

        found = await poll(accounts, until=_all_complete, seconds=WAIT_SECONDS)
        assert _all_complete(found), found
        await wait_converged([*clients.values()])
        return {n: sorted(order["id"] for order in await c.orders()) for n, c in clients.items()}


def _all_complete(accounts: list[list[Salvaged]]) -> bool:
    return all(files and all(file["complete"] for file in files) for files in accounts)


async def _stock(cluster: Cluster) -> list[dict[str, int]]:
    async with cluster.clients() as clients:
        found = [await client.stock_of("CAFE-500") for client in clients.values()]
        return [{name: one[name] for name in ("available", "frozen", "oversold")} for one in found]
