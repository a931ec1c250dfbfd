"""Networks of our own nodes for `make bench`: the first node has the measured core, all others the second."""

import asyncio
import os
import secrets
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from branchlab import settings
from branchlab.networks.drivers.process import node_command
from branchlab.networks.network import NodeAddress
from branchlab.nodes.convergence import wait_converged
from loadtests.bench import order_texts
from loadtests.bench.donor import Bench, network_of
from loadtests.bench.rivals.services import Served, stock, stocked
from loadtests.bench.room import BENCH, Room, pinned, program, wait_listening

Command = Callable[[NodeAddress], Sequence[str]]
_DEFAULTS = {"BCRYPT_ROUNDS": "4", "REBALANCE_SECONDS": "5"}  # cheap logins; all else as it is delivered


@dataclass(frozen=True)
class Own(Served):
    """A network whose first node takes the orders."""

    bench: Bench

    @property
    def peers(self) -> tuple[str, ...]:
        return self.bench.network.names[1:]

    @property
    def database(self) -> Path:
        return self.bench.database(self.bench.donor)

    def fill(self, orders: int) -> None:
        """Sells so many orders of three lines at the first node by its own code, without HTTP; it is down
        afterwards."""
        customer = order_texts.customer(0)
        self.bench.fill(orders, customer=customer, products=order_texts.PRODUCTS, lines=3)

    def acknowledge_all(self) -> None:
        """Says in the first node's file that its peers have all that it wrote. The node is down."""
        words = (str(self.database), self.bench.secrets.cluster_id, self.bench.donor)
        environment = {**os.environ, "PYTHONPATH": str(settings.NODE_DIR)}
        subprocess.run([sys.executable, str(BENCH / "acknowledge.py"), *words], env=environment, check=True)

    def start(self, node: str) -> None:
        """Returns when the node serves."""
        self.bench.driver.start(node)
        self.bench.wait_ready(node)


@contextmanager
def alone(room: Room, *, durable: bool = True) -> Iterator[Served]:
    """One node without peers, on the measured core. Not `durable`: at NORMAL, see `normal_node`."""
    (port,), folder = room.ports(1), room.folder("alone")
    how = ["-m", "app.serve"] if durable else [str(BENCH / "normal_node.py")]
    command = pinned(room.cores.measured, [sys.executable, *how, "--port", str(port)])
    password, log = secrets.token_hex(16), folder / "log"
    environment = {
        **_DEFAULTS,
        "NODE_NAME": "matriz",
        "PEERS": "",
        "CLUSTER_ID": str(uuid.uuid4()),
        "FOUND": "1",
        "DATABASE_PATH": str(folder / "node.db"),
        "JWT_SECRET": secrets.token_hex(32),
        "REPLICA_SECRET": secrets.token_hex(32),
        "ADMIN_USERNAME": "admin",
        "ADMIN_PASSWORD": password,
        "PYTHONPATH": str(settings.NODE_DIR),
        "PYTHONUTF8": "1",
    }
    with program(command, log=log, environment=environment, cwd=settings.NODE_DIR) as process:
        wait_listening(port, process, log=log)
        yield Served(port, asyncio.run(stocked("matriz", port, password)))


@contextmanager
def network(
    room: Room,
    nodes: int,
    *,
    of_nodes: Mapping[str, str] | None = None,
    command: Command = node_command,
) -> Iterator[Own]:
    """So many nodes with the catalogue and all stock at the first one. A network has two nodes at least."""

    def on_its_core(node: NodeAddress) -> list[str]:
        first = node.port == used[0]
        return pinned(room.cores.measured if first else room.cores.others, command(node))

    used: list[int] = []

    def taken(count: int) -> tuple[int, ...]:
        used.extend(room.ports(count))
        return tuple(used)

    with network_of(
        nodes,
        settings={**_DEFAULTS, **(of_nodes or {})},
        place=room.folder("own"),
        ports_for=taken,
        command=on_its_core,
        stock=_bring_in,
    ) as bench:
        yield Own(bench.network.node(bench.donor).port, asyncio.run(_token(bench)), bench)


async def _bring_in(bench: Bench) -> None:
    clients = [await bench.client(node) for node in bench.network.names]
    await stock(clients[0])
    await wait_converged(clients)
    for client in clients:
        await client.close()


async def _token(bench: Bench) -> str:
    client = await bench.client(bench.donor)
    await client.close()
    assert client.token is not None, "a login that is not refused gives a token"
    return client.token
