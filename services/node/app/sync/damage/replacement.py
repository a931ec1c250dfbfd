"""What a node does with a database that is damaged or looks damaged: hold it and replace it in its turn, or
go on with it."""

import asyncio
import logging
import sqlite3
from collections.abc import Awaitable, Callable, Collection, Coroutine
from typing import Any

from app.database import StorageError
from app.state.tables import membership
from app.sync.context import NodeContext
from app.sync.damage.held_file import HeldFile

log = logging.getLogger("app.mending")

AGAIN_SECONDS = 1.0
"""The pause before a sound file is used again that looked damaged, and before a file that could not be set
aside is tried again."""


class FileReplacement:
    """Runs at most one task. `stop` ends replication's tasks; `go_on` begins them on the file as it was,
    `begin_empty` on an empty one."""

    def __init__(
        self,
        context: NodeContext,
        *,
        holding: HeldFile,
        stop: Callable[[], Awaitable[None]],
        go_on: Callable[[], Awaitable[None]],
        begin_empty: Callable[[], Awaitable[None]],
        note_gone: Callable[[Collection[str]], None],
        note_end: Callable[[asyncio.Task[None]], None],
    ) -> None:
        self._context = context
        self._holding = holding
        self._stop = stop
        self._go_on = go_on
        self._begin_empty = begin_empty
        self._note_gone = note_gone
        self._note_end = note_end
        self._task: asyncio.Task[None] | None = None
        self._is_damaged_again = False

    def hold(self) -> None:
        """Hold on to a file that was found damaged at the start, until it may be replaced."""
        self._begin(self._hold(), "hold on to a damaged database")

    def look_into_damage(self) -> None:
        """Look whether the file is damaged, and hold on to it if it is; called again meanwhile, it looks once
        more afterwards."""
        if self._task is None or self._task.done():
            self._begin(self._look(), "look into damage")
        else:
            self._is_damaged_again = True

    async def close(self) -> None:
        """End what is going on. A second call does nothing."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def _begin(self, work: Coroutine[Any, Any, None], name: str) -> None:
        self._is_damaged_again = False
        self._task = asyncio.create_task(work, name=name)
        self._task.add_done_callback(self._note_end)
        self._task.add_done_callback(self._look_again)

    def _look_again(self, done: asyncio.Task[None]) -> None:
        if self._is_damaged_again and not done.cancelled():
            self.look_into_damage()

    async def _look(self) -> None:
        """Never serve or send another row before the file was looked at; go on with a sound one."""
        context = self._context
        context.readiness.wait_for("damaged_database")
        await self._stop()
        if await context.database.hold_if_damaged():
            await self._hold()
            return
        context.alarms.raise_("false_damage", "a query met damage, and the file is sound")
        await context.clock.sleep(AGAIN_SECONDS)
        await self._go_on()

    async def _hold(self) -> None:
        """Leave a damaged file as it is until it is this node's turn to replace it; then begin an empty one
        and rebuild it from peers."""
        context = self._context
        context.readiness.wait_for("damaged_database", reading=True)
        context.alarms.raise_(
            "damaged_database", f"held, nothing is written to it: {context.database.damage}"
        )
        await self._note_own_end()
        if context.readiness.closed:
            return  # it takes nothing any more, and what it has is read where it lies
        await self._holding.wait_for_turn()
        context.readiness.wait_for("damaged_database")
        while not await self._is_replaced():
            await context.clock.sleep(AGAIN_SECONDS)
        kept = context.database.set_aside
        assert kept is not None, "it was replaced"
        context.alarms.raise_("damaged_database", f"set aside as {kept.name}")
        while not await self._has_learnt_who_is_gone():
            await context.clock.sleep(AGAIN_SECONDS)
        await self._begin_empty()

    async def _note_own_end(self) -> None:
        """Close a branch of which it can still be read in the damaged file that it was decommissioned."""
        try:
            self._note_gone(await self._context.database.read(membership.gone))
        except (StorageError, sqlite3.Error) as error:
            log.info("who is decommissioned cannot be read from the damaged database: %s", error)

    async def _is_replaced(self) -> bool:
        try:
            await self._context.database.replace_held()
        except StorageError as error:
            log.warning("replacing the damaged database is put off: %s", error)
        return self._context.database.damage is None

    async def _has_learnt_who_is_gone(self) -> bool:
        """Whether the new file has stored which branches are decommissioned: no peer may be there to say
        so."""
        gone = [peer.name for peer in self._context.peers.configured if peer.gone]
        try:
            await self._context.database.write(lambda tx: membership.learn(tx, gone))
        except StorageError as error:
            log.warning("the new database does not take who is decommissioned yet: %s", error)
            return False
        return True
