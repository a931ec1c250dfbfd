"""The report's own node as a program: the lab's client works with it, and kill -9 ends its queue."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from branchlab.networks.ports import find_free
from branchlab.nodes.client import NodeClient
from branchlab.nodes.convergence import wait_converged
from branchlab.nodes.outcome import Refused
from branchlab.poll import poll

pytestmark = [pytest.mark.cluster, pytest.mark.anyio]

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "correct horse battery"
COMMON = {
    "PYTHONPATH": str(ROOT / "services/plain"),
    "JWT_SECRET": "j" * 32,
    "REPLICA_SECRET": "r" * 32,
    "ADMIN_USERNAME": "admin",
    "ADMIN_PASSWORD": PASSWORD,
    "BCRYPT_ROUNDS": "4",
    "REPLICATION_RETRY_SECONDS": "0.1",
}


class Programs:
    """Plain nodes as processes, each with a file and a log of its own in `folder`."""

    def __init__(self, folder: Path, ports: Mapping[str, int]) -> None:
        self._folder = folder
        self.urls = {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}
        self._ports = ports
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str) -> None:
        peers = ",".join(f"{peer}={url}" for peer, url in self.urls.items() if peer != name)
        own = {"NODE_NAME": name, "PEERS": peers, "DATABASE_PATH": str(self._folder / f"{name}.db")}
        command = [sys.executable, "-m", "plain.main", "--port", str(self._ports[name])]
        with (self._folder / f"{name}.log").open("ab") as log:
            environment = {**os.environ, **COMMON, **own}
            self._running[name] = subprocess.Popen(command, env=environment, stdout=log, stderr=log)

    def kill(self, name: str) -> None:
        process = self._running.pop(name)
        process.kill()
        process.wait()

    def close(self) -> None:
        for name in list(self._running):
            self.kill(name)


@pytest.fixture
def programs(tmp_path: Path) -> Iterator[Programs]:
    ports = dict(zip(("matriz", "norte"), find_free(2), strict=True))
    made = Programs(tmp_path, ports)
    yield made
    made.close()


async def _ready(client: NodeClient) -> NodeClient:
    assert await poll(client.is_ready, until=bool, seconds=30), f"{client.name} does not answer"
    await client.login("admin", PASSWORD)
    return client


async def test_it_sells_and_replicates_to_the_labs_client_and_kill_nine_ends_its_queue(
    programs: Programs,
) -> None:
    for name in programs.urls:
        programs.start(name)
    async with AsyncExitStack() as stack:
        made = [NodeClient(name, url) for name, url in programs.urls.items()]
        matriz, norte = [await _ready(await stack.enter_async_context(client)) for client in made]
        await matriz.create_product("CAFE", "Café", 1890)
        await matriz.create_customer({"code": "SOL", "name": "Padaria do Sol"})
        await matriz.adjust("CAFE", 5, reason="delivery")
        first = await matriz.place_order("SOL", [{"sku": "CAFE", "quantity": 2}], key="counter-1")

        await wait_converged([matriz, norte])
        assert await norte.orders() == [first]
        assert (await norte.stock_of("CAFE"))["available"] == 3
        with pytest.raises(Refused, match="out_of_stock"):
            await norte.place_order("SOL", [{"sku": "CAFE", "quantity": 4}])

        programs.kill("norte")
        lost = await matriz.place_order("SOL", [{"sku": "CAFE", "quantity": 1}])
        assert (await matriz.status())["pending"] == {"norte": 1}
        programs.kill("matriz")
        for name in programs.urls:
            programs.start(name)
        await asyncio.gather(_ready(matriz), _ready(norte))

        assert (await matriz.status())["pending"] == {"norte": 0}
        assert await matriz.order(lost["id"]) == lost
        assert await norte.orders() == [first]
