"""Starts what a node is compared with: the no-op, the service on PostgreSQL, and the plain design."""

import asyncio
import secrets
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass

import jwt

from branchlab import settings
from branchlab.nodes.client import NodeClient, get_status
from branchlab.nodes.outcome import Refused, Unknown
from branchlab.poll import poll, poll_blocking
from loadtests.bench import order_texts
from loadtests.bench.order_texts import Request
from loadtests.bench.pressing import press
from loadtests.bench.rivals.postgres import Cluster
from loadtests.bench.room import Room, pinned, program, wait_listening

_UNITS = 1_000_000
_AT_ONCE = 4
_DAY_SECONDS = 86_400
_SETTLED_SECONDS = 10.0
_READY_SECONDS = 60.0
_QUIET = ("--no-access-log", "--log-level", "warning")  # with uvloop and httptools, where those are there


@dataclass(frozen=True)
class Served:
    """Something that takes orders on 127.0.0.1, as the bearer of the token."""

    port: int
    token: str

    def orders(self, **shape: int | Sequence[int]) -> list[Request]:
        return order_texts.orders(self.token, **shape)  # type: ignore[arg-type]  # its keywords

    def settle(self, seconds: float = _SETTLED_SECONDS) -> int:
        """Waits until its peers have all, for so long at most; how many events are still to be sent."""
        url, left = f"http://127.0.0.1:{self.port}", 0

        def pending() -> int:
            return max((each or 0 for each in get_status(url, self.token)["pending"].values()), default=0)

        with suppress(Refused, Unknown):  # it is busy, and may stay so
            left = poll_blocking(pending, seconds=seconds, until=lambda count: not count)
        return left

    def warm(self, room: Room) -> None:
        """The first second of load, which nothing counts."""
        press(room, self.port, self.orders(), seconds=0.5)


@contextmanager
def noop(room: Room) -> Iterator[Served]:
    """The FastAPI endpoint that does nothing, on the measured core."""
    with _fastapi(room, "noop", {}) as served:
        yield served


@contextmanager
def on_postgres(room: Room, cluster: Cluster) -> Iterator[Served]:
    """FastAPI + asyncpg on the measured core. PostgreSQL's own processes may use both."""
    with _fastapi(room, "on_postgres", cluster.environment) as served:
        yield served


@contextmanager
def _fastapi(room: Room, module: str, environment: Mapping[str, str]) -> Iterator[Served]:
    (port,), log = room.ports(1), room.folder(module) / "log"
    secret = secrets.token_hex(32)
    command = [room.rivals, "-m", "uvicorn", f"loadtests.bench.rivals.{module}:app", *_QUIET]
    with program(
        pinned(room.cores.measured, [*command, "--port", str(port)]),
        log=log,
        environment={"JWT_SECRET": secret, **environment},
    ) as process:
        wait_listening(port, process, log=log)
        now = int(time.time())
        claims = {"sub": "admin", "role": "admin", "jti": secrets.token_hex(16), "iat": now}
        yield Served(port, jwt.encode({**claims, "exp": now + _DAY_SECONDS}, secret, algorithm="HS256"))


@contextmanager
def plain(room: Room, nodes: int) -> Iterator[Served]:
    """So many plain nodes; the first has the measured core."""
    names = [f"no-{chr(ord('a') + number)}" for number in range(nodes)]
    urls = {name: f"http://127.0.0.1:{port}" for name, port in zip(names, room.ports(nodes), strict=True)}
    password, common = secrets.token_hex(16), room.folder("plain")
    environment = {
        "PYTHONPATH": str(settings.ROOT / "services/plain"),
        "JWT_SECRET": secrets.token_hex(32),
        "REPLICA_SECRET": secrets.token_hex(32),
        "ADMIN_USERNAME": "admin",
        "ADMIN_PASSWORD": password,
        "BCRYPT_ROUNDS": "4",
    }
    with ExitStack() as stack:
        for name, url in urls.items():
            peers = ",".join(f"{peer}={at}" for peer, at in urls.items() if peer != name)
            own = {"NODE_NAME": name, "PEERS": peers, "DATABASE_PATH": str(common / f"{name}.db")}
            cores = room.cores.measured if name == names[0] else room.cores.others
            port, log = int(url.rpartition(":")[2]), common / f"{name}.log"
            command = pinned(cores, [sys.executable, "-m", "plain.main", "--port", str(port)])
            process = stack.enter_context(program(command, log=log, environment={**environment, **own}))
            wait_listening(port, process, log=log)
        first = int(urls[names[0]].rpartition(":")[2])
        yield Served(first, asyncio.run(stocked(names[0], first, password)))


async def stocked(name: str, port: int, password: str) -> str:
    """Brings the catalogue and the stock in, once the node is ready; the admin's token."""
    async with NodeClient(name, f"http://127.0.0.1:{port}") as client:
        if not await poll(client.is_ready, seconds=_READY_SECONDS, every=0.05):
            raise SystemExit(f"{name} is not ready after {_READY_SECONDS:.0f} s")
        await client.login("admin", password)
        await stock(client)
        assert client.token is not None, "a login that is not refused gives a token"
        return client.token


async def stock(client: NodeClient, *, products: int = order_texts.PRODUCTS) -> None:
    """The customers, and the products with a million units each, all of them to be sold here."""
    slots = asyncio.Semaphore(_AT_ONCE)

    async def product(number: int) -> None:
        async with slots:
            key = order_texts.sku(number)
            await client.create_product(key, f"Product {number}", 100 + number)
            await client.adjust(key, _UNITS, reason="bench", share="keep")

    async def customer(number: int) -> None:
        async with slots:
            key = order_texts.customer(number)
            await client.create_customer({"code": key, "name": f"Customer {number}"})

    try:
        await asyncio.gather(*map(product, range(products)), *map(customer, range(order_texts.CUSTOMERS)))
    except (Refused, Unknown) as error:
        raise SystemExit(f"{client.name} did not take the catalogue: {error}") from None
