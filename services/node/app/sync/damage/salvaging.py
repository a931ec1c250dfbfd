"""Salvages set-aside files once the node serves again, and removes those that are no longer needed."""

import asyncio
import logging
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TypeVar

from app.database import StorageError
from app.database.file import remove_set_aside, set_aside_files
from app.state import salvage
from app.state.salvage import Account, Salvage
from app.sync.context import NodeContext

log = logging.getLogger("app.damage")

T = TypeVar("T")

LOOK_SECONDS = 0.5
FIRST_PAUSE_SECONDS = 30.0
LONGEST_PAUSE_SECONDS = 3600.0
"""The longest pause between two passes over the files; each pause is twice the one before. A row that refers
to one that is not here may wait until another branch salvages its own file."""

DAY_SECONDS = 86_400.0


class Salvaging:
    """Salvages every set-aside file that no complete account is kept of, one after the other. Reading runs
    beside the node; what is merged is merged some rows at a time. The fencer announces the orders
    that came back."""

    def __init__(self, context: NodeContext) -> None:
        self._context = context
        self._is_stopped = False
        settings = context.settings
        self._roster = frozenset((settings.node_name, *(peer.name for peer in settings.peers)))

    async def run(self) -> None:
        """Salvage as soon as the node serves, and again from time to time, until cancelled. A file that
        cannot be read now, or rows that wait for others, do not keep the node `salvaging`."""
        self._is_stopped = False
        self._context.readiness.salvaging = self._context.database.has_set_aside
        pause = FIRST_PAUSE_SECONDS
        while True:
            while not self._context.readiness.ready:
                await self._context.clock.sleep(LOOK_SECONDS)
            try:
                await self.once()
            except (StorageError, sqlite3.Error, OSError) as error:
                log.warning("salvaging is put off: %s", error)
            self._context.readiness.salvaging = False
            await self._context.clock.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    async def once(self) -> None:
        """Salvage the files not salvaged yet, and remove those whose time is over."""
        path = self._context.settings.database_path
        files = await self._beside(partial(set_aside_files, path))
        known = await self._context.database.read(salvage.accounts)
        if {account.file for account in known} - {file.name for file in files}:
            await self._forget_all_but(files)
        complete = {account.file for account in known if account.complete}
        if any(file.name not in complete for file in files):
            await self._beside(partial(salvage.remove_left_over, path.parent))
        for file in files:
            if file.name not in complete:
                await self._salvage(file)
        if known:
            await self._context.database.write(salvage.recount)
        await self._remove_old(files)

    async def _salvage(self, file: Path) -> None:
        database = self._context.database
        before = await database.read(partial(salvage.read_account, file=file.name))
        this = Salvage(file.name, self._roster)
        stack = ExitStack()
        try:
            opened = salvage.verified_rows(
                file, identity=database.identity, is_stopped=lambda: self._is_stopped
            )
            rows = await self._beside(lambda: stack.enter_context(opened))
            commands = salvage.commands(this, rows)
            while (command := await self._beside(lambda: next(commands, None))) is not None:
                await database.write(command)
            outcome = await self._to_the_end(database.read(rows.outcome))
        finally:
            await self._beside(stack.close)
        account = await database.write(salvage.finish(this, outcome))
        await self._context.fencer.announce()
        if before is None or _numbers(before) != _numbers(account):
            self._context.alarms.raise_("salvaged", account.sentence(file.name))

    async def _remove_old(self, files: Sequence[Path]) -> None:
        """Remove the files whose time is over, if the network has everything they held."""
        context = self._context
        before = context.clock.wall() - context.settings.keep_damaged_days * DAY_SECONDS
        for file in files:
            if await context.database.read(partial(salvage.may_be_removed, file=file.name, before=before)):
                await self._beside(partial(remove_set_aside, file))
                log.info("removed %s: the network has all it held", file.name)
                await self._forget_all_but([other for other in files if other.exists()])

    async def _forget_all_but(self, files: Sequence[Path]) -> None:
        names = frozenset(file.name for file in files)
        await self._context.database.write(partial(salvage.forget_absent, present=names))

    async def _beside(self, work: Callable[[], T]) -> T:
        """Run blocking work in the reader's thread, beside the node's work."""
        return await self._to_the_end(self._context.executor.run("reader", work))

    async def _to_the_end(self, work: Awaitable[T]) -> T:
        """Wait for work to end even if this task is cancelled, because the file that it reads must not be
        closed before. The reading is then cut short."""
        running = asyncio.ensure_future(work)
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            self._is_stopped = True
            await asyncio.gather(running, return_exceptions=True)
            raise


def _numbers(account: Account) -> tuple[int, int, bool]:
    return account.back, account.lost, account.complete
