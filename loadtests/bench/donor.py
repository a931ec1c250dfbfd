"""A network of real node processes, of which one has many orders to hand over."""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import psutil

from branchlab import settings
from branchlab.networks import ports
from branchlab.networks.drivers.process import ProcessDriver, node_command
from branchlab.networks.network import Network, NodeAddress, UpOptions
from branchlab.nodes.client import NodeClient
from branchlab.nodes.convergence import wait_converged
from branchlab.poll import poll_blocking
from branchlab.settings import Secrets, load_or_create

_FILL = Path(__file__).with_name("fill.py")
_PRODUCTS = 20  # as fill.py sells them
_UNITS = 500_000
_POLL_SECONDS = 0.02
_READY_SECONDS = 1800.0
_CHEAP = {"BCRYPT_ROUNDS": "4", "REBALANCE_SECONDS": "0"}


@dataclass(frozen=True)
class Bench:
    """The network, and where its files are. The donor is its first node."""

    driver: ProcessDriver
    network: Network
    secrets: Secrets
    run_dir: Path

    @property
    def donor(self) -> str:
        return self.network.names[0]

    def database(self, node: str) -> Path:
        return self.run_dir / node / "node.db"

    def resident_mib(self, node: str) -> float:
        """Memory of the node's process now."""
        return float(self._process(node).memory_info().rss) / (1 << 20)

    def cpu_seconds(self, node: str) -> float:
        """How long the node's process has worked so far."""
        times = self._process(node).cpu_times()
        return float(times.user + times.system)

    def _process(self, node: str) -> psutil.Process:
        kept = json.loads((self.run_dir / node / "process.json").read_text(encoding="utf-8"))
        return psutil.Process(kept["pid"])

    def fill(
        self, orders: int, *, customer: str = "BUYER", products: int = _PRODUCTS, lines: int = 2
    ) -> float:
        """Stops the donor and sells so many orders there; how many seconds that took. The donor stays
        stopped, with everything in its one file."""
        self.driver.stop(self.donor)
        began = time.monotonic()
        shape = (customer, str(products), str(lines))
        words = (str(self.database(self.donor)), self.secrets.cluster_id, self.donor, str(orders), *shape)
        subprocess.run(
            [sys.executable, str(_FILL), *words],
            env={**os.environ, "PYTHONPATH": str(settings.NODE_DIR)},
            check=True,
        )
        return time.monotonic() - began

    def wait_ready(self, node: str) -> None:
        """Returns when the node serves."""
        with httpx.Client(base_url=self.network.url(node), trust_env=False) as client:

            def is_ready() -> bool:
                return client.get("/readyz").status_code == httpx.codes.OK

            if not poll_blocking(is_ready, seconds=_READY_SECONDS, every=_POLL_SECONDS):
                raise SystemExit(f"{node} is not ready after {_READY_SECONDS:.0f} s")

    async def client(self, node: str) -> NodeClient:
        """A client of the node, logged in as the admin; to be closed."""
        client = NodeClient(node, self.network.url(node))
        await client.login(self.secrets.admin_username, self.secrets.admin_password)
        return client


async def _stock(bench: Bench) -> None:
    clients = [await bench.client(node) for node in bench.network.names]
    donor = clients[0]
    await donor.create_customer({"code": "BUYER", "name": "Buyer"})
    for number in range(_PRODUCTS):
        await donor.create_product(f"P-{number}", f"Product {number}", 700)
        await donor.adjust(f"P-{number}", _UNITS, reason="bench", share="keep")
    await wait_converged(clients)
    for client in clients:
        await client.close()


@contextmanager
def network_of(
    nodes: int,
    *,
    settings: Mapping[str, str] | None = None,
    place: Path | None = None,
    ports_for: Callable[[int], tuple[int, ...]] = ports.find_free,
    command: Callable[[NodeAddress], Sequence[str]] = node_command,
    stock: Callable[[Bench], Awaitable[None]] = _stock,
) -> Iterator[Bench]:
    """A fresh network with a catalogue and stock at the donor; nothing of it is left afterwards. `settings`
    are those of all nodes, beyond the cheap ones; `place` is where its folder is, on a disk."""
    wanted = {**_CHEAP, **(settings or {})}
    with TemporaryDirectory(prefix="bench-", dir=place) as folder:
        run_dir, env_file = Path(folder) / "run", Path(folder) / "env"
        driver = ProcessDriver(run_dir, env_file=env_file, command=command)
        try:
            network = driver.up(UpOptions(nodes=nodes, ports=ports_for(nodes), settings=wanted))
            bench = Bench(driver, network, load_or_create(env_file), run_dir)
            asyncio.run(_awaited(stock(bench)))
            yield bench
        finally:
            driver.down()


async def _awaited(work: Awaitable[None]) -> None:
    await work
