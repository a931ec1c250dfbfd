"""A load generator of one process: bare sockets, one thread, so that it is not what is measured.

It reads a plan as JSON from its input, and prints what came of it as JSON (`loadtests.bench.pressing`). In a
closed loop each connection sends its next request when the answer is there. In an open loop (`rate`) a
request is sent when it is due, and its time counts from then. Only the standard library: it starts at once.
"""

import json
import selectors
import socket
import sys
import time
from collections import Counter, defaultdict, deque
from contextlib import suppress
from typing import Any

_READ_BYTES = 1 << 18
_BLANK = b"\r\n\r\n"
_LENGTH = b"content-length:"
_LAST_CHUNK = b"0\r\n\r\n"
_LOST = 0  # the status of a request whose connection broke, or that nobody answered
_OK = range(200, 300)
_LONGEST_WAIT = 0.05
_OVERLOADED = 503
_BACK_OFF = 0.05  # no client asks an overloaded server again at once; Retry-After is longer still


def end_of(answer: bytes) -> int:
    """How many bytes the first answer in `answer` has, or 0 while some of them are still to come."""
    head = answer.find(_BLANK)
    if head < 0:
        return 0
    at = answer.find(_LENGTH, 0, head)
    if at < 0:
        headers = answer[:head].lower()
        at = headers.find(_LENGTH)
        if at < 0:
            last = answer.find(_LAST_CHUNK, head) if b"chunked" in headers else -1
            return last + len(_LAST_CHUNK) if last >= 0 else 0
    line_end = answer.find(b"\r\n", at)
    whole = head + len(_BLANK) + int(answer[at + len(_LENGTH) : line_end])
    return whole if len(answer) >= whole else 0


class Connection:
    """One connection with at most one request: of `kind`, due at `due`. It is `awaiting` an answer, or it is
    idle or backs off; `refusals` counts how often its request was refused for want of time."""

    __slots__ = ("awaiting", "buffer", "due", "kind", "refusals", "socket", "text")

    def __init__(self) -> None:
        self.socket = socket.socket()
        self.buffer = b""
        self.due = 0.0
        self.kind = ""
        self.text = b""
        self.refusals = 0
        self.awaiting = False


