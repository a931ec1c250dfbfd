"""Connections that are slow, that send on and on, that do not read, and that are too many."""

import asyncio
import json
import logging
from collections.abc import Callable, Coroutine
from random import Random
from typing import Any

import h11
import pytest

from app.api.admission import PASS
from app.api.door import CONNECTION
from app.api.front import Decision, Glance, Refused, Seen
from app.domain.admission import Bounds
from app.services.admission import Lane
from app.serving.connections import Connections
from app.serving.quiet_log import QuietLog
from app.serving.watch import UNREAD_BYTES, Watch, WatchedConnection
from tests.support.virtual import VirtualClock, VirtualLoop


class Cycle:
    """A request in service."""

    def __init__(self) -> None:
        self.response_complete = False


class FakeProtocol:
    """As uvicorn's: an empty line ends a header, and begins a request."""

    def __init__(self, *, app_state: dict[str, Any], **_others: Any) -> None:
        self.app_state = app_state
        self.cycle: Cycle | None = None
        self.conn = h11.Connection(h11.SERVER)
        self.timeout_keep_alive_task: asyncio.TimerHandle | None = None
        self.states: list[dict[str, Any]] = []
        self.calls: list[str] = []

    def connection_made(self, _transport: Any) -> None:
        self.calls.append("made")

    def data_received(self, data: bytes) -> None:
        if data.endswith(b"\r\n\r\n"):
            self.cycle = Cycle()
            self.states.append({**self.app_state})

    def eof_received(self) -> None:
        self.calls.append("eof")

    def pause_writing(self) -> None:
        self.calls.append("pause")

    def resume_writing(self) -> None:
        self.calls.append("resume")

    def connection_lost(self, _error: Exception | None) -> None:
        self.calls.append("lost")


class FakeTransport:
    def __init__(self, address: str) -> None:
        self._address = address
        self.written = b""
        self.ended: str | None = None

    def get_extra_info(self, _name: str) -> tuple[str, int]:
        return (self._address, 50_000)

    def write(self, data: bytes) -> None:
        self.written += data

    def is_closing(self) -> bool:
        return self.ended is not None

    def close(self) -> None:
        self.ended = self.ended or "closed"

    def abort(self) -> None:
        self.ended = self.ended or "aborted"


class Server:
    def __init__(self, *, most: int = 100) -> None:
        clock = asyncio.get_running_loop().time
        self.watch = Watch(
            Connections(most=most),
            header_seconds=10,
            write_seconds=10,
            crowded=QuietLog(logging.getLogger("tests.crowd"), "%d connections", now=clock),
            front=self._decide,
            look=lambda _data: Glance("GET", "/", 0, {}),
        )
        self.decisions: list[Decision] = []
        self._make = self.watch.over(FakeProtocol)

    def _decide(self, _seen: Seen) -> Decision:
        return self.decisions.pop(0) if self.decisions else None

    def connect(self, address: str = "10.0.0.1") -> tuple[WatchedConnection, FakeTransport]:
        connection = self._make(app_state={"of": "the lifespan"}, config=None)
        transport = FakeTransport(address)
        connection.connection_made(transport)
        return connection, transport


def play(scenario: Callable[[], Coroutine[Any, Any, None]]) -> None:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(scenario())


def test_a_request_refused_on_bytes_never_reaches_the_protocol() -> None:
    async def scenario() -> None:
        server = Server()
        connection, transport = server.connect()
        server.decisions = [Refused(b"no, ", closes=False), Refused(b"and bye", closes=True)]
        connection.data_received(b"GET / HTTP/1.1\r\n\r\n")
        await asyncio.sleep(9)
        kept = transport.ended
        connection.data_received(b"GET / HTTP/1.1\r\n\r\n")
        assert (kept, transport.ended, transport.written) == (None, "closed", b"no, and bye")
        assert connection.protocol.states == []

    play(scenario)


def test_a_request_admitted_on_bytes_takes_its_place_along() -> None:
    async def scenario() -> None:
        server = Server()
        lane = Lane(Bounds(1, 0.1, 1000), clock=VirtualClock(), random=Random(1))
        connection, _ = server.connect()
        server.decisions = [admitted := lane.admit(size=0)]
        connection.data_received(b"GET / HTTP/1.1\r\n\r\n")
        (state,) = connection.protocol.states
        assert (state[PASS], admitted.holds) == (admitted, True)
        assert PASS not in connection.protocol.app_state

    play(scenario)


