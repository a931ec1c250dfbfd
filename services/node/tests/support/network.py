"""Networks between nodes of one process: they implement `app.sync.peering.transport.Transport`, with faults.

A message goes through the receiving node's ASGI application, so tokens, limits, routes and problems are the
real ones. A sender that stops waiting does not stop the receiver, as on a real network.
"""

import asyncio
import contextvars
from abc import ABC, abstractmethod
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

import httpx
from starlette.types import ASGIApp

from app.security.replica_tokens import ReplicaTokens
from app.sync.peering.transport import Response
from app.sync.wire.errors import Unreachable
from tests.support.doors import ask

REPLICA_SECRET = "a secret of nodes, as long as one must be"


class VirtualNetwork(ABC):
    """Carries each message in a task of its own, which outlives the sender's patience. A subclass decides
    what becomes of the message on its way."""

    def __init__(self) -> None:
        self._under_way: dict[asyncio.Task[Response], None] = {}  # in the order of sending

    def transport(self, sender: str) -> "VirtualTransport":
        """One node's end of the network."""
        return VirtualTransport(self, sender)

    @abstractmethod
    async def carry(
        self, sender: str, url: str, *, body: bytes, headers: Mapping[str, str], patience: float
    ) -> Response:
        """Carry a message and return the answer. Raises Unreachable, after `patience` seconds at most."""

    def _set_out(self, journey: Coroutine[Any, Any, Response]) -> asyncio.Task[Response]:
        """Begin a message's journey, in a context of its own: it outlives the process that sent it."""
        task = asyncio.get_running_loop().create_task(journey, context=contextvars.Context())
        self._under_way[task] = None
        task.add_done_callback(self._arrived)
        return task

    def _arrived(self, task: asyncio.Task[Response]) -> None:
        self._under_way.pop(task, None)
        if not task.cancelled():
            task.exception()  # of a journey that nobody waited for to its end

    @staticmethod
    async def _answer(journey: asyncio.Task[Response], *, patience: float) -> Response:
        """The answer that a journey brings back. Raises Unreachable when the sender's patience ends first."""
        done, _ = await asyncio.wait([journey], timeout=patience)
        if not done:
            raise Unreachable("ReadTimeout")
        return journey.result()


class VirtualTransport:
    """One node's end of a network."""

    def __init__(self, network: VirtualNetwork, sender: str) -> None:
        self._network = network
        self._sender = sender

    async def post(self, url: str, *, body: bytes, headers: Mapping[str, str], patience: float) -> Response:
        return await self._network.carry(self._sender, url, body=body, headers=headers, patience=patience)

    async def close(self) -> None:
        pass


@dataclass(frozen=True)
class Call:
    """One message that a node tried to send."""

    at: float
    sender: str
    receiver: str
    path: str
    body: bytes


class FakeNetwork(VirtualNetwork):
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
        super().__init__()
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

    def join(self, name: str, app: ASGIApp) -> None:
        """Let messages for a node reach this application; a later one replaces it."""
        self._apps[name] = app

    def redirect(self, name: str, to: str) -> None:
        """Let a node's address lead to another node, as after a mistake in a configuration."""
        self._led_to[name] = to

    def leave(self, name: str) -> None:
        """Let a node's address refuse, as after its process ended."""
        self._apps.pop(name, None)

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
        journey = self._set_out(self._travel(link, parts.path, body, headers, patience=patience))
        return await self._answer(journey, patience=patience)

    async def _travel(
        self, link: tuple[str, str], path: str, body: bytes, headers: Mapping[str, str], *, patience: float
    ) -> Response:
        await asyncio.sleep(self.latency)
        answer = await self._asked(link[1], path, body, headers)
        way_back = self.latency + self.late.get(link, 0.0)
        await asyncio.sleep(patience if link in self.deaf else way_back)
        return answer

    async def _asked(self, receiver: str, path: str, body: bytes, headers: Mapping[str, str]) -> Response:
        if (receiver, path) in self.answers:
            return _marked(self.answers[receiver, path], receiver, headers)
        app = self._apps.get(self._led_to.get(receiver, receiver))
        if app is None:  # its process ended while the message was under way
            raise Unreachable("ReadError: reset")
        answer = await ask(app, receiver, path, body=body, headers=headers)
        old, new = self.altered.get(receiver, (b"", b""))
        return replace(answer, body=answer.body.replace(old, new))

    async def close(self) -> None:
        """Let what is under way arrive, so that no node is closed below a message."""
        await asyncio.gather(*self._under_way, return_exceptions=True)


def problem(status: int, code: str, **data: Any) -> Response:
    """A refusal as a node sends it."""
    document = {"type": "about:blank", "title": code, "status": status, "detail": code, "code": code, **data}
    return Response(status=status, body=httpx.Response(status, json=document).content)


def _marked(answer: Response, receiver: str, headers: Mapping[str, str]) -> Response:
    tokens = ReplicaTokens(name=receiver, secret=REPLICA_SECRET)
    mark = tokens.mark(headers.get("x-replica-token", ""), status=answer.status, body=answer.body)
    return replace(answer, mark=mark)