class Generator:
    """Sends the requests of a plan in turn, from the first one again after the last one. One that is refused
    with 503 is sent again after a pause, and its time goes on."""

    def __init__(self, plan: dict[str, Any]) -> None:
        self._address = (plan["host"], plan["port"])
        self._rate: float | None = plan["rate"]
        self._seconds: float = plan["seconds"]
        self._warm_up: float = plan["warm_up"]
        self._requests = [(kind, text.encode()) for kind, text in plan["requests"]]
        self._next = 0
        self._selector = selectors.DefaultSelector()
        self._idle: deque[Connection] = deque()
        self._backing_off: deque[tuple[float, Connection]] = deque()
        self._statuses: Counter[int] = Counter()
        self._microseconds: defaultdict[str, list[int]] = defaultdict(list)
        self._began = 0.0
        self._connections = [Connection() for _ in range(plan["connections"])]
        for connection in self._connections:
            self._open_socket(connection)
            self._idle.append(connection)

    def run(self) -> dict[str, Any]:
        """Plays the plan to its end. In a closed loop the answers after the warm-up count, in an open one
        the requests that were due after it. Who was refused and still waits in the end counts with that
        time."""
        self._began = time.perf_counter() + self._warm_up
        end = self._began + self._seconds
        worked = 0.0
        if self._rate is None:
            self._closed(self._began)
            worked = time.process_time()
            self._closed(end)
        else:
            self._open(self._rate, end)
        worked = time.process_time() - worked
        self._count_waiting()
        return {
            "seconds": self._seconds,
            "busy": worked / (self._seconds + (0.0 if self._rate is None else self._warm_up)),
            "statuses": self._statuses,
            "microseconds": self._microseconds,
        }

    def _closed(self, end: float) -> None:
        while self._idle:
            self._send_next(self._idle.popleft(), time.perf_counter())
        while (now := time.perf_counter()) < end:
            self._send_refused(now)
            for key, _ in self._selector.select(max(0.0, min(self._until_refused(now), end - now))):
                if self._received(key.data):
                    self._send_next(key.data, time.perf_counter())

    def _open(self, rate: float, end: float) -> None:
        due, waiting = time.perf_counter(), deque[float]()
        while (now := time.perf_counter()) < end + 1.0:  # what was sent last may be answered
            while due <= now and due < end:
                waiting.append(due)
                due += 1.0 / rate
            while waiting and self._idle:
                self._send_next(self._idle.popleft(), waiting.popleft())
            self._send_refused(now)
            pause = _LONGEST_WAIT if due >= end else due - now
            for key, _ in self._selector.select(max(0.0, min(self._until_refused(now), pause))):
                if self._received(key.data):
                    self._idle.append(key.data)

    def _until_refused(self, now: float) -> float:
        """Seconds until the next refused request is sent again; not longer than any wait."""
        return min(_LONGEST_WAIT, self._backing_off[0][0] - now) if self._backing_off else _LONGEST_WAIT

    def _send_refused(self, now: float) -> None:
        while self._backing_off and self._backing_off[0][0] <= now:
            self._send(self._backing_off.popleft()[1])

    def _send_next(self, connection: Connection, due: float) -> None:
        connection.kind, connection.text = self._requests[self._next]
        self._next = (self._next + 1) % len(self._requests)
        connection.due, connection.refusals = due, 0
        self._send(connection)

    def _send(self, connection: Connection) -> None:
        connection.awaiting = True
        with suppress(OSError):  # the next read tells
            connection.socket.sendall(connection.text)

    def _received(self, connection: Connection) -> bool:
        """Whether the request of this connection is over: answered or lost, and counted. One that was refused
        with 503 goes on."""
        try:
            data = connection.socket.recv(_READ_BYTES)
        except OSError:
            data = b""
        if not data:
            return self._lost(connection)
        connection.buffer = data = connection.buffer + data if connection.buffer else data
        if not end_of(data):
            return False
        connection.buffer, connection.awaiting = b"", False
        status, now = int(data[9:12]), time.perf_counter()
        counts = self._counts(connection, now)
        if counts:
            self._statuses[status] += 1
        if status == _OVERLOADED:
            connection.refusals += 1
            self._backing_off.append((now + _BACK_OFF, connection))
            return False
        if counts and status in _OK:
            self._microseconds[connection.kind].append(round((now - connection.due) * 1e6))
        return True

    def _counts(self, connection: Connection, now: float) -> bool:
        return (now if self._rate is None else connection.due) >= self._began

    def _count_waiting(self) -> None:
        now = time.perf_counter()
        refused = {id(connection) for _, connection in self._backing_off}
        for connection in self._connections:
            waits = connection.awaiting or id(connection) in refused
            if waits and connection.refusals and self._counts(connection, now):
                self._microseconds[connection.kind].append(round((now - connection.due) * 1e6))
            if connection.awaiting and self._rate is not None and self._counts(connection, now):
                self._statuses[_LOST] += 1

    def _lost(self, connection: Connection) -> bool:
        """Connects again; whether a request was lost with the connection."""
        was_awaiting, connection.awaiting = connection.awaiting, False
        if was_awaiting and self._counts(connection, time.perf_counter()):
            self._statuses[_LOST] += 1
        self._selector.unregister(connection.socket)
        connection.socket.close()
        self._open_socket(connection)
        return was_awaiting

    def _open_socket(self, connection: Connection) -> None:
        connection.socket = socket.create_connection(self._address, timeout=5)
        connection.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.buffer = b""
        self._selector.register(connection.socket, selectors.EVENT_READ, connection)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(Generator(json.load(sys.stdin)).run()))
