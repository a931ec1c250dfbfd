"""How bytes reach a peer. It is the only interface with two implementations: HTTP here, a seeded network in
the simulator."""

import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

import httpx

from app.security.replica_tokens import ANSWER_HEADER
from app.sync.peering.connections import KeptConnections
from app.sync.wire.errors import Unreachable

# The first that fits says why no answer came.
_REASONS: tuple[tuple[type[Exception] | tuple[type[Exception], ...], str], ...] = (
    (httpx.ConnectTimeout, "took no connection in {seconds} s"),
    (httpx.WriteTimeout, "took no data in {seconds} s"),
    (httpx.PoolTimeout, "too many calls are under way here"),
    (httpx.TimeoutException, "did not answer in {seconds} s"),
    ((httpx.NetworkError, httpx.RemoteProtocolError), "ended the connection without an answer"),
)

_STAGES = ("connect", "read", "write", "pool")  # of a call, each of which may take as long as its patience


@dataclass(frozen=True)
class Response:
    """A peer's answer, and the mark that proves it (see app.security.replica_tokens)."""

    status: int
    body: bytes
    mark: str | None = None


class Transport(Protocol):
    """Posts a body to a peer."""

    async def post(self, url: str, *, body: bytes, headers: Mapping[str, str], patience: float) -> Response:
        """Return the answer, or raise Unreachable if none came within `patience` seconds."""

    async def close(self) -> None:
        """Free the connections."""


class HttpTransport:
    """HTTP/1.1 with kept connections; proxies of the environment are not used between nodes.

    Nothing of httpx's client is needed between nodes: no cookies, redirects or authentication of its kind.
    """

    def __init__(self, connections: httpx.AsyncBaseTransport | None = None) -> None:
        self._connections = connections or KeptConnections()
        self._urls: dict[str, httpx.URL] = {}

    async def post(self, url: str, *, body: bytes, headers: Mapping[str, str], patience: float) -> Response:
        parsed = self._parsed(url)
        request = httpx.Request(
            "POST",
            parsed,
            headers={"host": parsed.netloc.decode("ascii"), **headers},
            content=body,
            extensions={"timeout": dict.fromkeys(_STAGES, patience)},
        )
        try:
            response = await self._connections.handle_async_request(request)
            read = await response.aread()
        except httpx.HTTPError as error:
            raise Unreachable(reason_of(error, patience=patience)) from error
        return Response(status=response.status_code, body=read, mark=response.headers.get(ANSWER_HEADER))

    async def close(self) -> None:
        await self._connections.aclose()

    def _parsed(self, url: str) -> httpx.URL:
        """The address of a peer's route, parsed once: there are a few for each peer."""
        if url not in self._urls:
            self._urls[url] = httpx.URL(url)
        return self._urls[url]


def reason_of(error: httpx.HTTPError, *, patience: float) -> str:
    """Why no answer came, in words about the peer. People read it in `/status`, and the lab translates it."""
    if isinstance(error, httpx.ConnectError):
        return _refusal_of(error)
    said = next((words for kinds, words in _REASONS if isinstance(error, kinds)), "the call failed: {error}")
    return said.format(seconds=f"{patience:g}", error=error)


def _refusal_of(error: httpx.ConnectError) -> str:
    causes = [*_causes(error)]
    if any(isinstance(cause, ConnectionRefusedError) for cause in causes):
        return "refuses connections"
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        return "has a name that leads nowhere"
    said = next((cause.strerror for cause in causes if isinstance(cause, OSError) and cause.strerror), None)
    return f"cannot be reached: {said or error}"


def _causes(error: BaseException) -> Iterator[BaseException]:
    following: BaseException | None = error
    while following is not None:
        yield following
        if isinstance(following, BaseExceptionGroup):  # of several addresses, the last one's word will do
            following = following.exceptions[-1]
        else:
            following = following.__cause__ or following.__context__
