"""Connections to peers that are kept for the next call: a transport of httpx's kind, to be used without its
client.

httpx's own transport takes each connection out of a pool, which costs a call more than the call itself.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import httpcore
import httpx

from app.sync.peering.streams import Streams

MOST_CALLS = 64
"""Under way at the same time; a peer is sent one batch at a time, and a request for each order that waits."""

_KEPT_SECONDS = 5.0  # no longer than the server at the other end keeps one
_STREAMS = Streams()

_ERRORS: tuple[tuple[type[Exception], type[httpx.TransportError]], ...] = (
    (httpcore.ConnectTimeout, httpx.ConnectTimeout),
    (httpcore.ReadTimeout, httpx.ReadTimeout),
    (httpcore.WriteTimeout, httpx.WriteTimeout),
    (httpcore.ConnectError, httpx.ConnectError),
    (httpcore.ReadError, httpx.ReadError),
    (httpcore.WriteError, httpx.WriteError),
    (httpcore.RemoteProtocolError, httpx.RemoteProtocolError),
    (httpcore.LocalProtocolError, httpx.LocalProtocolError),
    (httpcore.UnsupportedProtocol, httpx.UnsupportedProtocol),
)


class KeptConnections(httpx.AsyncBaseTransport):
    """HTTP/1.1 over connections that are kept by origin; at most one request is on each of them at a time.

    An answer is read whole before it is returned. A call that fails or is cancelled closes its connection.
    Raises the errors of httpx.
    """

    def __init__(self) -> None:
        self._idle: dict[str, list[httpcore.AsyncHTTPConnection]] = {}
        self._places = asyncio.Semaphore(MOST_CALLS)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        url = request.url
        asked = httpcore.Request(
            method=request.method,
            url=httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
            headers=request.headers.raw,
            content=request.stream,
            extensions=request.extensions,
        )
        await self._take_place(request)
        try:
            with _errors_of_httpx():
                answer, body = await self._answer(asked)
        finally:
            self._places.release()
        return httpx.Response(answer.status, headers=answer.headers, content=body, request=request)

    async def aclose(self) -> None:
        """Close the connections that are not in use."""
        idle, self._idle = self._idle, {}
        for connections in idle.values():
            for connection in connections:
                await connection.aclose()

    async def _take_place(self, request: httpx.Request) -> None:
        if not self._places.locked():
            await self._places.acquire()
            return
        try:
            async with asyncio.timeout(request.extensions.get("timeout", {}).get("pool")):
                await self._places.acquire()
        except TimeoutError as error:
            raise httpx.PoolTimeout("no place for another call", request=request) from error

    async def _answer(self, asked: httpcore.Request) -> tuple[httpcore.Response, bytes]:
        origin = asked.url.origin
        connection = await self._kept(origin) or httpcore.AsyncHTTPConnection(
            origin, keepalive_expiry=_KEPT_SECONDS, network_backend=_STREAMS
        )
        answer = await connection.handle_async_request(asked)
        try:
            body = await answer.aread()
        finally:
            await answer.aclose()
        if connection.is_available():
            self._idle.setdefault(str(origin), []).append(connection)
        return answer, body

    async def _kept(self, origin: httpcore.Origin) -> httpcore.AsyncHTTPConnection | None:
        """The connection that was used last, out of those that the peer has not closed; the others are
        closed."""
        idle = self._idle.get(str(origin), [])
        ended = [connection for connection in idle if connection.has_expired()]
        for connection in ended:
            idle.remove(connection)
        found = idle.pop() if idle else None
        for connection in ended:
            await connection.aclose()
        return found


@contextmanager
def _errors_of_httpx() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        kind = next((ours for theirs, ours in _ERRORS if isinstance(error, theirs)), None)
        if kind is None:
            raise
        raise kind(str(error)) from error
