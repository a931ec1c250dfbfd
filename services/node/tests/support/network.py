"""A network between nodes of one process: implements `app.sync.transport.Transport`, with faults.

A message goes through the receiving node's ASGI application, so tokens, limits, routes and problems are the
real ones. A sender that stops waiting does not stop the receiver, as on a real network.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

import httpx
from starlette.types import ASGIApp, Message, Scope

from app.security.replica_tokens import ANSWER_HEADER, ReplicaTokens
from app.sync.errors import Unreachable
from app.sync.transport import Response

REPLICA_SECRET = "a secret of nodes, as long as one must be"


@dataclass(frozen=True)
class Call:
    """One message that a node tried to send."""

    at: float
    sender: str
    receiver: str
    path: str
    body: bytes


class FakeNetwork:
    """Carries messages between the nodes that joined. Faults are plain attributes:

    - `down`: nodes that refuse every connection at once;
    - `silent`: nodes that accept and never answer, until the sender's patience ends;
    - `cut`: (sender, receiver) pairs that refuse, one way;
    - `deaf`: (sender, receiver) pairs whose messages arrive, but whose answers are lost;
    - `answers`: what a path answers instead of the node, by (receiver, path);
    - `altered`: what becomes of some bytes in a receiver's answers, on their way;
    - `late`: (sender, receiver) pairs whose answers take so many seconds longer;
    - `latency`: seconds each way.
    """

    def __init__(self) -> None:
        self.down: set[str] = set()
        self.silent: set[str] = set()
        self.cut: set[tuple[str, str]] = set()
        self.deaf: set[tuple[str, str]] = set()
        self.answers: dict[tuple[str, str], Response] = {}
        self.altered: dict[str, tuple[bytes, bytes]] = {}
        self.late: dict[tuple[str, str], float] = {}
        self.latency = 0.001
        self.calls: list[Call] = []
        self._apps: dict[str, ASGIApp] = {}
        self._led_to: dict[str, str] = {}
        self._arrivals: set[asyncio.Task[Response]] = set()

    def join(self, name: str, app: ASGIApp) -> None:
        """Let messages for a node reach this application; a later one replaces it."""
        self._apps[name] = app

    def redirect(self, name: str, to: str) -> None:
        """Let a node's address lead to another node, as after a mistake in a configuration."""
        self._led_to[name] = to

    def leave(self, name: str) -> None:
        """Let a node's address refuse, as after its process ended."""
        self._apps.pop(name, None)

    def transport(self, sender: str) -> "FakeTransport":
        return FakeTransport(self, sender)

    def sent(self, sender: str, receiver: str, path: str) -> list[Call]:
        """What one node tried to send another, to one path."""
        return [c for c in self.calls if (c.sender, c.receiver, c.path) == (sender, receiver, path)]

    async def carry(
        self, sender: str, url: str, *, body: bytes, headers: Mapping[str, str], patience: float
    ) -> Response:
        parts = urlsplit(url)
        receiver, link = str(parts.hostname), (sender, str(parts.hostname))
        now = asyncio.get_running_loop().time()
        self.calls.append(Call(now, sender, receiver, parts.path, body))
        if receiver in self.down or link in self.cut or receiver not in self._apps:
            raise Unreachable("ConnectError: refused")
        if receiver in self.silent:
            await asyncio.sleep(patience)
            raise Unreachable("ReadTimeout")
        arrival = asyncio.create_task(self._arrive(receiver, parts.path, body, headers))
        self._arrivals.add(arrival)
        arrival.add_done_callback(self._arrivals.discard)
        try:
            async with asyncio.timeout(patience):
                response = await asyncio.shield(arrival)
                way_back = self.latency + self.late.get(link, 0.0)
                await asyncio.sleep(patience if link in self.deaf else way_back)
        except TimeoutError:
            raise Unreachable("ReadTimeout") from None
        return response

    async def _arrive(self, receiver: str, path: str, body: bytes, headers: Mapping[str, str]) -> Response:
        await asyncio.sleep(self.latency)
        if (receiver, path) in self.answers:
            return _marked(self.answers[receiver, path], receiver, headers)
        app = self._apps.get(self._led_to.get(receiver, receiver))
        if app is None:  # its process ended while the message was under way
            raise Unreachable("ReadError: reset")
        answer = await _post(app, receiver, path, body=body, headers=headers)
        old, new = self.altered.get(receiver, (b"", b""))
        return replace(answer, body=answer.body.replace(old, new))

    async def close(self) -> None:
        """Let what is under way arrive, so that no node is closed below a message."""
        await asyncio.gather(*self._arrivals, return_exceptions=True)


class FakeTransport:
    """One node's end of the network."""

    def __init__(self, network: FakeNetwork, sender: str) -> None:
        self._network = network
        self._sender = sender

    async def post(self, url: str, *, body: bytes, headers: Mapping[str, str], patience: float) -> Response:
        return await self._network.carry(self._sender, url, body=body, headers=headers, patience=patience)

    async def close(self) -> None:
        pass


async def _post(app: ASGIApp, host: str, path: str, *, body: bytes, headers: Mapping[str, str]) -> Response:
    """What an application answers. It is asked as a server asks it: an HTTP client in between would take
    longer over each message than most nodes do."""
    sent = {"host": host, **headers, "content-length": str(len(body))}
    scope: Scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(name.lower().encode(), value.encode()) for name, value in sent.items()],
        "server": (host, 80),
        "client": ("10.0.0.1", 50_000),
    }
    requests = iter([{"type": "http.request", "body": body, "more_body": False}])
    answers: list[Message] = []

    async def receive() -> Message:
        return next(requests, {"type": "http.disconnect"})

    async def send(message: Message) -> None:
        answers.append(message)

    with suppress(Exception):  # an error of the node's own was answered with 500 before it came here
        await app(scope, receive, send)
    start, *parts = answers
    answered = {name.lower(): value for name, value in start["headers"]}
    mark = answered.get(ANSWER_HEADER.lower().encode())
    return Response(
        status=start["status"],
        body=b"".join(part.get("body", b"") for part in parts),
        mark=None if mark is None else mark.decode(),
    )


def problem(status: int, code: str, **data: Any) -> Response:
    """A refusal as a node sends it."""
    document = {"type": "about:blank", "title": code, "status": status, "detail": code, "code": code, **data}
    return Response(status=status, body=httpx.Response(status, json=document).content)


def _marked(answer: Response, receiver: str, headers: Mapping[str, str]) -> Response:
    tokens = ReplicaTokens(name=receiver, secret=REPLICA_SECRET)
    mark = tokens.mark(headers.get("x-replica-token", ""), status=answer.status, body=answer.body)
    return replace(answer, mark=mark)
