"""Signed calls to peers."""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import ValidationError

from app.database import Identity
from app.runtime import Clock
from app.security.replica_tokens import REQUEST_HEADER, ReplicaTokens
from app.sync.peering.peers import Peer, Peers
from app.sync.peering.transport import Response, Transport
from app.sync.rules.retry import Answer
from app.sync.wire.errors import Unreachable
from app.sync.wire.message import Message, Sent

M = TypeVar("M", bound=Message)


@dataclass(eq=False)
class Refusal(Exception):
    """A peer did not give the expected answer. The retry decision looks at `answer`."""

    answer: Answer
    detail: str

    def __str__(self) -> str:
        return self.detail


class PeerClient:
    """Signs each call with an X-Replica-Token, stamped in the receiver's clock, so that clock skew never
    stops replication. The offset comes from hello, or from `now` in the receiver's 401. An answer without a
    valid mark of the peer is treated as no answer."""

    def __init__(
        self,
        transport: Transport,
        *,
        tokens: ReplicaTokens,
        identity: Callable[[], Identity],
        peers: Peers,
        clock: Clock,
    ) -> None:
        self._transport = transport
        self._tokens = tokens
        self._identity = identity
        self._peers = peers
        self._clock = clock

    async def call(self, peer: Peer, path: str, message: Sent, *, expect: type[M], patience: float) -> M:
        """Post a message and return the peer's answer, parsed as `expect`. Raises Refusal in every other
        case."""
        body = message.encoded()
        response = await self._post(peer, path, body, patience=patience)
        if response.status == 401 and self._learn_clock(peer, response):
            response = await self._post(peer, path, body, patience=patience)
        self._peers.answered(peer)
        if response.status != 200:
            raise _refusal(response)
        try:
            return expect.read(response.body)
        except ValidationError as error:
            raise Refusal(
                Answer(status=200, code="unreadable_answer"), "the answer is not readable"
            ) from error

    async def _post(self, peer: Peer, path: str, body: bytes, *, patience: float) -> Response:
        now = self._clock.wall() + peer.clock_offset
        token = self._tokens.issue(
            peer.name,
            epoch=self._identity().epoch,
            method="POST",
            path=path,
            body=body,
            receiver_now=now,
        )
        headers = {"content-type": "application/json", REQUEST_HEADER: token}
        try:
            response = await self._transport.post(
                peer.url + path, body=body, headers=headers, patience=patience
            )
        except Unreachable as error:
            raise Refusal(Answer(status=None, code=str(error)), str(error)) from error
        # Who refuses the token need not know the key: all that is taken from a 401 is what its clock says.
        marked = self._tokens.is_marked(response.mark, token, status=response.status, body=response.body)
        if not marked and response.status != 401:
            unproven = Answer(status=None, code="unproven_answer")
            raise Refusal(unproven, "the answer is not a member's, or was damaged on its way")
        return response

    def _learn_clock(self, peer: Peer, response: Response) -> bool:
        now = _document(response).get("now")
        if not isinstance(now, int | float) or isinstance(now, bool) or not math.isfinite(now):
            return False
        peer.clock_offset = float(now) - self._clock.wall()
        return True


def _refusal(response: Response) -> Refusal:
    document = _document(response)
    code, position = document.get("code"), document.get("position")
    seq, event_id = (
        (position.get("seq"), position.get("event_id")) if isinstance(position, dict) else (None, None)
    )
    answer = Answer(
        status=response.status,
        code=code if isinstance(code, str) else None,
        position=seq if isinstance(seq, int) and seq >= 0 else None,
        event_id=event_id if isinstance(event_id, str) else None,
        living=_texts(document.get("living")),
        ahead=_versions(document.get("ahead")),
    )
    detail = document.get("detail")
    return Refusal(answer, f"{response.status} {detail if isinstance(detail, str) else code or ''}".strip())


def _texts(found: object) -> tuple[str, ...]:
    return tuple(text for text in found if isinstance(text, str)) if isinstance(found, list) else ()


def _versions(found: object) -> dict[str, int]:
    if not isinstance(found, dict):
        return {}
    return {key: version for key, version in found.items() if isinstance(version, int)}


def _document(response: Response) -> dict[str, Any]:
    try:
        document = json.loads(response.body)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}
