"""Runs all replication of a node: sending, answering, fetching and repairing."""

import asyncio
import logging
import sqlite3
from collections.abc import Awaitable, Callable, Collection

from app.database import Effects, StorageError
from app.database.migrations import newest_revision
from app.domain.waiting import WaitingList
from app.services.stock_service import StockService
from app.state.registry import unknown_rows
from app.state.tables import membership
from app.sync.catchup.catch_up import CatchUp
from app.sync.context import NodeContext
from app.sync.damage.held_file import HeldFile
from app.sync.damage.replacement import FileReplacement
from app.sync.damage.salvaging import Salvaging
from app.sync.damage.scrub import Scrub
from app.sync.damage.turns import TurnService
from app.sync.lifecycle.bootstrap import Bootstrap
from app.sync.lifecycle.handshake import Self
from app.sync.lifecycle.hello_handler import HelloHandler
from app.sync.lifecycle.member_service import MemberService
from app.sync.peer_server import PeerServer
from app.sync.stock.count_service import CountService
from app.sync.stock.transfer import RightsAsker
from app.sync.synchronizer import ReplicaSynchronizer
from app.sync.wire.messages import PROTOCOL

log = logging.getLogger("app.sync")

AGAIN_SECONDS = 5.0
"""The pause before kept rows that the storage refused are merged again, and before a task that met an
unexpected error is started again."""


class Replication:
    """Runs the node's senders, catch-up, bootstrap, scrub and salvage as tasks. Each is started again after
    an unexpected error.

    While the database is damaged none of them runs: the node waits for its turn to replace the file. Routes
    and services use `peer_server`, `asker`, `counts`, `members` and `turns`.
    """

    def __init__(
        self,
        context: NodeContext,
        *,
        stock: StockService,
        waiting: WaitingList,
        hash_password: Callable[[], Awaitable[str]],
    ) -> None:
        self._context = context
        self._tasks: list[asyncio.Task[None]] = []
        self.catch_up = CatchUp(context)
        hello_handler = HelloHandler(context, this=_self_of(context), catch_up=self.catch_up)
        self.peer_server = PeerServer(
            context, hello_handler=hello_handler, catch_up=self.catch_up, stock=stock
        )
        self.counts = CountService(context)
        self.asker = RightsAsker(context, waiting=waiting, stock_service=stock)
        self._synchronizer = ReplicaSynchronizer(context, hello_handler=hello_handler, stock=stock)
        self._bootstrap = Bootstrap(context, catch_up=self.catch_up, hash_password=hash_password)
        self._scrub = Scrub(context)
        self._salvaging = Salvaging(context)
        self.members = MemberService(context)
        self.turns = TurnService(context)
        self._held_file = HeldFile(context)
        self._replacement = FileReplacement(
            context,
            held_file=self._held_file,
            stop=self._stop,
            go_on=self._begin_anew,
            begin_empty=self._begin_empty,
            note_gone=self._note_decommissioned,
            note_end=self._note_end,
        )
        context.database.on_commit.append(self._note_members)
        context.database.on_commit.append(self._wake_senders)
        context.database.on_damage.append(self.note_damage)
        context.database.on_altered.append(self._scrub.suspect)

    async def start(self) -> None:
        """Start every task; the database must be open. With a damaged one, wait for the turn to replace
        it."""
        if self._context.database.damage is not None:
            self._replacement.hold()
            return
        self._note_decommissioned(await self._context.database.read(membership.decommissioned))
        for work, name in (
            (self._merge_kept, "merge kept rows"),
            (self._synchronizer.run, "synchronizer"),
            (self.catch_up.run, "catch-up"),
            (self._scrub.run, "scrub"),
            (self._bootstrap.run, "bootstrap"),
            (self._salvaging.run, "salvaging"),
        ):
            self._run(work, name)

    async def close(self) -> None:
        """End every task. A second call does nothing."""
        await self._replacement.close()
        await self._stop()
        await self.asker.close()

    def fetch_parked(self) -> None:
        """Compare rows with every peer, so that parked events that a peer has applied can be dropped."""
        for peer in self._context.peers:
            self.catch_up.want_repair(peer, "asked")

    def note_damage(self) -> None:
        """Check whether the file is damaged, and hold it if it is."""
        self._replacement.look_into_damage()

    async def _begin_anew(self) -> None:
        self._context.peers.greet_all()
        await self.start()

    async def _begin_empty(self) -> None:
        """Rebuild an empty database, and keep this node's turn until it serves."""
        self.catch_up.forget()
        await self._begin_anew()
        self._run(self._held_file.keep_turn, "turn")

    async def _merge_kept(self) -> None:
        """Merge the rows that this node kept as an older version, when it did not know their relation."""
        while not await self._is_kept_merged():
            await self._context.clock.sleep(AGAIN_SECONDS)

    async def _is_kept_merged(self) -> bool:
        try:
            if await self._context.database.read(unknown_rows.has_known):
                await self._context.database.write(unknown_rows.merge_known)
        except (StorageError, sqlite3.Error) as error:
            log.warning("merging kept rows is put off: %s", error)
            return False
        return True

    def _run(self, work: Callable[[], Awaitable[None]], name: str) -> None:
        self._tasks.append(asyncio.create_task(self._keep_going(work, name), name=name))

    async def _keep_going(self, work: Callable[[], Awaitable[None]], name: str) -> None:
        """Do some work to its end, and start it again after any error. A mistake of ours must neither stop a
        part of the node until the next start nor stay unseen."""
        while True:
            try:
                return await work()
            except Exception as error:
                log.exception("%s ended and is begun again", name)
                self._context.alarms.raise_(
                    "stands_still", f"{name}: {error!r}; begun again in {AGAIN_SECONDS:g} s"
                )
            await self._context.clock.sleep(AGAIN_SECONDS)

    async def _stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()

    def _note_end(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            log.critical("%s ended", task.get_name(), exc_info=error)
            self._context.alarms.raise_("stands_still", f"{task.get_name()} ended: {error!r}")

    def _note_members(self, effects: Effects) -> None:
        if effects.decommissioned:
            self._note_decommissioned(sorted(effects.decommissioned))

    def _note_decommissioned(self, names: Collection[str]) -> None:
        self._context.peers.note_gone(names)
        for name in names:
            self._context.readiness.forget_policy(name)
        if self._context.settings.node_name in names:
            self._context.readiness.close()

    def _wake_senders(self, effects: Effects) -> None:
        if effects.emitted:
            self._context.peers.wake_all()


def _self_of(context: NodeContext) -> Self:
    """What this process says of itself with every hello."""
    return Self(
        schema_hash=newest_revision(),
        policy=context.settings.stock_policy,
        incarnation=context.random.randbytes(8).hex(),
        protocol=PROTOCOL,
    )
