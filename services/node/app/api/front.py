"""Admission control on bytes: a whole request that would be refused is answered before it is parsed.

To parse and route a request takes a good part of what an order takes. Under many times the load that a node
can bear, refusals at that price would leave nothing for orders.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from fastapi import FastAPI

from app.api.problems.handlers import MEDIA_TYPE
from app.api.problems.language import Language, preferred
from app.api.problems.words import PROBLEMS
from app.api.request_ids import request_id_of
from app.api.safe_headers import SAFE_HEADERS
from app.domain.admission import lane_of, retry_after
from app.domain.errors import Overloaded
from app.node import BranchNode
from app.services.admission import Lane, Pass

LONGEST = 64 * 1024  # bytes; what is longer comes in pieces, and takes the long way
_REQUEST = re.compile(rb"(GET|HEAD|POST|PUT|PATCH|DELETE) (/[^ ?#]*)[^ ]* HTTP/1\.1\r\n")
_HEADER = re.compile(
    rb"\r\n(content-length|transfer-encoding|expect|upgrade|connection|x-request-id|accept-language):"
    rb"[ \t]*([^\r\n]*?)[ \t]*(?=\r\n)",
    re.IGNORECASE,
)
_LONG_WAY = (b"transfer-encoding", b"expect", b"upgrade")


@dataclass(frozen=True)
class Glance:
    """What is seen of a whole request without parsing it."""

    method: str
    path: str
    size: int
    headers: Mapping[bytes, bytes]


class Seen(Protocol):
    """What the front has to know of a whole request. `headers` has those that decide or are repeated in a
    refusal."""

    @property
    def method(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def size(self) -> int: ...
    @property
    def headers(self) -> Mapping[bytes, bytes]: ...


class Repetition(Protocol):
    """What becomes of a client that was refused and sends the same again before its time."""

    def is_turned_away(self) -> bool:
        """Whether it would be refused again now. Ask it of each request that comes too early."""

    def refuse(self, seen: Seen) -> "Refused":
        """The refusal of a request that was turned away."""


@dataclass(frozen=True)
class Refused:
    """The bytes of a refusal, and whether the connection ends with it. For `seconds` the client was told to
    stay away; `repetition` judges it when it does not."""

    answer: bytes
    closes: bool
    seconds: float = 0.0
    repetition: Repetition | None = None


Decision = Pass | Refused | None
"""A request is let in, with its place; or refused; or left to the application to decide."""


def glance(data: bytes) -> Glance | None:
    """What is seen of exactly one whole, plain request. None for anything else: the server parses that."""
    found = _REQUEST.match(data) if len(data) <= LONGEST else None
    end = data.find(b"\r\n\r\n")
    if found is None or end < 0:
        return None
    seen = _HEADER.findall(data, found.end() - 2, end + 2)
    headers = {name.lower(): value for name, value in seen}
    length = headers.get(b"content-length", b"0")
    if len(headers) < len(seen) or any(name in headers for name in _LONG_WAY) or not length.isdigit():
        return None
    if len(length) > len(str(LONGEST)) or len(data) != end + 4 + int(length):
        return None
    return Glance(found[1].decode(), found[2].decode("latin-1"), int(length), headers)


class Front:
    """Decides on requests as they come from the socket, before `api` sees them. `api.state.node` must be
    there when requests come."""

    def __init__(self, api: FastAPI) -> None:
        self._api = api

    def decide(self, seen: Seen) -> Decision:
        """Let a whole request in with a place in its lane, or refuse it. None leaves it to the application to
        decide, which it does for peers, and for what has no lane."""
        name = lane_of(seen.method, seen.path)
        node: BranchNode = self._api.state.node
        if name in (None, "replica", "status") or not node.ready:
            return None
        lane = node.admission.lane(name)
        try:
            return lane.admit(size=seen.size)
        except Overloaded as refused:
            return _refusal(node, seen, lane, refused.retry_after_seconds)


@dataclass(frozen=True, slots=True)
class _Again:
    """The repetition of what a lane refused."""

    node: BranchNode
    lane: Lane

    def is_turned_away(self) -> bool:
        return self.lane.turns_away()

    def refuse(self, seen: Seen) -> Refused:
        return _refusal(self.node, seen, self.lane, retry_after(self.node.random.random()))


def _refusal(node: BranchNode, seen: Seen, lane: Lane, seconds: float) -> Refused:
    given = seen.headers.get(b"x-request-id", b"").decode("latin-1")
    request_id = request_id_of(given, random=node.random)
    language = preferred(seen.headers.get(b"accept-language", b"").decode("latin-1"))
    body = _BODIES[language] % (json.dumps(request_id), seconds)
    closes = seen.headers.get(b"connection", b"").lower() == b"close"
    head = _HEAD % (
        language,
        len(body.encode()),
        max(1, -int(-seconds // 1)),
        request_id,
        "close" if closes else "keep-alive",
    )
    answer = head.encode() + (b"" if seen.method == "HEAD" else body.encode())
    return Refused(answer, closes, seconds, _Again(node, lane))


def _body(language: Language) -> str:
    problem = PROBLEMS["overloaded"]
    said = {
        "type": f"/problems/{problem.code}",
        "title": problem.title.spoken(language),
        "status": problem.status,
        "detail": problem.detail.spoken(language),
        "code": problem.code,
    }
    start = json.dumps(said, ensure_ascii=False).replace("%", "%%").removesuffix("}")
    return start + ', "request_id": %s, "retry_after_seconds": %.3f}'


_BODIES: dict[Language, str] = {language: _body(language) for language in ("en", "pt-BR")}
_HEAD = (
    f"HTTP/1.1 503 Service Unavailable\r\nContent-Type: {MEDIA_TYPE}\r\nContent-Language: %s\r\n"
    "Content-Length: %d\r\nRetry-After: %d\r\nX-Request-Id: %s\r\nConnection: %s\r\n"
    + "".join(f"{name}: {value}\r\n" for name, value in SAFE_HEADERS.items())
    + "\r\n"
)
