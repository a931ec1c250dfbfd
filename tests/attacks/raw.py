"""Connections that speak less than whole HTTP, or stop in the middle of it."""

import asyncio
import contextlib
import re
import resource
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.attacks.arena import Arena

_OWN_DESCRIPTORS = 4096
_PATIENCE_SECONDS = 30.0

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def connections(arena: Arena, node: str, number: int) -> AsyncIterator[list[Connection]]:
    """Connections to a node, closed at the end whatever became of them."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < _OWN_DESCRIPTORS:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(_OWN_DESCRIPTORS, hard), hard))
    made: list[Connection] = []
    try:
        for _ in range(number):
            made.append(await asyncio.open_connection(*arena.address(node)))
        yield made
    finally:
        for _, writer in made:
            writer.transport.abort()


async def send(connection: Connection, *parts: bytes) -> None:
    """Send as much as the node takes."""
    with contextlib.suppress(OSError, TimeoutError):
        async with asyncio.timeout(_PATIENCE_SECONDS):
            for part in parts:
                connection[1].write(part)
                await connection[1].drain()


async def status_of(connection: Connection) -> int:
    """The status that the node answers with; 0 if it closes the connection without one."""
    with contextlib.suppress(OSError, TimeoutError):
        async with asyncio.timeout(_PATIENCE_SECONDS):
            line = await connection[0].readline()
            return int(line.split()[1]) if line else 0
    return 0


async def read_all(connection: Connection) -> bytes:
    """All that the node answers until it closes the connection; as much as came, if it does not."""
    answered = b""
    with contextlib.suppress(OSError, TimeoutError):
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while more := await connection[0].read(1 << 16):
                answered += more
    return answered


def header(path: str, length: int, **headers: str) -> bytes:
    """The header of a POST that states a length; `X_Replica_Token=` gives X-Replica-Token."""
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: branch",
        f"Content-Length: {length}",
        *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode()


async def ask(connection: Connection, times: int) -> list[int]:
    """Ask for the orders again and again, on one connection; the statuses."""
    statuses = []
    for _ in range(times):
        await send(connection, b"GET /orders HTTP/1.1\r\nHost: branch\r\n\r\n")
        head = await connection[0].readuntil(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: (\d+)", head)
        assert length is not None, "every refusal has a body"
        await connection[0].readexactly(int(length[1]))
        statuses.append(int(head.split()[1]))
    return statuses