def test_a_place_for_what_the_protocol_takes_for_no_request_is_given_back() -> None:
    async def scenario() -> None:
        server = Server()
        lane = Lane(Bounds(1, 0.1, 1000), clock=VirtualClock(), random=Random(1))
        connection, _ = server.connect()
        server.decisions = [admitted := lane.admit(size=0)]
        connection.data_received(b"nonsense")
        assert not admitted.holds

    play(scenario)


def test_a_connection_that_says_nothing_is_closed_in_silence() -> None:
    async def scenario() -> None:
        _, transport = Server().connect()
        await asyncio.sleep(9)
        early = transport.ended
        await asyncio.sleep(1.1)
        assert (early, transport.ended, transport.written) == (None, "closed", b"")

    play(scenario)


def test_a_header_that_trickles_is_408_however_steadily_it_comes() -> None:
    async def scenario() -> None:
        connection, transport = Server().connect()
        for _ in range(10):
            connection.data_received(b"X: y\r\n")
            await asyncio.sleep(1)
        await asyncio.sleep(0.1)
        head, _, body = transport.written.partition(b"\r\n\r\n")
        assert transport.ended == "closed"
        assert head.startswith(b"HTTP/1.1 408 ")
        assert json.loads(body)["code"] == "slow_header"

    play(scenario)


def test_a_request_in_service_takes_its_time_and_the_next_header_does_not() -> None:
    async def scenario() -> None:
        connection, transport = Server().connect()
        connection.data_received(b"GET / HTTP/1.1\r\n\r\n")
        await asyncio.sleep(60)
        connection.protocol.cycle.response_complete = True
        await asyncio.sleep(60)  # how long it may be idle is the server's own affair
        assert transport.ended is None
        connection.data_received(b"GET /")
        await asyncio.sleep(10.1)
        assert transport.ended == "closed"

    play(scenario)


def test_what_is_sent_on_after_a_refusal_is_thrown_away_up_to_a_limit() -> None:
    async def scenario() -> None:
        connection, transport = Server().connect()
        connection.data_received(b"POST /nowhere HTTP/1.1\r\n\r\n")
        connection.protocol.cycle.response_complete = True
        connection.data_received(b"x" * UNREAD_BYTES)
        assert transport.ended is None
        connection.data_received(b"x")
        assert transport.ended == "aborted"

    play(scenario)


def test_a_client_that_does_not_read_its_answers_is_let_go() -> None:
    async def scenario() -> None:
        reading, kept = Server().connect()
        reading.pause_writing()
        await asyncio.sleep(9)
        reading.resume_writing()
        stuck, dropped = Server().connect()
        for connection in (reading, stuck):
            connection.data_received(b"GET / HTTP/1.1\r\n\r\n")
        stuck.pause_writing()
        await asyncio.sleep(10.1)
        assert (kept.ended, dropped.ended) == (None, "aborted")

    play(scenario)


def test_one_connection_too_many_ends_one_without_a_token_and_says_so_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scenario() -> None:
        server = Server(most=2)
        flood = [server.connect("10.6.6.6")[1] for _ in range(2)]
        client, transport = server.connect()
        client.protocol.app_state[CONNECTION].prove()
        flood += [server.connect("10.6.6.6")[1] for _ in range(20)]
        assert [each.ended for each in flood] == ["aborted"] * 21 + [None]
        assert (transport.ended, len(server.watch.connections)) == (None, 2)

    play(scenario)
    assert [record.getMessage() for record in caplog.records] == ["2 connections"]


def test_a_connection_that_is_lost_frees_its_place_and_rings_no_timer() -> None:
    async def scenario() -> None:
        server = Server(most=1)
        connection, transport = server.connect()
        assert connection.eof_received() is None
        connection.pause_writing()
        connection.connection_lost(None)
        await asyncio.sleep(60)
        assert (transport.ended, len(server.watch.connections)) == (None, 0)
        assert connection.protocol.calls == ["made", "eof", "pause", "lost"]

    play(scenario)
