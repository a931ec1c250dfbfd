"""A server of one application over a fake transport, with uvicorn's protocol on h11 behind it."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from random import Random
from typing import Any

import httptools
import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from app.api.front import Seen
from app.domain.admission import Bounds
from app.services.admission import Lane, Pass
from app.serving.connections import Connections
from app.serving.quick_cycle import QuickCycle
from app.serving.quiet_log import QuietLog
from app.serving.watch import Watch, WatchedConnection
from app.serving.whole_requests import Reader
from tests.serving.test_watch import FakeTransport
from tests.support.virtual import VirtualClock, VirtualLoop


class Transport(FakeTransport):
    """Notes whether it is read from."""

    reading = True

    def get_extra_info(self, name: str) -> Any:
        return super().get_extra_info(name) if name == "peername" else None

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True


class Server:
    """A server of one application, which answers each request when `release` lets it."""

    def __init__(self) -> None:
        self.lane = Lane(Bounds(8, 1.0, 1000), clock=VirtualClock(), random=Random(1))
        self.scopes: list[Scope] = []
        self.messages: list[Any] = [
            {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]},
            {"type": "http.response.body", "body": b"ok"},
        ]
        self.release = asyncio.Event()
        self.release.set()
        self.passes: list[Pass] = []
        clock = asyncio.get_running_loop().time
        watch = Watch(
            Connections(most=100),
            header_seconds=10,
            write_seconds=10,
            crowded=QuietLog(logging.getLogger("tests.crowd"), "%d connections", now=clock),
            front=self._admit,
            look=Reader(httptools).read,
            quick=QuickCycle,
        )
        self._make = watch.over(H11Protocol)
        self._config = uvicorn.Config(
            self._application,
            interface="asgi3",
            ws="none",
            access_log=False,
            log_config=None,
            proxy_headers=False,
        )
        self._config.load()
        self._state = ServerState()

    def connect(self) -> tuple[WatchedConnection, Transport]:
        connection = self._make(
            config=self._config, server_state=self._state, app_state={"of": "the lifespan"}
        )
        transport = Transport("10.0.0.1")
        connection.connection_made(transport)
        return connection, transport

    def _admit(self, _seen: Seen) -> Pass:
        self.passes.append(self.lane.admit(size=0))
        return self.passes[-1]

    async def _application(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scopes.append(scope)
        await self.release.wait()
        for message in self.messages:
            await send(message)


def play(scenario: Callable[[], Coroutine[Any, Any, None]]) -> None:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(scenario())
