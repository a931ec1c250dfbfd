"""How bytes reach a peer. It is the only interface with two implementations: HTTP here, a seeded network in
the simulator."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import httpx

from app.security.replica_tokens import ANSWER_HEADER
from app.sync.wire.errors import Unreachable


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
    """HTTP/1.1 with kept connections; proxies of the environment are not used between nodes."""

    def __init__(self) -> None:
        limits = httpx.Limits(max_connections=64, max_keepalive_connections=16)
        self._client = httpx.AsyncClient(trust_env=False, limits=limits)

    async def post(self, url: str, *, body: bytes, headers: Mapping[str, str], patience: float) -> Response:
        try:
            response = await self._client.post(url, content=body, headers=dict(headers), timeout=patience)
        except httpx.HTTPError as error:
            raise Unreachable(
                f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            ) from error
        mark = response.headers.get(ANSWER_HEADER)
        return Response(status=response.status_code, body=response.content, mark=mark)

    async def close(self) -> None:
        await self._client.aclose()
