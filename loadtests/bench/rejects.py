"""What refusals cost beside an order that is taken: microseconds of the event loop's thread, without sockets.
It is a node in this process, whose connections are fed bytes:

    PYTHONPATH=services/node python -m loadtests.bench.rejects [--rounds 70] [--requests 32] [--json]

The kinds take turns, and the least of the rounds counts: what else the machine does only adds to it.
"""

import argparse
import asyncio
import json
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlencode

import uvloop
from fastapi import FastAPI
from pydantic import SecretStr
from uvicorn.server import ServerState

from app.config import Settings
from app.domain.admission import CALM_SECONDS
from app.main import create_app
from app.serving.server import collect_less_often, server_config
from branchlab.poll import poll
from loadtests.bench.order_texts import post

_TOGETHER = 32  # requests that come at once; so many are measured together
_PASSWORD = "correct horse battery"  # noqa: S105  (of a node that lives for seconds)


class Transport:
    """Takes what a connection answers, in place of a socket."""

    def __init__(self) -> None:
        self.answer = b""
        self.answered = asyncio.Event()

    def write(self, data: bytes) -> None:
        self.answer += data
        self.answered.set()

    def get_extra_info(self, name: str) -> Any:
        return {"peername": ("127.0.0.1", 5000), "sockname": ("127.0.0.1", 8000)}.get(name)

    def is_closing(self) -> bool:
        return False

    def close(self) -> None:
        """Nothing is open."""

    abort = pause_reading = resume_reading = close

    def set_protocol(self, protocol: Any) -> None:
        """The connection stays what it is."""


class Door:
    """Makes connections to the node of an application."""

    def __init__(self, api: FastAPI) -> None:
        node = api.state.node
        self._config = server_config(api, node.settings, host="127.0.0.1", port=0, clock=node.clock)
        self._config.load()
        self._state = ServerState()

    def connect(self) -> tuple[Any, Transport]:
        make: Callable[..., Any] = self._config.http_protocol_class
        connection = make(config=self._config, server_state=self._state, app_state={})
        transport = Transport()
        connection.connection_made(transport)
        return connection, transport

    async def ask(self, request: str) -> tuple[int, Any]:
        """The status and the document of one answer."""
        connection, transport = self.connect()
        connection.data_received(request.encode())
        await transport.answered.wait()
        connection.connection_lost(None)
        head, _, body = transport.answer.partition(b"\r\n\r\n")
        return int(head[9:12]), json.loads(body)

    async def cost(self, request: str, *, status: int, count: int) -> float:
        """Seconds of this thread for each of so many requests, each by a connection of its own."""
        data, opened = request.encode(), [self.connect() for _ in range(count)]
        began = time.thread_time()
        for batch in (opened[at : at + _TOGETHER] for at in range(0, count, _TOGETHER)):
            for connection, _ in batch:
                connection.data_received(data)
            for _, transport in batch:
                await transport.answered.wait()
        took = time.thread_time() - began
        for connection, transport in opened:
            assert int(transport.answer[9:12]) == status, transport.answer
            connection.connection_lost(None)
        return took / count


@dataclass(frozen=True)
class Kind:
    """A request that is always answered alike. `when_full` says that the node has no place for it then."""

    name: str
    status: int
    request: str
    when_full: bool = False


async def measure(rounds: int, requests: int) -> dict[str, float]:
    """Microseconds of each kind."""
    with TemporaryDirectory(prefix="bench-") as folder:
        api = create_app(_settings(Path(folder)))
        async with api.router.lifespan_context(api):
            await poll(partial(_is_ready, api), seconds=60.0, every=0.01)
            door = Door(api)
            kinds = await _kinds(door)
            collect_less_often()  # as a node that serves
            found = defaultdict(list)
            for _ in range(rounds):
                for kind in kinds:
                    found[kind.name].append(await _cost(api, door, kind, requests))
    return {name: 1e6 * min(costs) for name, costs in found.items()}


