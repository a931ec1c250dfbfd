"""Sends a peer what no honest node sends, made of the last batch that the peer took from this node.

Each kind is one attack on what nodes say to each other; the peer's answer shows whether it works.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

from app.runtime import Clock
from app.security.json_web_tokens import payload_of
from app.security.replica_tokens import LIFE_SECONDS, REQUEST_HEADER, ReplicaTokens
from app.sync.peering.peers import Peer
from app.sync.peering.transport import Response, Transport
from app.sync.wire.errors import Unreachable

Kind = Literal["repeated", "replayed", "tampered", "forged", "stale-token"]
"""repeated     the same events, signed anew: a peer that has them changes nothing
replayed     the very same request, its token with it
tampered     the same token over a body in which one character was changed
forged       signed under a secret that is not the network's
stale-token  signed rightly, with a token that has expired"""

KINDS: tuple[Kind, ...] = get_args(Kind)
EVENT_PATH = "/replica/event"
_PATIENCE_SECONDS = 5.0


@dataclass(frozen=True)
class Overheard:
    """A request that a peer answered with 200, as somebody on the wire sees it."""

    body: bytes
    token: str

    @property
    def epoch(self) -> str:
        """The life that sent it."""
        return str(payload_of(self.token)["epoch"])


@dataclass(frozen=True)
class Forged:
    """A peer's answer to one message: the status and why; None and the trouble where none came."""

    status: int | None
    cause: str


class Forger:
    """Makes and sends messages by the kind that is asked for."""

    def __init__(
        self,
        transport: Transport,
        *,
        overheard: Callable[[str], Overheard | None],
        tokens: ReplicaTokens,
        stranger: ReplicaTokens,
        clock: Clock,
    ) -> None:
        """`stranger` signs in this node's name under a secret of its own."""
        self._transport = transport
        self._overheard = overheard
        self._tokens = tokens
        self._stranger = stranger
        self._clock = clock

    async def send(self, peer: Peer, kind: Kind, times: int) -> list[Forged]:
        """Send so many messages, one after the other, and return the answers. Empty where the peer took no
        batch of this node yet, so that there is nothing to make them of."""
        heard = self._overheard(peer.name)
        return [] if heard is None else [await self._send_once(peer, kind, heard) for _ in range(times)]

    async def _send_once(self, peer: Peer, kind: Kind, heard: Overheard) -> Forged:
        body = _altered(heard.body) if kind == "tampered" else heard.body
        headers = {"content-type": "application/json", REQUEST_HEADER: self._token(peer, kind, heard)}
        try:
            answer = await self._transport.post(
                peer.url + EVENT_PATH, body=body, headers=headers, patience=_PATIENCE_SECONDS
            )
        except Unreachable as error:
            return Forged(None, str(error))
        return Forged(answer.status, _cause(answer))

    def _token(self, peer: Peer, kind: Kind, heard: Overheard) -> str:
        if kind == "replayed":
            return heard.token
        signer = self._stranger if kind == "forged" else self._tokens
        late = 2.0 * LIFE_SECONDS if kind == "stale-token" else 0.0
        return signer.issue(
            peer.name,
            epoch=heard.epoch,
            method="POST",
            path=EVENT_PATH,
            body=heard.body,
            receiver_now=self._clock.wall() + peer.clock_offset - late,
        )


def another_secret(secret: str) -> str:
    """A secret that is not the network's, and tells nothing of it."""
    return hashlib.sha256(f"a stranger's, not {secret}".encode()).hexdigest()


def _altered(body: bytes) -> bytes:
    """The same body but for its last digit."""
    at = max(body.rfind(str(digit).encode()) for digit in range(10))
    return body[:at] + (b"1" if body[at : at + 1] != b"1" else b"2") + body[at + 1 :]


def _cause(answer: Response) -> str:
    """`duplicate` for events that the peer had; else the reason that the peer gives, or its code."""
    if answer.status == 200:
        return "duplicate"
    try:
        document = json.loads(answer.body)
    except ValueError:
        return "unreadable"
    said = document if isinstance(document, dict) else {}
    return str(said.get("reason") or said.get("code") or "unreadable")
