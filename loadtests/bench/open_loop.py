"""One client process. In an open loop it sends an order whenever one is due, answered or not; in a closed
loop each of its clients waits for the answer. It uses bare sockets, because a heavier client would be the
bottleneck before the node is:

    python -m loadtests.bench.open_loop open HOST PORT RATE SECONDS < token
    python -m loadtests.bench.open_loop closed HOST PORT CLIENTS SECONDS < token

It prints one object: `outcomes` has of each order when it was due, how many seconds it took, and what came of
it; `busy` is the share of the time that this process worked. Above 0.9 it measured itself.
"""

import errno
import json
import select
import socket
import sys
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import Literal

from loadtests.bench.generator import end_of

Outcome = tuple[float, float, int]
"""When an order was due (monotonic time), the seconds it took, and the status, GONE, BROKEN or UNSENT."""

GONE = 0  # no answer came in time, and the client hung up
BROKEN = -1  # the connection was refused or lost
UNSENT = -2  # every connection of this process waited for an answer
PATIENCE_SECONDS = 5.0
PRODUCTS = 20  # as the bench's network has them
MOST_CONNECTIONS = 900
"""Of one process: fewer than a node keeps as it is delivered, and than the usual limit of 1024 descriptors.
More would measure how it turns connections away, which is another matter (`tests/attacks`)."""

_READ_BYTES = 1 << 16
_LONGEST_WAIT = 0.05
_CLOSES = b"connection: close"
_STATUS = slice(9, 12)


class Connection:
    """One connection, with at most one request under way: since it was due, and until patience ends."""

    __slots__ = ("buffer", "due", "request", "socket")

    def __init__(self, opened: socket.socket) -> None:
        self.socket = opened
        self.buffer = b""
        self.due: float | None = None
        self.request = b""  # while it is still being connected


class Clients:
    """The clients of this process. An idle connection is used again, as tills do; the last one first."""

    def __init__(self, host: str, port: int, requests: Sequence[bytes]) -> None:
        self.outcomes: list[Outcome] = []
        self._address = (host, port)
        self._requests = requests
        self._sent = 0
        self._poll = select.epoll()
        self._connections: dict[int, Connection] = {}
        self._idle: list[Connection] = []
        self._patience: deque[tuple[float, Connection]] = deque()

    def open_loop(self, rate: float, seconds: float) -> None:
        """Return when the last order ended: by its answer, or by the patience."""
        began = time.monotonic()
        number, last = 0, int(rate * seconds)
        while number < last or len(self.outcomes) < last:
            now = time.monotonic()
            while number < last and (due := began + number / rate) <= now:
                self._order(due)
                number += 1
            pause = _LONGEST_WAIT if number == last else began + number / rate - time.monotonic()
            self._receive(max(0.0, pause))

    def closed_loop(self, clients: int, seconds: float) -> None:
        """Return at the end of the time; orders that are under way then count for nothing."""
        until, sent = time.monotonic() + seconds, 0
        while (now := time.monotonic()) < until:
            while sent - len(self.outcomes) < clients:
                sent += 1
                self._order(now)
            self._receive(until - now)

    def close(self) -> None:
        """Hang up everywhere."""
        for connection in list(self._connections.values()):
            self._close(connection)

    def _order(self, due: float) -> None:
        request = self._requests[self._sent % len(self._requests)]
        self._sent += 1
        if self._idle:
            connection = self._idle.pop()
        elif len(self._connections) < MOST_CONNECTIONS:
            connection = self._connect()
        else:
            self._note(due, UNSENT)
            return
        connection.due = due
        self._patience.append((due + PATIENCE_SECONDS, connection))
        if connection.request:
            connection.request = request
        else:
            self._send(connection, request)

    def _connect(self) -> Connection:
        connection = Connection(socket.socket())
        connection.socket.setblocking(False)
        connection.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._connections[connection.socket.fileno()] = connection
        wanted = select.EPOLLIN
        if connection.socket.connect_ex(self._address) == errno.EINPROGRESS:
            wanted |= select.EPOLLOUT
            connection.request = b"later"
        self._poll.register(connection.socket, wanted)
        return connection

    def _send(self, connection: Connection, request: bytes) -> None:
        with suppress(OSError):  # the next read tells
            connection.socket.send(request)

    def _receive(self, patience: float) -> None:
        for number, event in self._poll.poll(patience):
            connection = self._connections.get(number)
            if connection is None:
                continue
            if event & select.EPOLLOUT and connection.request:
                request, connection.request = connection.request, b""
                self._poll.modify(connection.socket, select.EPOLLIN)
                self._send(connection, request)
            elif event & ~select.EPOLLOUT:
                self._read(connection)
        now = time.monotonic()
        while self._patience and self._patience[0][0] <= now:
            until, connection = self._patience.popleft()
            if connection.due is not None and connection.due + PATIENCE_SECONDS <= until:
                self._end(connection, GONE)
                self._close(connection)

    def _read(self, connection: Connection) -> None:
        try:
            data = connection.socket.recv(_READ_BYTES)
        except OSError:
            data = b""
        if not data:
            if connection.due is None:
                self._idle.remove(connection)
            else:
                self._end(connection, BROKEN)
            self._close(connection)
            return
        connection.buffer = data = connection.buffer + data if connection.buffer else data
        if not end_of(data):
            return
        connection.buffer = b""
        self._end(connection, int(data[_STATUS]))
        if _CLOSES in data.partition(b"\r\n\r\n")[0].lower():
            self._close(connection)
        else:
            self._idle.append(connection)

    def _end(self, connection: Connection, status: int) -> None:
        assert connection.due is not None, "a request is under way"
        self._note(connection.due, status)
        connection.due = None

    def _note(self, due: float, status: int) -> None:
        self.outcomes.append((round(due, 4), round(time.monotonic() - due, 5), status))

    def _close(self, connection: Connection) -> None:
        del self._connections[connection.socket.fileno()]
        connection.socket.close()  # epoll forgets it, too


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


def _main(loop: Literal["open", "closed"], host: str, port: int, many: float, seconds: float) -> None:
    clients = Clients(host, port, orders_of(sys.stdin.readline().strip(), host))
    began, worked = time.monotonic(), time.process_time()
    if loop == "open":
        clients.open_loop(many, seconds)
    else:
        clients.closed_loop(int(many), seconds)
    busy = (time.process_time() - worked) / min(time.monotonic() - began, seconds)
    clients.close()
    json.dump({"outcomes": clients.outcomes, "busy": round(busy, 3)}, sys.stdout)


if __name__ == "__main__":
    kind, host_, port_, many_, seconds_ = sys.argv[1:]
    _main("open" if kind == "open" else "closed", host_, int(port_), float(many_), float(seconds_))
