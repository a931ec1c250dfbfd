"""What a node does when it learns that its own life is over: it begins another, once, by itself."""

import asyncio

from app.database import Database
from app.state import epochs
from app.sync.alarms import Alarms
from app.sync.peers import Peers
from app.sync.standing import Standing


class Rebirth:
    """Ends this node's epoch when a peer knows more of it than this disk does.

    It does so once in the life of a process. A second time means that two processes share an identity and
    would end each other's epochs for ever: then the node stops serving and shows why.
    """

    def __init__(self, database: Database, *, peers: Peers, standing: Standing, alarms: Alarms) -> None:
        self._database = database
        self._peers = peers
        self._standing = standing
        self._alarms = alarms
        self._lock = asyncio.Lock()
        self._reborn = False

    async def begin(self, epoch: str, why: str) -> None:
        """Act on evidence (`why`) against this node's `epoch`; evidence against an older one is old news.

        Raises StorageError when its own storage refuses; the evidence will come again.
        """
        async with self._lock:
            if self._database.identity.epoch != epoch:
                return
            if self._reborn:
                self._standing.fence(why)
                self._alarms.raise_("fenced", why)
                return
            await self._database.write(lambda tx: epochs.begin_again(tx, why=why))
            self._reborn = True
            self._alarms.raise_("new_epoch", why)
        self._peers.greet_all()
        await self.announce()

    async def announce(self) -> None:
        """Announce orders of earlier epochs until none is left; also called at start, after a crash."""
        while await self._database.write(epochs.announce_orders):
            pass
