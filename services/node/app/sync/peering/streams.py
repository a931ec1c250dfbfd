"""The sockets of calls to peers: a network backend of httpcore's kind, over the event loop's own transports.

httpcore's own one goes by way of anyio, which makes a cancel scope and a task's checkpoint for each read and
each write: a third of what a call between nodes cost.
"""

import asyncio
import socket
import ssl
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, cast

import httpcore

_MOST_HELD = 1 << 16  # bytes; a larger request comes to the peer in pieces anyway
_MOST_UNREAD = 1 << 18  # bytes, from which on the peer is not read until somebody has taken some


class _Incoming(asyncio.Protocol):
    """What came in and was not taken yet, and whether the peer takes what goes out."""

    transport: asyncio.Transport

    def __init__(self) -> None:
        self.unread = bytearray()
        self.ended = False
        self._error: Exception | None = None
        self._came = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's are none of asyncio's by class

    def data_received(self, data: bytes) -> None:
        self.unread += data
        self._came.set()
        if len(self.unread) > _MOST_UNREAD:
            self.transport.pause_reading()

    def eof_received(self) -> None:
        self.ended = True
        self._came.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended, self._error = True, exc
        self._came.set()
        self._writable.set()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    async def take(self, most: int) -> bytes:
        """Up to so many bytes, at least one; none at the end. Raises what ended the connection."""
        while not self.unread and not self.ended:
            self._came.clear()
            await self._came.wait()
        if not self.unread:
            if self._error is not None:
                raise self._error
            return b""
        if len(self.unread) > _MOST_UNREAD:
            self.transport.resume_reading()
        taken = bytes(self.unread[:most])
        del self.unread[:most]
        return taken

    @property
    def is_full(self) -> bool:
        """Whether so much is on its way that a writer should wait."""
        return not self._writable.is_set()

    async def wait_until_taken(self) -> None:
        """Return when the peer has taken most of what is on its way. Raises what ended the connection."""
        await self._writable.wait()
        if self._error is not None:
            raise self._error


class _Stream(httpcore.AsyncNetworkStream):
    """One connection as httpcore uses it. Raises the errors of httpcore."""

    def __init__(self, incoming: _Incoming) -> None:
        self._incoming = incoming
        self._held = b""
        self._write_timeout: float | None = None

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109 - as httpcore's
        if self._held:
            await self._send_held()
        with _raising(httpcore.ReadTimeout, httpcore.ReadError):
            async with asyncio.timeout(timeout):
                return await self._incoming.take(max_bytes)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109 - as httpcore's
        """Hold the bytes until the answer is waited for, as long as they are few. The head and the body of a
        request then arrive together, and the peer reads them as one whole request (app.serving)."""
        self._write_timeout = timeout
        if len(self._held) + len(buffer) <= _MOST_HELD:
            self._held += buffer
            return
        await self._send_held()
        await self._send(buffer)

    async def _send_held(self) -> None:
        held, self._held = self._held, b""
        await self._send(held)

    async def _send(self, data: bytes) -> None:
        if self._incoming.ended:
            raise httpcore.WriteError("the peer has ended the connection")
        if data:
            self._incoming.transport.write(data)
        if self._incoming.is_full:
            with _raising(httpcore.WriteTimeout, httpcore.WriteError):
                async with asyncio.timeout(self._write_timeout):
                    await self._incoming.wait_until_taken()

    async def aclose(self) -> None:
        transport = self._incoming.transport
        transport.close()
        if transport.get_write_buffer_size():
            transport.abort()  # of a call that was given up nothing is sent any more

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - as httpcore's
    ) -> httpcore.AsyncNetworkStream:
        incoming = self._incoming
        loop = asyncio.get_running_loop()
        with _raising(httpcore.ConnectTimeout, httpcore.ConnectError):
            async with asyncio.timeout(timeout):
                transport = await loop.start_tls(
                    incoming.transport, incoming, ssl_context, server_hostname=server_hostname
                )
        assert transport is not None, "it was not closed meanwhile: that raises"
        incoming.transport = transport
        return self

    def get_extra_info(self, info: str) -> Any:
        if info == "is_readable":  # an idle connection has nothing to say, unless it ended
            return self._incoming.ended or bool(self._incoming.unread)
        return self._incoming.transport.get_extra_info(info)


class Streams(httpcore.AsyncNetworkBackend):
    """Opens TCP connections, to the first of a host's addresses that takes one."""

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - as httpcore's
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        assert local_address is None, "nobody asks for it"
        assert socket_options is None, "nobody asks for it"
        with _raising(httpcore.ConnectTimeout, httpcore.ConnectError):
            async with asyncio.timeout(timeout):
                return _Stream(await _connected(host, port))


async def _connected(host: str, port: int) -> _Incoming:
    """Raises what the last of the addresses raised."""
    loop = asyncio.get_running_loop()
    *others, last = await _addresses(host, port)
    for address in others:
        with suppress(OSError):
            return (await loop.create_connection(_Incoming, address, port))[1]
    return (await loop.create_connection(_Incoming, last, port))[1]


async def _addresses(host: str, port: int) -> list[str]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


@contextmanager
def _raising(late: type[Exception], broken: type[Exception]) -> Iterator[None]:
    try:
        yield
    except TimeoutError as error:
        raise late(str(error)) from error
    except OSError as error:
        raise broken(str(error)) from error
