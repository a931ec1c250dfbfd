"""`./lab salvage` over every driver: what a node's damaged file holds is shown and comes back."""

import asyncio
import json

import pytest

from branchlab.nodes.contract import Order
from branchlab.nodes.convergence import wait_converged
from tests.cluster.cluster import Cluster
from tests.cluster.damaged_page import zero_a_page
from tests.verbs.conftest import MakeCluster

pytestmark = pytest.mark.long

VICTIM = "filial-sul"


@pytest.fixture(scope="module")
def shared(make_cluster: MakeCluster) -> Cluster:
    return make_cluster()


def sell_alone(cluster: Cluster) -> Order:
    """An order that only the victim has, and that its disk keeps: the others are stopped before."""

    async def prepare() -> None:
        async with cluster.clients() as clients:
            await clients[VICTIM].create_product("CAFE-500", "Café 500 g", 1890)
            await clients[VICTIM].create_customer({"code": "PADARIA-SOL", "name": "Padaria do Sol"})
            await clients[VICTIM].adjust("CAFE-500", 30, reason="delivery")
            await wait_converged([*clients.values()])

    async def sell() -> Order:
        async with cluster.client(VICTIM) as client:
            return await client.place_order("PADARIA-SOL", [{"sku": "CAFE-500", "quantity": 3}])

    asyncio.run(prepare())
    for name in cluster.network.names:
        if name != VICTIM:
            cluster.driver.stop(name)
    order = asyncio.run(sell())
    cluster.driver.stop(VICTIM)
    return order


async def orders(cluster: Cluster) -> dict[str, list[str]]:
    async with cluster.clients() as clients:
        await wait_converged([*clients.values()])
        return {name: [order["id"] for order in await client.orders()] for name, client in clients.items()}


def test_an_order_that_only_a_damaged_file_had_is_shown_and_brought_back(cluster: Cluster) -> None:
    order = sell_alone(cluster)
    zero_a_page(cluster, VICTIM)

    shown = json.loads(cluster.lab("salvage", VICTIM, "--show"))

    assert [(file["file"], file["orders"]["only_here"]) for file in shown["files"]] == [("node.db", 1)]
    assert "nothing was done" in cluster.lab("salvage", VICTIM, exit_code=2)
    said = cluster.lab("salvage", VICTIM, "--yes").splitlines()
    assert said == [
        "of the damaged file node.db.damaged-1 1 order came back and 0 orders could not be brought back",
        f"{VICTIM} is started again and serves when it has what its peers have: `make watch`",
    ]
    cluster.lab("heal")
    assert asyncio.run(orders(cluster)) == {name: [order["id"]] for name in cluster.network.names}
    assert json.loads(cluster.lab("salvage", VICTIM, "--show"))["damage"] is None
