"""What a node does when its own life is over: once in each process, it begins another one by itself."""

import asyncio
from collections.abc import Sequence

from app.database import Database
from app.domain.life import Life
from app.state.commands import new_epoch
from app.state.tables import life_table, membership
from app.sync.guards.alarms import Alarms
from app.sync.guards.readiness import Readiness
from app.sync.peering.peers import Peers
from app.sync.rules import fencing
from app.sync.rules.fencing import Fencing

TWO_PROCESSES = (
    "another process lives on a copy of this branch's data: stop one of the two for good, then start the"
    " other again"
)


class Fencer:
    """Ends this node's epoch when a peer has more of it than this disk has.

    A process begins another epoch only once. A second time means that two processes share one identity and
    would end each other's epochs for ever. Then the node stops serving and shows why. Both processes go on
    naming each other's epochs dead, so neither serves while both run. The disk stores that this epoch is
    over, so a restart begins another one even if no peer remembers.
    """

    def __init__(self, database: Database, *, peers: Peers, readiness: Readiness, alarms: Alarms) -> None:
        self._database = database
        self._peers = peers
        self._readiness = readiness
        self._alarms = alarms
        self._lock = asyncio.Lock()
        self._reborn = False

    async def begin(self, epoch: str, why: str, *, witness: str | None, rivals: Sequence[str] = ()) -> None:
        """Act on evidence (`why`) against this node's `epoch`. Evidence against an older epoch changes
        nothing.

        `witness` is the branch whose word the evidence is, None where this node found it by itself. The word
        of a branch that was decommissioned, perhaps after it was asked, changes nothing.

        `rivals` are epochs of this branch that a peer takes for living. They belong to another disk, or were
        this disk's earlier ones, so this node names them dead. Raises StorageError when its own storage
        refuses; the peer then sends the evidence again.
        """
        async with self._lock:
            if witness is not None and await self._has_left(witness):
                return
            if rivals:
                name = self._database.identity.name
                ended = [Life(name, rival) for rival in rivals]
                await self._database.write(
                    lambda tx: life_table.learn_deaths(tx, ended, by=life_table.me(tx))
                )
            match self._decide(epoch):
                case Fencing.IGNORE:
                    return
                case Fencing.FENCE:
                    await self._fence(why)
                    return
                case Fencing.BEGIN_AGAIN:
                    await self._begin_again(why)
        self._peers.greet_all()
        await self.announce()

    async def _has_left(self, branch: str) -> bool:
        return await self._database.write(lambda tx: membership.has_left(tx, branch))

    def _decide(self, epoch: str) -> Fencing:
        return fencing.decide(
            epoch,
            present=self._database.identity.epoch,
            reborn=self._reborn,
            fenced=self._readiness.fenced is not None,
            closed=self._readiness.closed,
        )

    async def _begin_again(self, why: str) -> None:
        await self._database.write(lambda tx: new_epoch.begin_again(tx, why=why))
        self._reborn = True
        self._alarms.raise_("new_epoch", why)

    async def _fence(self, why: str) -> None:
        told = f"{TWO_PROCESSES} ({why})"
        self._readiness.fence(told)
        self._alarms.raise_("fenced", told)
        await self._database.write(new_epoch.end)

    async def resume(self) -> None:
        """At start: begin another epoch if the disk's own is over, then announce the orders not announced
        yet."""
        async with self._lock:
            if not self._readiness.closed and await self._database.read(new_epoch.is_over):
                await self._begin_again("this epoch ended when two processes lived on copies of one disk")
        await self.announce()

    async def announce(self) -> None:
        """Announce the orders of earlier epochs again, until none is left."""
        while await self._database.write(new_epoch.announce_orders):
            pass
