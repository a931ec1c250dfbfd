"""Every verb of the lab, by one test body over every driver."""

import asyncio

import pytest

from branchlab.networks.network import NODE_NAMES
from branchlab.nodes.contract import Status
from branchlab.nodes.convergence import Statuses, read_status, wait_clear, wait_converged, wait_pending_zero
from tests.cluster.cluster import Cluster
from tests.verbs.conftest import MakeCluster
from tests.verbs.traces import births, data, left_over

PRODUCTS = 5  # each creation is one event
ALL_RUNNING = ["running"] * 3


def states(cluster: Cluster) -> list[str]:
    return [cluster.driver.state(name) for name in cluster.network.names]


async def create_products(cluster: Cluster, node: str, *, prefix: str) -> None:
    async with cluster.client(node) as client:
        for number in range(PRODUCTS):
            await client.create_product(f"{prefix}-{number}", f"{prefix} {number}", 100)


async def products(cluster: Cluster, node: str, *, prefix: str) -> int:
    async with cluster.client(node) as client:
        return sum(product["sku"].lower().startswith(prefix) for product in await client.products())


async def converge(cluster: Cluster) -> None:
    async with cluster.clients() as clients:
        await wait_converged(list(clients.values()))


async def place_order(cluster: Cluster, node: str, *, sku: str) -> None:
    """One order of a unit that the node has, for a customer of its own."""
    async with cluster.client(node) as client:
        await client.create_customer({"code": f"C-{sku}", "name": "Ana Lima"})
        await client.adjust(sku, 3, reason="verbs", share="keep")
        await client.place_order(f"C-{sku}", [{"sku": sku, "quantity": 1}], key=f"order-{sku}")


async def settled_status(cluster: Cluster, node: str, *, without: str) -> Status:
    """The node's status once the other nodes that are there have everything of it."""
    others = [name for name in cluster.network.names if name not in (node, without)]
    async with cluster.client(node) as client:

        async def read() -> dict[str, Status | None]:
            return {node: await read_status(client)}

        def behind(statuses: Statuses) -> list[str]:
            status = statuses[node]
            return [name for name in others if status is None or status["pending"][name] != 0]

        settled = (await wait_clear(read, behind, deadline_seconds=30))[node]
    assert settled is not None
    return settled


def own_head(status: Status) -> int:
    """How many events the node has written."""
    return status["heads"].get(f"{status['node']}@{status['epoch']}", 0)


def test_up_a_second_time_keeps_what_runs(cluster: Cluster) -> None:
    before = births(cluster)
    assert "every node is ready" in cluster.lab("up")
    assert births(cluster) == before


def test_up_resumes_what_is_paused_and_starts_what_is_stopped(cluster: Cluster) -> None:
    cluster.driver.pause("matriz")
    cluster.driver.stop("filial-sul")
    assert states(cluster) == ["paused", "running", "stopped"]
    cluster.lab("up")
    assert states(cluster) == ALL_RUNNING


def test_the_number_of_nodes_stays(cluster: Cluster) -> None:
    said = cluster.lab("up", "--nodes", "4", exit_code=2)
    assert "this network stays at 3 nodes" in said


@pytest.mark.parametrize(("fault", "state"), [("pause", "paused"), ("stop", "stopped")])
def test_a_branch_is_cut_off_and_healed(cluster: Cluster, fault: str, state: str) -> None:
    """Pending to it grows by exactly what was written, other links stay at 0; it drains by itself."""
    asyncio.run(converge(cluster))
    before = asyncio.run(settled_status(cluster, "matriz", without="filial-sul"))
    said = cluster.lab("partition", "filial-sul", "--fault", fault)
    assert f"filial-sul is {state}" in said

    asyncio.run(create_products(cluster, "matriz", prefix=fault))
    after_products = asyncio.run(settled_status(cluster, "matriz", without="filial-sul"))
    assert after_products["pending"] == {"filial-norte": 0, "filial-sul": PRODUCTS}
    asyncio.run(place_order(cluster, "matriz", sku=f"{fault}-0"))
    after_order = asyncio.run(settled_status(cluster, "matriz", without="filial-sul"))
    assert after_order["pending"] == {
        "filial-norte": 0,
        "filial-sul": own_head(after_order) - own_head(before),
    }

    nodes = cluster.status()["nodes"]
    assert [node["state"] for node in nodes.values()] == ["running", "running", state]
    assert nodes["filial-sul"]["pending"] == {"matriz": None, "filial-norte": None}
    assert nodes["filial-norte"]["pending"] == {"matriz": 0, "filial-sul": 0}

    cluster.lab("heal")
    cluster.lab("heal")
    healed = cluster.status()["nodes"]
    assert [set(node["pending"].values()) for node in healed.values()] == [{0}] * 3
    asyncio.run(converge(cluster))
    assert asyncio.run(products(cluster, "filial-sul", prefix=fault)) == PRODUCTS


