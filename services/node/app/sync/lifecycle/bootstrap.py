"""Bootstrap: how a network begins, and how a node joins it. No node starts to serve without asking its
peers."""

import logging
import sqlite3
from collections.abc import Awaitable, Callable

from app.database import StorageError, Transaction, own_rows
from app.database.node_row import is_founded
from app.domain.life import Life
from app.state.tables import users
from app.sync.catchup.catch_up import CatchUp
from app.sync.context import NodeContext
from app.sync.peering.peers import Peer

log = logging.getLogger("app.bootstrap")

LOOK_SECONDS = 0.1
GREETING_SECONDS = 2.0
"""How long a starting node waits for peers that have neither answered nor failed to."""


class Bootstrap:
    """Brings the node from its start to serving.

    - Founded before: it serves once every peer answered or failed to, at most GREETING_SECONDS later.
    - Empty, and every configured peer answers that it is empty too (or `alone` says not to wait): it founds
      the network with the first admin. Two nodes may do so at once: identity by rule makes their admins one.
    - Empty beside a damaged file that was set aside, and no peer serves: it waits, even if the others are
      empty, unless `alone` says not to. That file may hold rows that no branch has.
    - Empty, and some peer is not: it fetches what all reachable peers have, applies the events that follow,
      then serves. It makes no admin. Reads are served first.
    """

    def __init__(
        self, context: NodeContext, *, catch_up: CatchUp, hash_password: Callable[[], Awaitable[str]]
    ) -> None:
        self._database = context.database
        self._peers = context.peers
        self._readiness = context.readiness
        self._fencer = context.fencer
        self._clock = context.clock
        self._alone = context.settings.found
        self._admin = context.settings.admin_username
        self._catch_up = catch_up
        self._hash_password = hash_password

    async def run(self) -> None:
        """Return once the node serves. When its own storage refuses (a full disk), it tries again."""
        while not await self._is_over():
            await self._clock.sleep(LOOK_SECONDS)
        self._readiness.admit()

    async def _is_over(self) -> bool:
        try:
            if not await self._database.read(is_founded):
                if not await self._decide():
                    return False
                # What was salvaged before the network was founded or fetched is told under this epoch.
                await self._fencer.announce()
                return True
            await self._fencer.resume()
        except (StorageError, sqlite3.Error) as error:
            log.warning("founding is put off: %s", error)
            return False
        await self._greet()
        return True

    async def _greet(self) -> None:
        self._readiness.wait_for("greeting_peers")
        await self._hear_out()

    async def _hear_out(self) -> None:
        """Wait until every peer answered or failed to, at most GREETING_SECONDS."""
        deadline = self._clock.monotonic() + GREETING_SECONDS
        while self._clock.monotonic() < deadline and any(peer.state == "unknown" for peer in self._peers):
            await self._clock.sleep(LOOK_SECONDS)

    async def _decide(self) -> bool:
        if any(peer.founded for peer in self._peers):
            self._readiness.wait_for("rebuilding", reading=True)
            # A slower peer may be the only one that knows some of this branch's orders, and their keys.
            await self._hear_out()
            members = [peer for peer in self._peers if peer.founded]
            if not await self._fetched(members) or not await self._has_all_of(members):
                return False
            await self._database.write(_mark_founded)
            return True
        if self._database.has_set_aside and not self._alone:
            await self._hear_out()
            if not any(peer.founded for peer in self._peers):
                self._readiness.wait_for("nobody_serves")
            return False
        self._readiness.wait_for("waiting_for_peers")
        # A decommissioned peer never says that it is empty: what it holds may be all that is left.
        if self._alone or all(peer.founded is False for peer in self._peers.configured):
            password_hash = await self._hash_password()
            await self._database.write(lambda tx: _found(tx, self._admin, password_hash))
            return True
        return False

    async def _fetched(self, members: list[Peer]) -> bool:
        """Whether everything was fetched from every founded member that can be reached, and from at least
        one."""
        for peer in members:
            if not self._catch_up.is_done(peer):
                self._catch_up.want(peer)
        for peer in members:
            if not self._catch_up.is_done(peer) and not self._peers.can_be_asked(peer):
                self._catch_up.do_without(peer)
        done = [peer for peer in members if self._catch_up.is_done(peer)]
        left = [peer for peer in members if peer not in done and self._peers.can_be_asked(peer)]
        return bool(done) and not left

    async def _has_all_of(self, members: list[Peer]) -> bool:
        """Whether this node has every own event that the members still heard from have reported."""
        members = [peer for peer in members if self._peers.is_heard_from(peer)]
        lives = [(peer.life, peer.heads) for peer in members]
        wanted = {life: heads.get(life.key, 0) for life, heads in lives if life is not None}
        found = await self._database.read(_positions)
        return all(found.get(life, 0) >= seq for life, seq in wanted.items())


def _found(tx: Transaction, admin: str, password_hash: str) -> None:
    _mark_founded(tx)
    users.found_admin(tx, admin, password_hash)


def _mark_founded(tx: Transaction) -> None:
    tx.counters.founded = 1


def _positions(connection: sqlite3.Connection) -> dict[Life, int]:
    rows = own_rows.every_sound(connection, "positions")
    return {Life(row["origin"], row["epoch"]): row["seq"] for row in rows}
