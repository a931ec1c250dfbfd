"""Real networks for the cluster tests: processes on free ports, each network in its own directory."""

from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path

import pytest

from branchlab.networks import ports
from branchlab.networks.drivers.process import ProcessDriver
from branchlab.networks.network import Policy, UpOptions
from branchlab.settings import load_or_create
from tests.cluster.cluster import Cluster, StartCluster

# Cheap password hashes, short retries, and no background moves that would change what a test counts.
FAST = {"BCRYPT_ROUNDS": "4", "REPLICATION_RETRY_SECONDS": "0.1", "REBALANCE_SECONDS": "0"}


class Networks:
    """Networks whose data and logs stay in one directory, where pytest keeps those of the last runs."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._drivers: list[ProcessDriver] = []

    def start(
        self,
        nodes: int = 3,
        *,
        policy: Policy = "escrow",
        settings: Mapping[str, str] | None = None,
        node_settings: Mapping[str, Mapping[str, str]] | None = None,
    ) -> Cluster:
        """Start one more network, and wait until it is ready."""
        directory = self._directory / f"network-{len(self._drivers) + 1}"
        run_dir, env_file = directory / "run", directory / "env"
        driver = ProcessDriver(run_dir, env_file=env_file)
        self._drivers.append(driver)
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

    def close(self) -> None:
        """Stop every node by its pid."""
        for driver in self._drivers:
            driver.down()


@pytest.fixture
def start_cluster(tmp_path: Path) -> Iterator[StartCluster]:
    """Starts networks of one test."""
    with closing(Networks(tmp_path)) as networks:
        yield networks.start


@pytest.fixture
def cluster(start_cluster: StartCluster) -> Cluster:
    """Three nodes under escrow, ready."""
    return start_cluster()


@pytest.fixture(scope="module")
def start_shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartCluster]:
    """Starts networks for all tests of a module: none of them may mind what the others left."""
    with closing(Networks(tmp_path_factory.mktemp("shared"))) as networks:
        yield networks.start


@pytest.fixture(scope="module")
def shared_cluster(start_shared: StartCluster) -> Cluster:
    """Three nodes under escrow, ready, for all tests of a module."""
    return start_shared()