def test_stop_start_pause_and_resume_may_be_repeated(cluster: Cluster) -> None:
    seen = []
    for verb in ("stop", "stop", "start", "start", "pause", "pause", "resume", "resume"):
        cluster.lab(verb, "filial-norte")
        seen.append(cluster.driver.state("filial-norte"))
    assert seen == [*["stopped"] * 2, *["running"] * 2, *["paused"] * 2, *["running"] * 2]


def test_what_cannot_be_done_says_so(cluster: Cluster) -> None:
    cluster.driver.pause("matriz")
    cluster.driver.stop("filial-sul")
    assert "is paused, not stopped; resume it" in cluster.lab("start", "matriz", exit_code=2)
    for verb in ("pause", "resume"):
        assert "is stopped; start it first" in cluster.lab(verb, "filial-sul", exit_code=2)


def test_a_paused_node_can_be_stopped(cluster: Cluster) -> None:
    cluster.driver.pause("matriz")
    cluster.driver.stop("matriz")
    assert cluster.driver.state("matriz") == "stopped"


@pytest.mark.parametrize("before", ["running", "paused"])
def test_a_killed_node_comes_back_with_its_data(cluster: Cluster, before: str) -> None:
    asyncio.run(create_products(cluster, "filial-sul", prefix=before))
    if before == "paused":
        cluster.driver.pause("filial-sul")
    cluster.lab("kill", "filial-sul")
    assert cluster.driver.state("filial-sul") == "stopped"
    cluster.driver.heal()
    assert asyncio.run(products(cluster, "filial-sul", prefix=before)) == PRODUCTS


def test_chaos_breaks_nodes_and_heals_at_its_end(cluster: Cluster) -> None:
    before = births(cluster)
    said = cluster.lab("chaos", "--seconds", "12", "--seed", "4")
    assert "stop filial-sul for 2.6 s" in said  # the same seed gives the same schedule in any driver
    assert "healed; faults made: 2" in said
    assert states(cluster) == ALL_RUNNING
    changed = {name for name, birth in births(cluster).items() if birth != before[name]}
    assert changed == {"filial-sul"}
    asyncio.run(converge(cluster))


def test_watch_shows_every_node(cluster: Cluster) -> None:
    screen = cluster.lab("watch", "--seconds", "1")
    assert [name for name in cluster.network.names if name not in screen] == []


def test_down_leaves_nothing_behind_and_the_data_come_up_again(cluster: Cluster) -> None:
    asyncio.run(create_products(cluster, "matriz", prefix="down"))
    cluster.driver.pause("filial-norte")
    cluster.lab("down")
    cluster.lab("down")
    assert left_over(cluster) == []
    assert states(cluster) == ["stopped"] * 3
    cluster.lab("up")
    assert asyncio.run(products(cluster, "matriz", prefix="down")) == PRODUCTS


def test_two_nodes_are_a_network_too_and_clean_removes_all_of_it(make_cluster: MakeCluster) -> None:
    cluster = make_cluster(2)
    assert cluster.network.names == NODE_NAMES[:2]
    asyncio.run(two_agree(cluster))
    assert len(data(cluster)) == 2
    cluster.driver.pause("matriz")
    cluster.lab("clean")
    assert left_over(cluster) + data(cluster) == []
    assert not cluster.run_dir.exists()


async def two_agree(cluster: Cluster) -> None:
    await create_products(cluster, "matriz", prefix="two")
    async with cluster.clients() as clients:
        await wait_pending_zero(list(clients.values()))
    assert await products(cluster, "filial-norte", prefix="two") == PRODUCTS
