"""A real network that is up, and the means to talk to it and to break it."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from lab.client import NodeClient
from lab.drivers.process import ProcessDriver
from lab.network import Network
from lab.settings import Secrets


@dataclass(frozen=True)
class Cluster:
    """Its network, driver and secrets; `run_dir` and `env_file` are what `lab` commands take for it."""

    network: Network
    driver: ProcessDriver
    secrets: Secrets
    run_dir: Path
    env_file: Path

    @asynccontextmanager
    async def client(self, name: str) -> AsyncIterator[NodeClient]:
        """A client of one node, logged in as the admin."""
        async with NodeClient(name, self.network.url(name)) as client:
            await client.login(self.secrets.admin_username, self.secrets.admin_password)
            yield client

    @asynccontextmanager
    async def clients(self) -> AsyncIterator[dict[str, NodeClient]]:
        """A client per node, by the node's name, each logged in as the admin."""
        async with AsyncExitStack() as stack:
            yield {name: await stack.enter_async_context(self.client(name)) for name in self.network.names}


StartCluster = Callable[..., Cluster]
"""`start(nodes=3, *, policy="escrow", settings={}, node_settings={})`."""
