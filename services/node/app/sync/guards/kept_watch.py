"""The alarm `kept_full`: a branch makes this node keep more that cannot be used than there is room for."""

from dataclasses import dataclass

from app.database import Database, Transaction, kept_totals
from app.runtime import Clock
from app.sync.guards.alarms import Alarms
from app.sync.peering.peers import Peer, Peers
from app.sync.wire.errors import KeptFull

ALARM = "kept_full"

QUIET_SECONDS = 300.0
"""How long no message of a branch was refused, if what it sent last could never fit. Its sender is told to
try again after a minute, so by then it has changed what it sends, or is gone."""


@dataclass(frozen=True)
class _Refused:
    """The message of a branch that was refused last. It `needed` so many bytes, at the time `at`."""

    full: KeptFull
    needed: int
    at: float

    @property
    def can_fit(self) -> bool:
        """Whether there could ever be room for it."""
        return self.needed <= self.full.limit

    def __str__(self) -> str:
        if self.can_fit:
            return f"{self.full}: nothing more is taken in of it until there is room"
        return (
            f"{self.full}: one message needs {self.needed} and never fits; nothing more is taken in of it"
            " until this node is upgraded, KEPT_MAX_BYTES raised, or that branch mended"
        )


class KeptWatch:
    """Raises the alarm when a branch's message is refused for lack of room. It ends when there is room for as
    much, or the branch has left. For a message that could never fit it says so, and ends when none was
    refused for some minutes."""

    def __init__(self, database: Database, *, peers: Peers, alarms: Alarms, clock: Clock) -> None:
        self._database = database
        self._peers = peers
        self._alarms = alarms
        self._clock = clock
        self._refused: dict[str, _Refused] = {}

    async def note(self, full: KeptFull) -> None:
        """Raise the alarm, once for each time that a branch has no room: its sender tries again for ever."""
        kept = await self._database.write(lambda tx: _kept(tx, full))
        refused = _Refused(full, full.wanted - kept, self._clock.monotonic())
        before = self._refused.get(full.branch)
        if before is None or before.can_fit != refused.can_fit:
            self._alarms.raise_(ALARM, str(refused))
        self._refused[full.branch] = refused

    async def look_again(self) -> None:
        """End the alarm if all that was refused last would be taken by now, or is not sent any more."""
        for branch, refused in list(self._refused.items()):
            if _is_gone(self._peers.get(branch)) or await self._is_over(refused):
                self._refused.pop(branch, None)
                if not self._refused:
                    self._alarms.end(ALARM)

    async def _is_over(self, refused: _Refused) -> bool:
        if not refused.can_fit:
            return self._clock.monotonic() - refused.at >= QUIET_SECONDS
        full = refused.full
        return await self._database.write(lambda tx: _kept(tx, full)) + refused.needed <= full.limit


def _is_gone(peer: Peer | None) -> bool:
    return peer is None or peer.decommissioned


def _kept(tx: Transaction, full: KeptFull) -> int:
    return kept_totals.of_branch(tx.connection, full.branch).get(full.pool, 0)
