"""The lab's verbs on a real network of node processes."""

import asyncio
import json
import os
import subprocess
import sys
from typing import Any

import pytest

from lab import settings
from lab.convergence import wait_converged
from tests.cluster.cluster import Cluster, StartCluster

pytestmark = pytest.mark.cluster

PRODUCTS_WHILE_AWAY = 5


def lab(cluster: Cluster, *arguments: str) -> str:
    """What `lab` prints for this cluster; fails the test when it does not exit 0."""
    environment = {**os.environ, "LAB_RUN_DIR": str(cluster.run_dir), "LAB_ENV_FILE": str(cluster.env_file)}
    ended = subprocess.run(
        [sys.executable, "-m", "lab", *arguments],
        cwd=settings.ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def shown(cluster: Cluster) -> Any:
    return json.loads(lab(cluster, "status", "--json"))


async def create_products(cluster: Cluster, node: str, *, prefix: str) -> None:
    """As many events at `node` as products: each creation is one."""
    async with cluster.client(node) as client:
        for number in range(PRODUCTS_WHILE_AWAY):
            await client.create_product(f"{prefix}-{number}", f"{prefix} {number}", 100)


async def converge(cluster: Cluster) -> None:
    async with cluster.clients() as clients:
        await wait_converged(list(clients.values()))


def test_a_fresh_network_is_ready_and_converged(cluster: Cluster) -> None:
    asyncio.run(converge(cluster))
    network = shown(cluster)
    assert [node["state"] for node in network["nodes"].values()] == ["running"] * 3
    assert [node["ready"] for node in network["nodes"].values()] == [True] * 3
    assert network["converged"] is True


def test_up_twice_keeps_the_nodes_that_run(cluster: Cluster) -> None:
    before = [(cluster.run_dir / name / "process.json").read_text() for name in cluster.network.names]
    assert "every node is ready" in lab(cluster, "up")
    after = [(cluster.run_dir / name / "process.json").read_text() for name in cluster.network.names]
    assert after == before


@pytest.mark.parametrize(("fault", "state"), [("pause", "paused"), ("stop", "stopped")])
def test_a_branch_is_cut_off_pending_grows_and_heal_drains_it(
    cluster: Cluster, fault: str, state: str
) -> None:
    """Others keep working; pending to the branch grows by what was written and drains by itself."""
    asyncio.run(converge(cluster))
    lab(cluster, "partition", "filial-sul", "--fault", fault)
    asyncio.run(create_products(cluster, "matriz", prefix=fault))

    nodes = shown(cluster)["nodes"]
    assert nodes["filial-sul"]["state"] == state
    assert nodes["filial-sul"]["pending"] == {"matriz": None, "filial-norte": None}
    assert nodes["matriz"]["pending"]["filial-sul"] == PRODUCTS_WHILE_AWAY
    assert nodes["filial-norte"]["pending"]["filial-sul"] == 0

    lab(cluster, "heal")
    lab(cluster, "heal")
    asyncio.run(converge(cluster))
    assert shown(cluster)["converged"] is True


def test_a_killed_node_comes_back_with_its_data(cluster: Cluster) -> None:
    asyncio.run(create_products(cluster, "filial-sul", prefix="kill"))
    cluster.driver.kill("filial-sul")
    cluster.driver.heal()
    assert asyncio.run(skus(cluster, "filial-sul")) == {f"kill-{n}" for n in range(PRODUCTS_WHILE_AWAY)}


async def skus(cluster: Cluster, node: str) -> set[str]:
    async with cluster.client(node) as client:
        return {product["sku"].lower() for product in await client.products()}


def test_down_leaves_nothing_running_and_the_data_come_up_again(cluster: Cluster) -> None:
    asyncio.run(create_products(cluster, "matriz", prefix="down"))
    lab(cluster, "down")
    assert [cluster.driver.state(name) for name in cluster.network.names] == ["stopped"] * 3
    lab(cluster, "up")
    assert len(asyncio.run(skus(cluster, "matriz"))) == PRODUCTS_WHILE_AWAY


def test_clean_removes_the_data(cluster: Cluster) -> None:
    lab(cluster, "clean")
    assert not cluster.run_dir.exists()


def test_a_setting_may_differ_at_one_node(start_cluster: StartCluster) -> None:
    """Replication does not mind a clock that is an hour ahead."""
    cluster = start_cluster(2, node_settings={"filial-norte": {"CLOCK_OFFSET_SECONDS": "3600"}})
    asyncio.run(create_products(cluster, "filial-norte", prefix="late"))
    asyncio.run(converge(cluster))
    assert len(asyncio.run(skus(cluster, "matriz"))) == PRODUCTS_WHILE_AWAY


def test_watch_shows_the_network(cluster: Cluster) -> None:
    screen = lab(cluster, "watch", "--seconds", "1")
    for name in cluster.network.names:
        assert name in screen


def test_nodes_run_side_by_side_in_different_directories(start_cluster: StartCluster) -> None:
    first, second = start_cluster(2), start_cluster(2)
    first.driver.down()
    assert second.driver.state("matriz") == "running"