async def _is_ready(api: FastAPI) -> bool:
    return bool(api.state.node.ready)


async def _cost(api: FastAPI, door: Door, kind: Kind, requests: int) -> float:
    lane, taken = api.state.node.admission.lane("commands"), []
    while kind.when_full and not lane.refuses(size=0):
        taken.append(lane.admit(size=0))
    cost = await door.cost(kind.request, status=kind.status, count=requests)
    for each in taken:
        each.leave()
    if kind.when_full:
        await asyncio.sleep(CALM_SECONDS)  # until then the lane has fewer places
    return cost


async def _kinds(door: Door) -> Sequence[Kind]:
    admin = await _log_in(door, "admin")
    for path, body in (
        ("/customers", {"code": "C", "name": "C"}),
        ("/products", {"sku": "P", "name": "P", "price_cents": 700}),
        ("/products", {"sku": "NONE", "name": "NONE", "price_cents": 700}),
        ("/users", {"username": "till", "password": _PASSWORD, "role": "operador"}),
        ("/stock/adjustments", {"sku": "P", "quantity": 1_000_000, "reason": "bench"}),
    ):
        status, answer = await door.ask(post(path, body, admin))
        assert status in (200, 201), answer
    till = await _log_in(door, "till")
    order = {"customer": "C", "lines": [{"sku": "P", "quantity": 1}]}
    return (
        Kind("201", 201, post("/orders", order, till)),
        Kind("401 a wrong token", 401, post("/orders", order, till[:-8] + "AAAAAAAA")),
        Kind("401 no token", 401, post("/orders", order, "").replace("Authorization: Bearer \r\n", "")),
        Kind("403", 403, post("/products", {"sku": "Q", "name": "Q", "price_cents": 1}, till)),
        Kind("409", 409, post("/orders", {**order, "lines": [{"sku": "NONE", "quantity": 1}]}, till)),
        Kind("422", 422, post("/orders", {**order, "lines": [{"sku": "P", "quantity": 0}]}, till)),
        Kind("422 an unknown field", 422, post("/orders", {**order, "priority": 1}, till)),
        Kind("503", 503, post("/orders", order, till), when_full=True),
    )


async def _log_in(door: Door, username: str) -> str:
    form = urlencode({"username": username, "password": _PASSWORD})
    head = (
        "POST /auth/login HTTP/1.1\r\nHost: node\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        f"Content-Length: {len(form)}\r\n\r\n"
    )
    status, answer = await door.ask(head + form)
    assert status == 200, answer
    return str(answer["access_token"])


def _settings(folder: Path) -> Settings:
    return Settings(
        node_name="matriz",
        peers=(),
        cluster_id="0f0e0d0c-0b0a-4908-8706-050403020100",
        database_path=folder / "node.db",
        jwt_secret=SecretStr("j" * 32),
        replica_secret=SecretStr("r" * 32),
        admin_username="admin",
        admin_password=SecretStr(_PASSWORD),
        found=True,
        bcrypt_rounds=4,
        commands_together=_TOGETHER,
        unproven_requests_per_second=1e9,
    )


def main() -> int:
    """Prints a line for each kind; exit status 0 where every refusal costs less than an order, else 1. With
    --json it prints the microseconds of all kinds as one line, and judges nothing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=70)
    parser.add_argument("--requests", type=int, default=_TOGETHER)
    parser.add_argument("--json", action="store_true", help="one line, for programs")
    given = parser.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        costs = runner.run(measure(given.rounds, given.requests))
    if given.json:
        sys.stdout.write(json.dumps(costs) + "\n")
        return 0
    taken = costs["201"]
    for name, cost in costs.items():
        sys.stdout.write(f"{name:20} {cost:6.1f} µs {cost / taken:5.2f} of an order\n")
    return 0 if all(cost <= taken for cost in costs.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
