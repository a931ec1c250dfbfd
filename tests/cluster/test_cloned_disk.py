"""Databases that went back in time behind the node's back, and two processes on copies of one."""

import asyncio
import shutil
from pathlib import Path

import httpx
import pytest

from branchlab.networks import network, ports
from branchlab.networks.drivers.process import ProcessDriver
from branchlab.networks.network import Network, NodeAddress
from branchlab.nodes.client import NodeClient
from branchlab.nodes.contract import Share, Status
from branchlab.nodes.convergence import read_status, wait_converged
from branchlab.nodes.outcome import Refused
from branchlab.poll import poll
from tests.cluster.cluster import Cluster, StartCluster

pytestmark = pytest.mark.cluster

VICTIM = "filial-sul"
UNITS = 90
FENCED_SECONDS = 60.0


@pytest.fixture
def cluster(start_cluster: StartCluster) -> Cluster:
    return start_cluster(settings={"REBALANCE_SECONDS": "0"})


async def stock(cluster: Cluster, *, at: str = "matriz", share: Share = "equal") -> None:
    async with cluster.clients() as clients:
        first = clients["matriz"]
        await first.create_product("CAFE", "Café", 500)
        await first.create_customer({"code": "ANA", "name": "Ana"})
        await wait_converged([*clients.values()])
        await clients[at].adjust("CAFE", UNITS, reason="delivery", share=share)
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


def test_two_processes_on_copies_of_one_volume_are_both_refused_and_both_say_why(
    cluster: Cluster, twin: ProcessDriver, tmp_path: Path
) -> None:
    """All units are theirs, so the copy has nothing else to sell, and it sells none of them. When one is gone
    and the other started again, all is well."""
    asyncio.run(stock(cluster, at=VICTIM, share="keep"))
    copy = tmp_path / "twin" / VICTIM / "node.db"
    copy.parent.mkdir()
    cluster.driver.backup(VICTIM, copy)
    twin_url = network.load(tmp_path / "twin").url(VICTIM)
    try:
        twin.start(VICTIM)
        sold = asyncio.run(sell_at_both(cluster, twin_url))
        for url in (cluster.network.url(VICTIM), twin_url):
            answer = httpx.get(f"{url}/readyz", trust_env=False)
            assert (answer.status_code, answer.json()["reason"]) == (503, "fenced")
    finally:
        twin.stop(VICTIM)

    cluster.driver.stop(VICTIM)
    cluster.driver.heal()
    assert asyncio.run(seen(cluster)) == (sold, 0, UNITS - len(sold))


async def sell_at_both(cluster: Cluster, twin_url: str) -> set[str]:
    """Sells at both, one unit at a time, until both are fenced, both show why, and their peers do; the
    orders. The copy must sell none."""
    sold: set[str] = set()
    async with cluster.clients() as clients, NodeClient(VICTIM, twin_url) as other:
        other.token = clients[VICTIM].token  # good at every branch, and this one may be starting yet

        async def sell_and_look() -> list[Status | None]:
            assert await try_to_sell(other) == set()
            sold.update(await try_to_sell(clients[VICTIM]))
            asked = (clients[VICTIM], other, clients["matriz"], clients["filial-norte"])
            return [await read_status(client) for client in asked]  # one that starts yet gives none

        statuses = await poll(sell_and_look, until=all_show_it, seconds=FENCED_SECONDS, every=0.05)
        assert all_show_it(statuses), statuses
        assert all(each and each["alarms"].keys() == {"new_epoch", "fenced"} for each in statuses[:2])
        return sold


def all_show_it(statuses: list[Status | None]) -> bool:
    """Whether both are fenced for the other process, and a peer has named the clone."""
    fenced = [str(status["fenced"]) if status else "" for status in statuses[:2]]
    alarms = [status["alarms"] if status else {} for status in statuses[2:]]
    return all("another process" in why for why in fenced) and any("cloned" in each for each in alarms)


async def try_to_sell(client: NodeClient) -> set[str]:
    """The order of one unit, unless the node has none or may not sell."""
    try:
        return {(await client.place_order("ANA", [{"sku": "CAFE", "quantity": 1}]))["id"]}
    except Refused as refused:
        if refused.code not in ("out_of_stock", "fenced", "not_ready"):
            raise
        return set()
