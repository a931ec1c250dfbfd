"""What the process driver alone must show; the verbs of all drivers are in tests/verbs."""

import asyncio
import json

import pytest

from branchlab.cli import main
from branchlab.nodes.convergence import wait_converged
from tests.cluster.cluster import Cluster, StartCluster

pytestmark = pytest.mark.cluster

PRODUCTS_WHILE_AWAY = 5


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
    network = cluster.status()
    assert [node["state"] for node in network["nodes"].values()] == ["running"] * 3
    assert [node["ready"] for node in network["nodes"].values()] == [True] * 3
    assert network["converged"] is True


async def skus(cluster: Cluster, node: str) -> set[str]:
    async with cluster.client(node) as client:
        return {product["sku"].lower() for product in await client.products()}


def test_a_setting_may_differ_at_one_node(start_cluster: StartCluster) -> None:
    """Replication does not mind a clock that is an hour ahead."""
    cluster = start_cluster(2, node_settings={"filial-norte": {"CLOCK_OFFSET_SECONDS": "3600"}})
    asyncio.run(create_products(cluster, "filial-norte", prefix="late"))
    asyncio.run(converge(cluster))
    assert len(asyncio.run(skus(cluster, "matriz"))) == PRODUCTS_WHILE_AWAY


def test_nodes_run_side_by_side_in_different_directories(start_cluster: StartCluster) -> None:
    first, second = start_cluster(2), start_cluster(2)
    first.driver.down()
    assert second.driver.state("matriz") == "running"


def test_up_names_the_nodes_that_run_other_code_than_the_folder_has(
    start_cluster: StartCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster = start_cluster(2)
    record = cluster.run_dir / "matriz" / "process.json"
    older = {**json.loads(record.read_text(encoding="utf-8")), "code": "older"}
    record.write_text(json.dumps(older), encoding="utf-8")

    with pytest.raises(SystemExit) as ended:
        main(["up", "--run-dir", str(cluster.run_dir), "--env-file", str(cluster.env_file)])

    said = capsys.readouterr().err
    assert not ended.value.code
    assert "matriz run the code from before this folder changed: run `make down`, then `make up`" in said
    assert cluster.driver.state("matriz") == "running"
