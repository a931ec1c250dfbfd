"""Calls to peers go over sockets of the event loop, uvloop's as well as asyncio's."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httpcore
import pytest
import uvloop

from app.sync.peering import streams
from app.sync.peering.streams import Streams
from app.sync.peering.transport import HttpTransport, Response
from app.sync.wire.errors import Unreachable

LARGE = b"a row of stock, " * 200_000  # more than a socket holds, or the node keeps unread
CERTIFICATE = Path(__file__).with_name("localhost.pem")
"""Of 127.0.0.1, made for this test with its key; it protects nothing."""

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Run = Callable[[Coroutine[None, None, None]], None]


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Run:
    def run(trial: Coroutine[None, None, None]) -> None:
        with asyncio.Runner(loop_factory=request.param) as runner:
            runner.run(trial)

    return run


@asynccontextmanager
async def peer(serve: Serve, *, host: str = "127.0.0.1") -> AsyncIterator[str]:
    """A peer that serves each connection so; its address."""

    async def until_it_ends(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            await serve(reader, writer)
        writer.close()

    async with await asyncio.start_server(until_it_ends, "127.0.0.1", 0) as server:
        yield f"http://{host}:{server.sockets[0].getsockname()[1]}/replica/event"


async def post(url: str, body: bytes, *, patience: float = 20.0) -> Response:
    transport = HttpTransport()
    try:
        return await transport.post(url, body=body, headers={}, patience=patience)
    finally:
        await transport.close()


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    body = await reader.readexactly(length)
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (length, body))
    await writer.drain()


def test_bodies_larger_than_a_socket_arrive_whole_both_ways(run: Run) -> None:
    async def trial() -> None:
        async with peer(echo) as url:
            assert (await post(url, LARGE)).body == LARGE

    run(trial())


def test_a_peer_that_takes_no_data_is_given_up(run: Run) -> None:
    async def trial() -> None:
        over = asyncio.Event()

        async def take_nothing(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.transport.pause_reading()  # type: ignore[attr-defined] # typeshed has it for reading alone
            await over.wait()

        async with peer(take_nothing) as url:
            with pytest.raises(Unreachable, match=r"took no data in 0\.2 s"):
                await post(url, LARGE * 4, patience=0.2)
            over.set()

    run(trial())


@pytest.mark.parametrize(
    "said", [b"", b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf"], ids=["nothing", "half"]
)
def test_a_peer_that_hangs_up_before_the_end_of_its_answer_gave_none(run: Run, said: bytes) -> None:
    async def trial() -> None:
        async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(said)

        async with peer(hang_up) as url:
            with pytest.raises(Unreachable, match="ended the connection without an answer"):
                await post(url, b"")

    run(trial())


def test_a_name_leads_to_the_first_of_its_addresses_that_takes_a_connection(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def two_addresses(_host: str, _port: int) -> list[str]:
        return ["127.0.0.2", "127.0.0.1"]

    monkeypatch.setattr(streams, "_addresses", two_addresses)

    async def trial() -> None:
        async with peer(echo, host="branch") as url:
            assert (await post(url, b"one")).body == b"one"

    run(trial())


def test_a_call_goes_over_tls(run: Run) -> None:
    async def trial() -> None:
        served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        served.load_cert_chain(CERTIFICATE)
        trusting = ssl.create_default_context(cafile=str(CERTIFICATE))
        async with await asyncio.start_server(echo, "127.0.0.1", 0, ssl=served) as server:
            port = server.sockets[0].getsockname()[1]
            connection = httpcore.AsyncHTTPConnection(
                httpcore.Origin(b"https", b"127.0.0.1", port), ssl_context=trusting, network_backend=Streams()
            )
            answer = await connection.request("POST", f"https://127.0.0.1:{port}/", content=LARGE)
            assert answer.content == LARGE
            await connection.aclose()

    run(trial())
