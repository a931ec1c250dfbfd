"""One client process. In an open loop it sends an order whenever one is due, answered or not; in a closed
loop each of its clients waits for the answer. It uses bare sockets, because a heavier client would be the
bottleneck before the node is:

    python -m loadtests.bench.open_loop open HOST PORT RATE SECONDS < token
    python -m loadtests.bench.open_loop closed HOST PORT CLIENTS SECONDS < token

It prints one list: of each order, when it was due, how many seconds it took, and what came of it.
"""

import asyncio
import json
import sys
from collections import deque
from collections.abc import Sequence
from typing import Literal

Outcome = tuple[float, float, int]
"""When an order was due (monotonic time), the seconds it took, and the status, GONE or BROKEN."""

GONE = 0  # no answer came in time, and the client hung up
BROKEN = -1  # the connection was refused or lost, or there was none left
PATIENCE_SECONDS = 5.0
PRODUCTS = 20  # as the bench's network has them
_MOST_CONNECTIONS = 900  # of one process, below the usual limit of 1024 descriptors


class Connection(asyncio.Protocol):
    """One connection, with at most one request under way."""

    def __init__(self, pool: "Pool") -> None:
        self._pool = pool
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._due: float | None = None
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport), "a connection over TCP"
        self._transport = transport

    def send(self, request: bytes, *, due: float) -> None:
        """Send a request on this idle connection."""
        assert self._transport is not None, "it is connected"
        self._due = due
        left = due + PATIENCE_SECONDS - self._pool.now()
        self._timer = self._pool.loop.call_later(max(0.0, left), self._give_up)
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, body = self._buffer.partition(b"\r\n\r\n")
        lines = head.lower().split(b"\r\n")
        length = next((int(line[15:]) for line in lines if line.startswith(b"content-length:")), 0)
        if not found or len(body) < length:
            return
        self._buffer = b""
        self._end(int(lines[0].split(b" ")[1]))
        if b"connection: close" in lines:
            self.close()
        else:
            self._pool.take_back(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(BROKEN)
        self._pool.lose(self)

    def close(self) -> None:
        assert self._transport is not None, "it is connected"
        self._transport.abort()

    def _give_up(self) -> None:
        self._end(GONE)
        self.close()

    def _end(self, status: int) -> None:
        if self._due is not None and self._timer is not None:
            self._timer.cancel()
            self._pool.note(self._due, status)
            self._due = None


class Pool:
    """The connections of this process. An idle one is used again, as tills do."""

    def __init__(self, host: str, port: int, requests: Sequence[bytes]) -> None:
        self.loop = asyncio.get_running_loop()
        self.outcomes: list[Outcome] = []
        self.ended = asyncio.Event()
        self._address = (host, port)
        self._requests = requests
        self._sent = 0
        self._idle: deque[Connection] = deque()
        self._connected: set[Connection] = set()
        self._connecting = 0

    def now(self) -> float:
        return self.loop.time()

    def note(self, due: float, status: int) -> None:
        self.outcomes.append((round(due, 4), round(self.now() - due, 5), status))
        self.ended.set()

    def take_back(self, connection: Connection) -> None:
        self._idle.append(connection)

    def lose(self, connection: Connection) -> None:
        self._connected.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)

    async def order(self, *, due: float) -> None:
        """Send the next order, on an idle connection or on a new one. Its outcome is noted when it ends."""
        request = self._requests[self._sent % len(self._requests)]
        self._sent += 1
        connection = self._idle.pop() if self._idle else await self._connect(due)
        if connection is not None:
            connection.send(request, due=due)

    async def _connect(self, due: float) -> Connection | None:
        if len(self._connected) + self._connecting >= _MOST_CONNECTIONS:
            self.note(due, BROKEN)
            return None
        self._connecting += 1
        try:
            async with asyncio.timeout(max(0.0, due + PATIENCE_SECONDS - self.now())):
                _, made = await self.loop.create_connection(lambda: Connection(self), *self._address)
        except (TimeoutError, OSError) as error:
            self.note(due, GONE if isinstance(error, TimeoutError) else BROKEN)
            return None
        finally:
            self._connecting -= 1
        self._connected.add(made)
        return made

    def close(self) -> None:
        for connection in list(self._connected):
            connection.close()


def orders_of(token: str, host: str) -> list[bytes]:
    """Orders of one line each, as bytes on the wire: one of each product."""
    made = []
    for number in range(PRODUCTS):
        lines = [{"sku": f"P-{number}", "quantity": 1}]
        body = json.dumps({"customer": "BUYER", "lines": lines}).encode()
        head = (
            f"POST /orders HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        made.append(head.encode() + body)
    return made


async def _open(pool: Pool, *, rate: float, seconds: float) -> None:
    began = pool.now()
    tasks: set[asyncio.Task[None]] = set()
    for number in range(int(rate * seconds)):
        due = began + number / rate
        if (early := due - pool.now()) > 0:
            await asyncio.sleep(early)
        elif number % 64 == 0:
            await asyncio.sleep(0)  # it is late, but answers must still be read
        task = asyncio.create_task(pool.order(due=due))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
    while len(pool.outcomes) < int(rate * seconds):
        pool.ended.clear()
        await pool.ended.wait()  # each order ends: by its answer, or by the patience


async def _closed(pool: Pool, *, clients: int, seconds: float) -> None:
    until = pool.now() + seconds
    sent = 0
    while pool.now() < until:
        pool.ended.clear()
        while sent - len(pool.outcomes) < clients:
            sent += 1
            await pool.order(due=pool.now())
        await pool.ended.wait()


async def _main(loop: Literal["open", "closed"], host: str, port: int, many: float, seconds: float) -> None:
    pool = Pool(host, port, orders_of(sys.stdin.readline().strip(), host))
    if loop == "open":
        await _open(pool, rate=many, seconds=seconds)
    else:
        await _closed(pool, clients=int(many), seconds=seconds)
    pool.close()
    json.dump(pool.outcomes, sys.stdout)


if __name__ == "__main__":
    kind, host_, port_, many_, seconds_ = sys.argv[1:]
    asyncio.run(
        _main("open" if kind == "open" else "closed", host_, int(port_), float(many_), float(seconds_))
    )
