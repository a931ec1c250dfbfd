"""A real network that is upgraded node by node while orders go on, and taken back.

There is no release before the present code, so the present code is the previous version, and the newest is
what CONTRIBUTING's recipes make of it: rows have more fields, and there are more kinds of them.
"""

import asyncio
from pathlib import Path

import pytest

from branchlab.networks.drivers.process import ProcessDriver, node_command
from branchlab.networks.network import NodeAddress
from tests.cluster import next_version
from tests.cluster.cluster import Cluster, StartCluster, in_folder
from tests.cluster.upgrades import Story, Version
from tests.recipes.tree import NODE

pytestmark = pytest.mark.cluster


@pytest.fixture
def cluster(start_cluster: StartCluster) -> Cluster:
    return start_cluster(settings={"REBALANCE_SECONDS": "0", "SCRUB_SECONDS": "5"})


def test_a_network_is_upgraded_node_by_node_and_taken_back_while_orders_go_on(
    cluster: Cluster, tmp_path: Path
) -> None:
    """No order fails but while its own node restarts, nothing is parked at any time, and nothing is lost."""
    tree = next_version.build(tmp_path / "next")
    upgraded: set[str] = set()

    def command(node: NodeAddress) -> list[str]:
        present = node_command(node)
        return in_folder(tree.root / NODE, present) if node.name in upgraded else present

    driver = ProcessDriver(cluster.run_dir, env_file=cluster.env_file, command=command)

    def change(name: str, version: Version) -> None:
        driver.stop(name)
        (upgraded.add if version == "next" else upgraded.discard)(name)
        driver.start(name)
        driver.heal()

    try:
        asyncio.run(Story(cluster, change, tmp_path).play())
    finally:
        driver.down()
