"""Calls between nodes use a connection again while the peer keeps it, and never one with half an answer."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import httpx
import pytest

from app.sync.peering import connections
from app.sync.peering.connections import KeptConnections
from app.sync.peering.transport import HttpTransport, Response
from app.sync.wire.errors import Unreachable


@dataclass
class Server:
    """Answers each request with its body, on as many connections as are opened."""

    port: int = 0
    opened: int = 0
    writers: list[asyncio.StreamWriter] = field(default_factory=list)
    may_answer: asyncio.Event = field(default_factory=asyncio.Event)
    asked: asyncio.Queue[bytes] = field(default_factory=asyncio.Queue)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.opened += 1
        self.writers.append(writer)
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
                body = await reader.readexactly(length)
                self.asked.put_nowait(body)
                await self.may_answer.wait()
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (length, body))

    async def hang_up(self) -> None:
        for writer in self.writers:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()


@asynccontextmanager
async def talking() -> AsyncIterator[tuple[Server, HttpTransport]]:
    server = Server()
    server.may_answer.set()
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.port = listening.sockets[0].getsockname()[1]
    transport = HttpTransport()
    try:
        yield server, transport
    finally:
        await transport.close()
        await server.hang_up()
        listening.close()


async def post(server: Server, transport: HttpTransport, body: bytes) -> Response:
    url = f"http://127.0.0.1:{server.port}/replica/event"
    return await transport.post(url, body=body, headers={}, patience=5.0)


def test_calls_one_after_the_other_use_one_connection() -> None:
    async def run() -> None:
        async with talking() as (server, transport):
            answers = [(await post(server, transport, body)).body for body in (b"one", b"two", b"three")]
            assert answers == [b"one", b"two", b"three"]
            assert server.opened == 1

    asyncio.run(run())


def test_calls_at_the_same_time_have_a_connection_each() -> None:
    async def run() -> None:
        async with talking() as (server, transport):
            server.may_answer.clear()
            calls = [asyncio.create_task(post(server, transport, body)) for body in (b"one", b"two")]
            for _ in calls:
                await server.asked.get()
            server.may_answer.set()
            assert [answer.body for answer in await asyncio.gather(*calls)] == [b"one", b"two"]
            assert server.opened == 2

    asyncio.run(run())


def test_a_connection_that_the_peer_closed_is_not_used_again() -> None:
    async def run() -> None:
        async with talking() as (server, transport):
            await post(server, transport, b"one")
            await server.hang_up()
            await asyncio.sleep(0)  # the loop sees the end of the connection
            assert (await post(server, transport, b"two")).body == b"two"
            assert server.opened == 2

    asyncio.run(run())


def test_a_call_that_was_given_up_leaves_its_answer_to_nobody() -> None:
    async def run() -> None:
        async with talking() as (server, transport):
            server.may_answer.clear()
            given_up = asyncio.create_task(post(server, transport, b"one"))
            await server.asked.get()
            given_up.cancel()
            await asyncio.gather(given_up, return_exceptions=True)
            server.may_answer.set()
            assert (await post(server, transport, b"two")).body == b"two"
            assert server.opened == 2

    asyncio.run(run())


def test_more_calls_than_there_are_places_wait_for_one_and_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "MOST_CALLS", 1)

    async def run() -> None:
        async with talking() as (server, transport):
            server.may_answer.clear()
            first = asyncio.create_task(post(server, transport, b"one"))
            await server.asked.get()
            url = f"http://127.0.0.1:{server.port}/replica/event"
            with pytest.raises(Unreachable, match="too many calls are under way here"):
                await transport.post(url, body=b"two", headers={}, patience=0.0)
            server.may_answer.set()
            assert (await first).body == b"one"
            assert (await post(server, transport, b"three")).body == b"three"

    asyncio.run(run())


def test_it_is_a_transport_of_httpx() -> None:
    async def run() -> None:
        async with talking() as (server, _):
            async with httpx.AsyncClient(transport=KeptConnections()) as client:
                answer = await client.post(f"http://127.0.0.1:{server.port}/", content=b"one")
            assert (answer.status_code, answer.content) == (200, b"one")

    asyncio.run(run())
