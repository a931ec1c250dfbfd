"""Databases that went back in time behind the node's back, and two processes on copies of one."""

import asyncio
import shutil
import time
from pathlib import Path

import pytest

from lab import network, ports
from lab.client import NodeClient, Refused
from lab.convergence import wait_converged
from lab.drivers.process import ProcessDriver
from lab.network import Network, NodeAddress
from tests.cluster.cluster import Cluster, StartCluster

pytestmark = pytest.mark.cluster

VICTIM = "filial-sul"
UNITS = 90
FENCED_SECONDS = 60.0


@pytest.fixture
def cluster(start_cluster: StartCluster) -> Cluster:
    return start_cluster(settings={"REBALANCE_SECONDS": "0"})


async def stock(cluster: Cluster) -> None:
    async with cluster.clients() as clients:
        first = clients["matriz"]
        await first.create_product("CAFE", "Café", 500)
        await first.create_customer({"code": "ANA", "name": "Ana"})
        await wait_converged([*clients.values()])
        await first.adjust("CAFE", UNITS, reason="delivery", share="equal")
        await wait_converged([*clients.values()])


async def sell(cluster: Cluster, quantity: int) -> str:
    async with cluster.clients() as clients:
        order = await clients[VICTIM].place_order("ANA", [{"sku": "CAFE", "quantity": quantity}])
        await wait_converged([*clients.values()])
        return order["id"]


async def seen(cluster: Cluster) -> tuple[set[str], int, int]:
    """Orders, and what the victim may sell and what is frozen, once all agree."""
    async with cluster.clients() as clients:
        await wait_converged([*clients.values()])
        stocked = await clients[VICTIM].stock_of("CAFE")
        orders = {order["id"] for order in await clients[VICTIM].orders()}
        return orders, stocked["here"], stocked["frozen"]


def test_a_database_rolled_back_by_hand_is_noticed_when_the_peers_say_hello(
    cluster: Cluster, tmp_path: Path
) -> None:
    """No command was used: the file was just put in the place of a newer one."""
    asyncio.run(stock(cluster))
    first = asyncio.run(sell(cluster, 1))
    cluster.driver.backup(VICTIM, tmp_path / "copy.db")
    second = asyncio.run(sell(cluster, 2))
    before = cluster.status()["nodes"][VICTIM]["epoch"]
    cluster.driver.stop(VICTIM)
    shutil.copy(tmp_path / "copy.db", cluster.run_dir / VICTIM / "node.db")

    cluster.driver.heal()

    assert asyncio.run(seen(cluster)) == ({first, second}, 0, UNITS // 3 - 3)
    assert cluster.status()["nodes"][VICTIM]["epoch"] != before


@pytest.fixture
def twin(cluster: Cluster, tmp_path: Path) -> ProcessDriver:
    """A driver of another network directory, in which the victim has an address of its own."""
    (port,) = ports.find_free(1)
    nodes = tuple(
        NodeAddress(node.name, f"http://127.0.0.1:{port}") if node.name == VICTIM else node
        for node in cluster.network.nodes
    )
    other = Network(
        "process", nodes, cluster.network.policy, cluster.network.settings, cluster.network.node_settings
    )
    run_dir = tmp_path / "twin"
    network.save(other, run_dir)
    return ProcessDriver(run_dir, env_file=cluster.env_file)


@pytest.mark.long  # a matter of timing between real processes; the node's own tests play it exactly
def test_of_two_processes_on_copies_of_one_volume_at_most_one_goes_on_and_both_say_why(
    cluster: Cluster, twin: ProcessDriver, tmp_path: Path
) -> None:
    """Both are one branch in one epoch. Each begins a new epoch once by itself; who has to again waits for a
    person. What they sold meanwhile is never more than there is."""
    asyncio.run(stock(cluster))
    copy = tmp_path / "twin" / VICTIM / "node.db"
    copy.parent.mkdir()
    cluster.driver.backup(VICTIM, copy)
    try:
        twin.start(VICTIM)
        sold = asyncio.run(sell_at_both(cluster, network.load(tmp_path / "twin").url(VICTIM)))
    finally:
        twin.stop(VICTIM)

    cluster.driver.stop(VICTIM)
    cluster.driver.heal()
    asyncio.run(seen(cluster))
    asyncio.run(sell_the_rest(cluster))
    assert sold <= UNITS


async def sell_at_both(cluster: Cluster, twin_url: str) -> int:
    """Sells at both until one is fenced and both show why; the units sold."""
    secrets, deadline = cluster.secrets, time.monotonic() + FENCED_SECONDS
    async with cluster.client(VICTIM) as one, NodeClient(VICTIM, twin_url) as other:
        await other.login(secrets.admin_username, secrets.admin_password)
        sold = 0
        while True:
            for client in (one, other):
                sold += await try_to_sell(client, 3)
            statuses = [await one.status(), await other.status()]
            fenced = [status["fenced"] for status in statuses]
            told = [status["alarms"].keys() & {"new_epoch", "fenced"} for status in statuses]
            if any(fenced) and all(told):
                return sold
            assert time.monotonic() < deadline, (fenced, told)
            await asyncio.sleep(0.05)


async def try_to_sell(client: NodeClient, quantity: int) -> int:
    """The units sold: `quantity`, or 0 where the node has none or may not sell."""
    try:
        await client.place_order("ANA", [{"sku": "CAFE", "quantity": quantity}])
    except Refused as refused:
        if refused.code not in ("out_of_stock", "fenced", "not_ready"):
            raise
        return 0
    return quantity


async def sell_the_rest(cluster: Cluster) -> None:
    """What is frozen stays so: all orders that any node shows, and all it may still sell, fit the shelf."""
    async with cluster.clients() as clients:
        while await try_to_sell(clients["matriz"], 1):
            pass
        await wait_converged([*clients.values()])
        orders = await clients["matriz"].orders()
        assert sum(line["quantity"] for order in orders for line in order["lines"]) <= UNITS
