"""A node whose disk is lost comes back with what its peers had, and sells nothing it may have spent; a stock
count releases what is left of it."""

import asyncio

import pytest

from branchlab.nodes.client import NodeClient
from branchlab.nodes.contract import Order
from branchlab.nodes.convergence import wait_converged
from branchlab.nodes.outcome import Refused
from branchlab.nodes.stock_counts import when_unblocked
from tests.cluster.cluster import Cluster, StartCluster

pytestmark = pytest.mark.cluster

LOST = "filial-sul"
OTHERS = ("matriz", "filial-norte")
UNITS = 90
COUNTER = "filial-norte"  # the first member by name counts for the company
GONE = 3  # what the lost order took from the shelf


def test_a_lost_disk_loses_only_the_orders_that_no_peer_had(start_cluster: StartCluster) -> None:
    cluster = start_cluster(settings={"REBALANCE_SECONDS": "0"})

    asyncio.run(_lose_the_disk_and_come_back(cluster))

    assert cluster.status()["converged"] is True


async def _lose_the_disk_and_come_back(cluster: Cluster) -> None:
    async with cluster.clients() as clients:
        await _stock(clients)
        kept = await _sell(clients[LOST], quantity=4)
        await wait_converged([*clients.values()])
        assert sorted(OTHERS) == (await clients[LOST].order(kept["id"]))["stored_by"]

        for name in OTHERS:
            cluster.driver.stop(name)  # a paused one would still take in what its socket holds
        lost = await _sell(clients[LOST], quantity=3)
        assert (await clients[LOST].status())["at_risk"] == 1
        cluster.driver.kill(LOST)
        for file in (cluster.run_dir / LOST).glob("node.db*"):
            file.unlink()
        cluster.driver.heal()
        await wait_converged([*clients.values()])

        for client in clients.values():
            assert [kept["id"]] == [order["id"] for order in await client.orders()]
        with pytest.raises(Refused, match="not_found"):
            await clients[LOST].order(lost["id"])
        stock = await clients[LOST].stock_of("CAFE-500")
        assert (stock["here"], stock["frozen"]) == (0, UNITS // 3 - 4)
        await _sell_what_is_left(clients[LOST])
        await _count(clients)


async def _stock(clients: dict[str, NodeClient]) -> None:
    """A third of the units for each branch."""
    first = clients["matriz"]
    await first.create_product("CAFE-500", "Café 500 g", 1890)
    await first.create_customer({"code": "PADARIA-SOL", "name": "Padaria do Sol"})
    await first.adjust("CAFE-500", UNITS, reason="delivery", share="equal")
    await wait_converged([*clients.values()])


async def _sell(client: NodeClient, *, quantity: int) -> Order:
    return await client.place_order("PADARIA-SOL", [{"sku": "CAFE-500", "quantity": quantity}])


async def _sell_what_is_left(client: NodeClient) -> None:
    """The others' rights can be sold by the new life, those of the dead one by nobody."""
    await _sell(client, quantity=2 * UNITS // 3)
    with pytest.raises(Refused, match="out_of_stock"):
        await _sell(client, quantity=1)


async def _count(clients: dict[str, NodeClient]) -> None:
    """Somebody counts the shelf: what the lost order did not take can be sold again, not one unit more."""
    await when_unblocked(lambda: clients[COUNTER].count("CAFE-500", gone=GONE))
    await wait_converged([*clients.values()])
    await _sell(clients[LOST], quantity=UNITS // 3 - 4 - GONE)
    with pytest.raises(Refused, match="out_of_stock"):
        await _sell(clients[LOST], quantity=1)
