"""Real networks for the cluster tests: uvicorn processes on free ports, each network in its own directory."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from lab.networks import ports
from lab.networks.drivers.process import ProcessDriver
from lab.networks.network import Policy, UpOptions
from lab.settings import load_or_create
from tests.cluster.cluster import Cluster, StartCluster

# Cheap password hashes, short retries, and no background moves that would change what a test counts.
FAST = {"BCRYPT_ROUNDS": "4", "REPLICATION_RETRY_SECONDS": "0.1", "REBALANCE_SECONDS": "0"}


@pytest.fixture
def start_cluster(tmp_path: Path) -> Iterator[StartCluster]:
    """Starts networks; all are stopped by pid at the end.

    Their data and logs stay in tmp_path, where pytest keeps those of the last runs.
    """
    drivers: list[ProcessDriver] = []

    def start(
        nodes: int = 3,
        *,
        policy: Policy = "escrow",
        settings: Mapping[str, str] | None = None,
        node_settings: Mapping[str, Mapping[str, str]] | None = None,
    ) -> Cluster:
        directory = tmp_path / f"network-{len(drivers) + 1}"
        run_dir, env_file = directory / "run", directory / "env"
        driver = ProcessDriver(run_dir, env_file=env_file)
        drivers.append(driver)
        directory.mkdir()
        options = UpOptions(
            nodes=nodes,
            policy=policy,
            ports=ports.find_free(nodes),
            settings={**FAST, **(settings or {})},
            node_settings=node_settings or {},
        )
        network = driver.up(options)
        secrets = load_or_create(env_file)
        return Cluster(network=network, driver=driver, secrets=secrets, run_dir=run_dir, env_file=env_file)

    yield start
    for driver in drivers:
        driver.down()


@pytest.fixture
def cluster(start_cluster: StartCluster) -> Cluster:
    """Three nodes under escrow, ready."""
    return start_cluster()
