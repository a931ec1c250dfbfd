"""A network of real node processes, of which one has many orders to hand over."""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import psutil

from lab import settings
from lab.networks import ports
from lab.networks.drivers.process import ProcessDriver
from lab.networks.network import Network, UpOptions
from lab.nodes.client import NodeClient
from lab.nodes.convergence import wait_converged
from lab.poll import poll_blocking
from lab.settings import Secrets, load_or_create

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
        kept = json.loads((self.run_dir / node / "process.json").read_text(encoding="utf-8"))
        return float(psutil.Process(kept["pid"]).memory_info().rss) / (1 << 20)

    def fill(self, orders: int) -> float:
        """Stops the donor and sells so many orders there; how many seconds that took. The donor stays
        stopped, with everything in its one file."""
        self.driver.stop(self.donor)
        began = time.monotonic()
        words = (str(self.database(self.donor)), self.secrets.cluster_id, self.donor, str(orders))
        subprocess.run(  # noqa: S603  (this program itself, on a path it made)
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


@contextmanager
def network_of(nodes: int) -> Iterator[Bench]:
    """A fresh network with a catalogue and stock at the donor; nothing of it is left afterwards."""
    with TemporaryDirectory(prefix="bench-") as place:
        run_dir, env_file = Path(place) / "run", Path(place) / "env"
        driver = ProcessDriver(run_dir, env_file=env_file)
        try:
            network = driver.up(UpOptions(nodes=nodes, ports=ports.find_free(nodes), settings=_CHEAP))
            bench = Bench(driver, network, load_or_create(env_file), run_dir)
            asyncio.run(_stock(bench))
            yield bench
        finally:
            driver.down()


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
