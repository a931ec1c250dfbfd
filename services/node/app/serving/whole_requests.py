"""Reads requests that came whole, in C. Everything else is left to h11, which judges it as ever.

Requests that come in pieces, several at once or in chunks, or that are odd in any way, are few. So the quick
parser keeps nothing of a request that is not over, and no limit depends on it. What it takes is what h11
takes, too, and reads the same (`tests/serving/test_whole_requests.py`).
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from app.api.front import LONGEST, Glance

Headers = list[tuple[bytes, bytes]]

_BEGINNINGS = (b"GET /", b"HEAD /", b"POST /", b"PUT /", b"PATCH /", b"DELETE /")
_TARGET = re.compile(rb"/[!-\"$-~]*")  # visible ASCII without a fragment
_LONG_WAY = frozenset((b"transfer-encoding", b"expect", b"upgrade"))
_TOLD_ONCE = frozenset((b"idempotency-key", b"x-request-id", b"x-replica-token"))  # no head has them again
_CONNECTIONS = {b"": True, b"keep-alive": True, b"close": False}

MOST_HEADS, LONGEST_HEAD = 256, 2 * 1024
"""How many heads of requests are remembered, and how many bytes the longest of them has."""


@dataclass(slots=True)
class WholeRequest:
    """A whole request of HTTP/1.1. `path` is decoded, as routes have it. `lines` are its headers, with names
    in small letters; `headers` has the first value of each. `kept` is a place for what follows from its head
    (app.api.heads)."""

    method: str
    raw_path: bytes
    path: str
    query: bytes
    lines: Headers
    headers: Mapping[bytes, bytes]
    body: bytes
    keeps_alive: bool
    kept: dict[Any, Any] = field(default_factory=dict)

    @property
    def size(self) -> int:
        return len(self.body)

    def with_body(self, body: bytes) -> "WholeRequest":
        """A request with this head and another body. They share nothing that the one may change, but the
        place for what follows from their head."""
        return WholeRequest(
            self.method,
            self.raw_path,
            self.path,
            self.query,
            [*self.lines],
            self.headers,
            body,
            self.keeps_alive,
            self.kept,
        )


Look = Callable[[bytes], WholeRequest | Glance | None]
"""What is seen of bytes that begin a request: the whole request, or its outline at least; None for what is
not exactly one whole, plain request."""


class Reader:
    """A parser of httptools, with what it calls. One is enough for a process: it gets whole requests only.

    Clients repeat themselves: a head that was read lately is not read again. Where a whole request ends, and
    all else of it but its body, follows from the bytes of its head alone.
    """

    def __init__(self, httptools: Any) -> None:
        self._httptools = httptools
        self._known: dict[bytes, tuple[WholeRequest, int]] = {}  # by head, with the length of the body
        self._odd = (httptools.HttpParserError, httptools.HttpParserUpgrade)
        self._begin_anew()

    def read(self, data: bytes) -> WholeRequest | None:
        """The request, if these bytes are exactly one whole, plain one."""
        end = data.find(b"\r\n\r\n") + 4
        if end < 4 or len(data) > LONGEST:
            return None
        head = data[:end]
        known = self._known.get(head)
        if known is not None:
            request, size = known
            return request.with_body(data[end:]) if len(data) - end == size else None
        if not data.startswith(_BEGINNINGS) or not _is_plain(head):
            return None
        self._begun, self._ended, self._url, self._body = 0, 0, b"", b""
        self._headers: Headers = []
        try:
            self._parser.feed_data(data)
        except self._odd:
            self._begin_anew()
            return None
        if self._begun != 1 or self._ended != 1 or end + len(self._body) != len(data):
            self._begin_anew()
            return None
        found = self._read()
        if found is None or not found.keeps_alive:
            self._begin_anew()  # this one takes nothing more
        elif end <= LONGEST_HEAD and _TOLD_ONCE.isdisjoint(found.headers):
            if len(self._known) >= MOST_HEADS:
                self._known.clear()
            self._known[head] = found.with_body(b""), found.size
        return found

    def _read(self) -> WholeRequest | None:
        method = self._parser.get_method().decode()
        named = dict(reversed(self._headers))
        if self._parser.get_http_version() != "1.1" or not _TARGET.fullmatch(self._url):
            return None
        if len(named) < len(self._headers) and _repeats(self._headers):
            return None
        keeps_alive = _CONNECTIONS.get(named.get(b"connection", b"").lower())
        length = named.get(b"content-length", b"0")
        if keeps_alive is None or b"host" not in named or not _LONG_WAY.isdisjoint(named):
            return None
        if not length.isdigit() or int(length) != len(self._body):
            return None
        raw_path, _, query = self._url.partition(b"?")
        path = unquote(raw_path.decode("ascii"))
        return WholeRequest(method, raw_path, path, query, self._headers, named, self._body, keeps_alive)

    def _begin_anew(self) -> None:
        self._parser = self._httptools.HttpRequestParser(self)

    # What the parser calls.

    def on_message_begin(self) -> None:
        self._begun += 1

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name.lower(), value.strip(b" \t")))

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        self._ended += 1


def _is_plain(head: bytes) -> bool:
    """Whether every line ends in CRLF and none continues the one before."""
    lines = head.count(b"\r\n")
    return head.count(b"\n") == lines == head.count(b"\r") and b"\r\n " not in head and b"\r\n\t" not in head


def _repeats(headers: Headers) -> bool:
    """Whether a header is there twice that frames the request, or that h11 takes once."""
    times = Counter(name for name, _ in headers)
    return any(times[name] > 1 for name in (b"host", b"content-length", b"connection"))
