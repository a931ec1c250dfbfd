"""Real networks for the cluster tests: uvicorn processes on free ports, each network in its own directory."""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from lab import ports, settings
from lab.client import NodeClient
from lab.drivers.process import ProcessDriver
from lab.network import Network, Policy, UpOptions

# Cheap password hashes and short retries: what these tests are about is neither.
FAST = {"BCRYPT_ROUNDS": "4", "REPLICATION_RETRY_SECONDS": "0.1"}


@dataclass(frozen=True)
class Cluster:
    """A network that is up, with the means to break it."""

    network: Network
    driver: ProcessDriver
    secrets: settings.Secrets
    run_dir: Path
    env_file: Path

    @asynccontextmanager
    async def clients(self) -> AsyncIterator[dict[str, NodeClient]]:
        """A client per node, by the node's name, each logged in as the admin."""
        async with AsyncExitStack() as stack:
            clients = {}
            for node in self.network.nodes:
                client = await stack.enter_async_context(NodeClient(node.name, node.url))
                await client.login(self.secrets.admin_username, self.secrets.admin_password)
                clients[node.name] = client
            yield clients


StartCluster = Callable[..., Cluster]


@pytest.fixture
def start_cluster(tmp_path: Path) -> Iterator[StartCluster]:
    """Starts networks (`nodes`, `policy`, `settings`, `node_settings`); all are stopped by pid at the end.

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
        options = UpOptions(
            nodes=nodes,
            policy=policy,
            ports=ports.find_free(nodes),
            settings={**FAST, **(settings or {})},
            node_settings=node_settings or {},
        )
        return _start(directory, options, drivers)

    yield start
    for driver in drivers:
        driver.down()


def _start(directory: Path, options: UpOptions, drivers: list[ProcessDriver]) -> Cluster:
    directory.mkdir()
    run_dir, env_file = directory / "run", directory / "env"
    driver = ProcessDriver(run_dir, env_file=env_file)
    drivers.append(driver)
    network = driver.up(options)
    return Cluster(
        network=network,
        driver=driver,
        secrets=settings.load_or_create(env_file),
        run_dir=run_dir,
        env_file=env_file,
    )


@pytest.fixture
def cluster(start_cluster: StartCluster) -> Cluster:
    """Three nodes under escrow, ready."""
    return start_cluster()
