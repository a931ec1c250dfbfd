"""A real network that is up, and the means to talk to it and to break it."""

import json
import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from branchlab.networks.drivers import Driver
from branchlab.networks.network import Network
from branchlab.nodes.client import NodeClient
from branchlab.settings import Secrets
from tests.cluster import forked_lab

_LAB_SECONDS = 300


@dataclass(frozen=True)
class Cluster:
    """Its network, driver and secrets; `run_dir` and `env_file` are what `./lab` commands take for it."""

    network: Network
    driver: Driver
    secrets: Secrets
    run_dir: Path
    env_file: Path

    def lab(self, *arguments: str, exit_code: int = 0) -> str:
        """What `./lab` prints for this network, as another terminal would see it; fails the test when it ends
        otherwise than with `exit_code`."""
        environment = {**os.environ, "LAB_RUN_DIR": str(self.run_dir), "LAB_ENV_FILE": str(self.env_file)}
        ended = forked_lab.lab(arguments, environment, seconds=_LAB_SECONDS)
        assert ended.returncode == exit_code, ended.stderr
        return ended.stdout + ended.stderr if exit_code else ended.stdout

    def status(self) -> Any:
        """What `./lab status --json` says."""
        return json.loads(self.lab("status", "--json"))

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


def in_folder(folder: Path, command: Sequence[str]) -> list[str]:
    """A command that runs another one in a folder: a node's, in the tree of another version."""
    return ["sh", "-c", 'cd "$0" && exec "$@"', str(folder), *command]
