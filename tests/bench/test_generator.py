"""The load generator of `make bench` reads answers as HTTP has them, and tells what came of each request."""

import json
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest

from loadtests.bench.generator import end_of
from loadtests.bench.room import BENCH

REQUEST = "POST /orders HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2\r\n\r\n{}"


@pytest.mark.parametrize(
    ("answer", "length"),
    [
        (b"HTTP/1.1 201 Created\r\ncontent-length: 2\r\n\r\n{}", 45),
        (b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}", 45),
        (b"HTTP/1.1 201 Created\r\ncontent-length: 2\r\n\r\n{", 0),
        (b"HTTP/1.1 201 Created\r\ncontent-le", 0),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\n{\r\n", 0),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\n{\r\n0\r\n\r\n", 58),
    ],
)
def test_an_answer_ends_where_its_headers_say(answer: bytes, length: int) -> None:
    assert end_of(answer) == length


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    statuses: ClassVar[list[int]] = []

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(self.statuses.pop() if self.statuses else 201)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_words: Any) -> None:
        """It says nothing of requests."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_words: Any) -> None:
        """A generator hangs up when its time is over."""


@contextmanager
def serving(*statuses: int) -> Iterator[int]:
    """A server on the port it gives, which answers with these statuses first and then with 201."""
    _Handler.statuses = [*reversed(statuses)]
    with _Server(("127.0.0.1", 0), _Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def play(port: int, **changes: Any) -> dict[str, Any]:
    plan = {
        "host": "127.0.0.1",
        "port": port,
        "rate": None,
        "seconds": 0.2,
        "warm_up": 0.0,
        "connections": 2,
        "requests": [["order", REQUEST], ["other", REQUEST]],
        **changes,
    }
    command = [sys.executable, str(BENCH / "generator.py")]
    done = subprocess.run(
        command, input=json.dumps(plan), capture_output=True, text=True, timeout=30, check=True
    )
    printed: dict[str, Any] = json.loads(done.stdout)
    return printed


def test_a_closed_loop_counts_refusals_apart_and_times_what_was_taken_from_its_first_try() -> None:
    with serving(409, 503) as port:
        found = play(port, connections=1, seconds=1.0)

    statuses = Counter(found["statuses"])
    assert (statuses["503"], statuses["409"]) == (1, 1)
    times = found["microseconds"]
    assert {*times} <= {"order", "other"}
    assert sum(map(len, times.values())) == statuses["201"] >= 1
    assert max(time for each in times.values() for time in each) >= 50_000  # the one that was refused first


def test_who_is_refused_until_the_end_counts_with_the_time_that_it_waited() -> None:
    with serving(*[503] * 100) as port:
        found = play(port, connections=1)

    assert {*found["statuses"]} == {"503"}
    ((waited,),) = found["microseconds"].values()
    assert waited >= 190_000


def test_an_open_loop_sends_what_is_due_and_no_more() -> None:
    with serving() as port:
        found = play(port, rate=50.0)

    assert sum(found["statuses"].values()) in (10, 11)
