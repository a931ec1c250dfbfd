"""What a node does with a database that is damaged or looks damaged. It holds the file and replaces it in its
turn, or continues with it."""

import asyncio
import logging
import sqlite3
from collections.abc import Awaitable, Callable, Collection, Coroutine
from typing import Any

from app.database import StorageError
from app.state.tables import membership
from app.sync.context import NodeContext
from app.sync.damage.held_file import HeldFile

log = logging.getLogger("app.damage")

AGAIN_SECONDS = 1.0
"""The pause before a sound file that looked damaged is used again, and before the next attempt to set a file
aside."""


class FileReplacement:
    """Runs at most one task at a time. It calls `stop` to end the tasks of replication. Then it calls `go_on`
    to start them on the same file, or `begin_empty` to start them on an empty one."""

    def __init__(
        self,
        context: NodeContext,
        *,
        held_file: HeldFile,
        stop: Callable[[], Awaitable[None]],
        go_on: Callable[[], Awaitable[None]],
        begin_empty: Callable[[], Awaitable[None]],
        note_gone: Callable[[Collection[str]], None],
        note_end: Callable[[asyncio.Task[None]], None],
    ) -> None:
        self._context = context
        self._held_file = held_file
        self._stop = stop
        self._go_on = go_on
        self._begin_empty = begin_empty
        self._note_decommissioned = note_gone
        self._note_end = note_end
        self._task: asyncio.Task[None] | None = None
        self._is_damaged_again = False

    def hold(self) -> None:
        """Hold a file that was found damaged at the start, until it may be replaced."""
        self._begin(self._hold(), "hold on to a damaged database")

    def look_into_damage(self) -> None:
        """Check whether the file is damaged, and hold it if it is. A call while this is under way makes it
        check once more afterwards."""
        if self._task is None or self._task.done():
            self._begin(self._look(), "look into damage")
        else:
            self._is_damaged_again = True

    async def close(self) -> None:
        """End the task that is under way. A second call does nothing."""
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
        """Check the file before another row is served or sent; continue with it if it is sound."""
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
        """Leave a damaged file unchanged until it is this node's turn to replace it. Then begin an empty file
        and rebuild it from peers."""
        context = self._context
        context.readiness.wait_for("damaged_database", reading=True)
        context.alarms.raise_(
            "damaged_database", f"held, nothing is written to it: {context.database.damage}"
        )
        await self._note_own_end()
        if context.readiness.closed:
            return  # it takes nothing any more, and what it has is read where it lies
        await self._held_file.wait_for_turn()
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
        """Close the branch if the damaged file can still be read and says that the branch is
        decommissioned."""
        try:
            self._note_decommissioned(await self._context.database.read(membership.decommissioned))
        except (StorageError, sqlite3.Error) as error:
            log.info("who is decommissioned cannot be read from the damaged database: %s", error)

    async def _is_replaced(self) -> bool:
        try:
            await self._context.database.replace_held()
        except StorageError as error:
            log.warning("replacing the damaged database is put off: %s", error)
        return self._context.database.damage is None

    async def _has_learnt_who_is_gone(self) -> bool:
        """Whether the new file has stored which branches are decommissioned. There may be no peer left to
        report it."""
        gone = [peer.name for peer in self._context.peers.configured if peer.decommissioned]
        try:
            await self._context.database.write(lambda tx: membership.learn(tx, gone))
        except StorageError as error:
            log.warning("the new database does not take who is decommissioned yet: %s", error)
            return False
        return True
