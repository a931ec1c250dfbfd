"""Turns: a damaged file is replaced only while another member serves, and by one member at a time.

A member that holds a damaged file asks the others for its turn (`POST /replica/turn`). A serving member gives
the turn as a lease in memory, so a holder that crashes delays the others for a short time only.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from app.database.node_row import is_founded
from app.domain.errors import Decommissioned
from app.security.replica_tokens import ReplicaClaims
from app.sync.context import NodeContext
from app.sync.wire.errors import NotTheSender
from app.sync.wire.message import Message

LEASE_SECONDS = 30.0
RENEW_SECONDS = 10.0


class TurnRequest(Message):
    """`ask`: the sender holds a damaged file and wants to replace it, or is still at it. `release`: it is
    done, or lets others go first. No epoch is named, since the sender's may not be readable in its file."""

    wish: Literal["ask", "release"]


class TurnReply(Message):
    """Whether the receiver is ready and founded, and whether it gives the sender the turn. A receiver that
    serves and refuses has given the turn to another member."""

    ready: bool
    founded: bool
    granted: bool

    @property
    def serves(self) -> bool:
        return self.ready and self.founded


@dataclass(frozen=True)
class Lease:
    """A turn that this node gave to `holder`, until `ends_at` (monotonic)."""

    holder: str
    ends_at: float


Verdict = Literal["granted", "taken", "nobody_serves"]


def weigh(replies: Iterable[TurnReply]) -> Verdict:
    """The answers of all members, taken together. The turn is `granted` if at least one member serves and no
    serving member refuses. It is `taken` if one refuses, because another member has it."""
    serving = [reply for reply in replies if reply.serves]
    if not serving:
        return "nobody_serves"
    return "granted" if all(reply.granted for reply in serving) else "taken"


class TurnService:
    """Gives members their turns, one at a time. A turn ends after LEASE_SECONDS unless its holder asks
    again."""

    def __init__(self, context: NodeContext) -> None:
        self._database = context.database
        self._peers = context.peers
        self._readiness = context.readiness
        self._clock = context.clock
        self._lease: Lease | None = None

    async def answer(self, claims: ReplicaClaims, wanted: TurnRequest) -> TurnReply:
        """Give a turn or take it back. Raises NotTheSender for a sender that is no peer, Decommissioned for
        one that is no longer a member."""
        peer = self._peers.get(claims.sender)
        if peer is None:
            raise NotTheSender(claims.sender)
        if peer.decommissioned:
            raise Decommissioned(peer.name)
        if self._database.damage is not None:
            return TurnReply(ready=False, founded=False, granted=False)
        founded = bool(await self._database.read(is_founded))
        serves = founded and self._readiness.ready
        granted = serves and self._give(peer.name, wanted)
        return TurnReply(ready=self._readiness.ready, founded=founded, granted=granted)

    def _give(self, name: str, wanted: TurnRequest) -> bool:
        now = self._clock.monotonic()
        lease = self._lease
        is_free = lease is None or lease.ends_at <= now or lease.holder == name
        if is_free:
            self._lease = Lease(name, now + LEASE_SECONDS) if wanted.wish == "ask" else None
        return is_free and wanted.wish == "ask"
