"""Clients that were refused and come again before their time."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from random import Random
from typing import Any

from app.api.front import Decision, Refused, Seen, glance
from app.domain.admission import Bounds
from app.domain.errors import Overloaded
from app.services.admission import Lane, Pass
from app.serving.connections import Connections
from app.serving.early import HELD_BYTES
from app.serving.quiet_log import QuietLog
from app.serving.watch import Watch, WatchedConnection
from tests.serving.test_watch import FakeProtocol, FakeTransport
from tests.support.virtual import VirtualClock, VirtualLoop

ORDER = b"POST /orders HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}"
STATUS = b"GET /status HTTP/1.1\r\nHost: a\r\n\r\n"
AWAY = 1.0
NO = b"no; "


class Flow:
    """Says whether the transport is read from, as uvicorn's does."""

    read_paused = False

    def pause_reading(self) -> None:
        self.read_paused = True

    def resume_reading(self) -> None:
        self.read_paused = False


class Protocol(FakeProtocol):
    """Counts what reaches it, and answers nothing."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.flow = Flow()
        self.reached: list[bytes] = []

    def data_received(self, data: bytes) -> None:
        self.reached.append(data)


class Server:
    """A server with a lane of two places and no queue. It refuses as a node does."""

    def __init__(self) -> None:
        self.lane = Lane(Bounds(2, 0.001, 1000), clock=VirtualClock(), random=Random(1))
        self.served: list[str] = []
        watch = Watch(
            Connections(most=100),
            header_seconds=10,
            write_seconds=10,
            crowded=QuietLog(logging.getLogger("tests.crowd"), "%d", now=asyncio.get_running_loop().time),
            front=self._decide,
            look=glance,
        )
        self._make = watch.over(Protocol)
        self.taken: list[Pass] = []

    def connect(self) -> tuple[WatchedConnection, FakeTransport]:
        connection = self._make(app_state={}, config=None)
        transport = FakeTransport("10.0.0.1")
        connection.connection_made(transport)
        return connection, transport

    def fill(self) -> None:
        while not self.lane.refuses(size=0):
            self.taken.append(self.lane.admit(size=0))

    def empty(self) -> None:
        for one in self.taken:
            one.leave()
        self.taken.clear()

    # What is refused again, as `app.api.front` does it.

    def is_turned_away(self) -> bool:
        return self.lane.turns_away()

    def refuse(self, _seen: Seen) -> Refused:
        return Refused(NO, closes=False, seconds=AWAY, repetition=self)

    def _decide(self, seen: Seen) -> Decision:
        if seen.path != "/orders":
            self.served.append(seen.path)
            return None
        try:
            admitted = self.lane.admit(size=seen.size)
        except Overloaded:
            return self.refuse(seen)
        self.served.append(seen.path)
        return admitted


def play(scenario: Callable[[], Coroutine[Any, Any, None]]) -> None:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(scenario())


def test_who_comes_too_early_is_refused_when_its_time_is_over_and_not_before() -> None:
    async def scenario() -> None:
        server = Server()
        server.fill()
        connection, transport = server.connect()
        connection.data_received(ORDER)
        assert transport.written == NO
        connection.data_received(ORDER)
        await asyncio.sleep(AWAY - 0.01)
        assert (transport.written, connection.protocol.flow.read_paused) == (NO, True)
        await asyncio.sleep(0.02)
        assert (transport.written, connection.protocol.flow.read_paused) == (2 * NO, False)
        assert (server.served, transport.ended) == ([], None)

    play(scenario)


def test_an_early_request_is_served_at_no_later_time() -> None:
    """Its client has long given up on an answer in time, even where there is room when its time is over."""

    async def scenario() -> None:
        server = Server()
        server.fill()
        connection, transport = server.connect()
        connection.data_received(ORDER)
        connection.data_received(ORDER)
        server.empty()
        await asyncio.sleep(2 * AWAY)
        assert (server.served, transport.written) == ([], 2 * NO)

    play(scenario)


def test_who_comes_in_time_or_when_there_is_room_waits_for_nothing() -> None:
    async def scenario() -> None:
        server = Server()
        server.fill()
        in_time, early = server.connect()[0], server.connect()[0]
        in_time.data_received(ORDER)
        early.data_received(ORDER)
        server.empty()
        early.data_received(ORDER)
        assert server.served == ["/orders"]
        await asyncio.sleep(AWAY)
        in_time.data_received(ORDER)
        assert server.served == ["/orders", "/orders"]

    play(scenario)


def test_another_request_by_the_same_connection_does_not_wait() -> None:
    async def scenario() -> None:
        server = Server()
        server.fill()
        connection, _ = server.connect()
        connection.data_received(ORDER)
        connection.data_received(STATUS)
        assert server.served == ["/status"]

    play(scenario)


def test_a_long_request_is_not_kept() -> None:
    async def scenario() -> None:
        server = Server()
        server.fill()
        connection, transport = server.connect()
        body = b"{" + b" " * HELD_BYTES + b"}"
        long = ORDER.replace(b"Length: 2", b"Length: %d" % len(body)).replace(b"{}", body)
        connection.data_received(ORDER)
        connection.data_received(long)
        assert transport.written == 2 * NO

    play(scenario)


def test_what_comes_behind_an_early_request_is_heard_when_its_time_is_over() -> None:
    """Bytes that are more than one request go to the protocol, which judges them as ever."""

    async def scenario() -> None:
        server = Server()
        server.fill()
        connection, transport = server.connect()
        connection.data_received(ORDER)
        connection.data_received(ORDER)
        connection.data_received(STATUS)
        assert connection.protocol.reached == []
        await asyncio.sleep(AWAY)
        assert (connection.protocol.reached, transport.written) == ([ORDER + STATUS], NO)

    play(scenario)


def test_a_connection_is_not_idle_while_its_request_waits() -> None:
    """It was served another request meanwhile, after which the protocol began to count."""

    async def scenario() -> None:
        server = Server()
        server.fill()
        connection, transport = server.connect()
        connection.data_received(ORDER)
        idle = asyncio.get_running_loop().call_later(AWAY / 2, transport.close)
        connection.protocol.timeout_keep_alive_task = idle
        connection.data_received(ORDER)
        await asyncio.sleep(AWAY)
        assert (transport.written, transport.ended) == (2 * NO, None)

    play(scenario)


def test_nothing_is_written_to_a_client_that_hung_up_meanwhile() -> None:
    async def scenario() -> None:
        server = Server()
        server.fill()
        connection, transport = server.connect()
        connection.data_received(ORDER)
        connection.data_received(ORDER)
        connection.connection_lost(None)
        await asyncio.sleep(2 * AWAY)
        assert transport.written == NO

    play(scenario)


def test_no_queue_forms_while_clients_are_turned_away() -> None:
    """Who is turned away counts as refused: a queue would be full at once."""

    async def scenario() -> None:
        server = Server()
        server.fill()
        connection, _ = server.connect()
        connection.data_received(ORDER)
        await asyncio.sleep(0.19)
        connection.data_received(ORDER)
        await asyncio.sleep(0.19)
        assert server.lane.refuses(size=0)

    play(scenario)


def test_a_client_that_reads_no_refusals_gets_no_more_of_them() -> None:
    """Each of its requests differs, so none of them waits for its time. The refusals would pile up here
    for as long as a client may leave answers unread, at thousands a second."""

    async def scenario() -> None:
        server = Server()
        server.fill()
        connection, transport = server.connect()
        connection.data_received(ORDER)
        connection.pause_writing()  # the transport has more than it can send
        connection.data_received(ORDER.replace(b"/orders", b"/orders?1"))
        assert (transport.written, connection.protocol.flow.read_paused) == (2 * NO, True)
        connection.resume_writing()
        assert not connection.protocol.flow.read_paused
        connection.data_received(ORDER.replace(b"/orders", b"/orders?2"))
        assert (transport.written, connection.protocol.flow.read_paused) == (3 * NO, False)

    play(scenario)
