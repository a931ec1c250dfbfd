"""A node's database: one writer with group commit, and read-only connections beside it."""

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random
from typing import Any, Literal, TypeVar

from app.database.commands import Command, Outcome
from app.database.described import names_what_is_not_there
from app.database.effects import Effects
from app.database.errors import (
    AlteredRow,
    OutcomeUnknown,
    StorageError,
    StorageFailed,
    is_refusal_by_rule,
)
from app.database.file import is_damage, is_undecodable
from app.database.forms import NO_FORMS, Forms
from app.database.mirror import StaleMirror
from app.database.node_row import Identity
from app.database.opened import OpenedFile
from app.database.transaction import Transaction
from app.database.writer import Writer
from app.runtime import Clock, Executor

log = logging.getLogger("app.database")

T = TypeVar("T")

GROUP_LIMIT = 128  # commands a commit; larger groups gain nothing and delay the first caller

State = Literal["closed", "open", "checking", "holding"]


class Database:
    """Asynchronous access to one SQLite file. No other process can open the file meanwhile.

    - `write(command)` returns after the command's group is durable (synchronous=FULL), or raises what the
      command raised. Commands run in the order in which they were submitted.
    - `read(query)` runs in one read transaction: everything it sees is from one instant.
    - A damaged file is held: nothing is written to it, readable rows can be read, and it stays in its place
      until `replace_held`.
    - Callbacks run on the event loop: `on_commit` after each commit, with its effects; `on_damage` when the
      file shows damage while in use; `on_altered`, with relation and key, when a read meets an altered row.
    - With `compares_mirror`, the writer's mirror is compared with the file after each group. A difference is
      logged as an error, and the group's callers get OutcomeUnknown.
    """

    def __init__(
        self,
        path: Path,
        *,
        clock: Clock,
        random: Random,
        executor: Executor,
        forms: Forms = NO_FORMS,
        compares_mirror: bool = False,
    ) -> None:
        self._file = OpenedFile(
            path, clock=clock, random=random, forms=forms, compares_mirror=compares_mirror
        )
        self._executor = executor
        self._state: State = "closed"
        self._queue: asyncio.Queue[tuple[Command, asyncio.Future[Any]] | None] = asyncio.Queue()
        self._server: asyncio.Task[None] | None = None
        self.on_commit: list[Callable[[Effects], None]] = []
        self.on_damage: list[Callable[[], None]] = []
        self.on_altered: list[Callable[[str, str], None]] = []

    @property
    def identity(self) -> Identity:
        """The node's name and life; valid once the file was opened. The epoch of a damaged file may be
        UNREADABLE."""
        if self._file.held is not None:
            return self._file.held.identity
        assert self._file.writer is not None, "the database is not open"
        return self._file.writer.identity

    @property
    def opened(self) -> bool:
        """Whether the file was opened; a damaged one is open for reading only."""
        return self._state != "closed"

    @property
    def damage(self) -> str | None:
        """What is wrong with the held file, or None."""
        return None if self._file.held is None else self._file.held.damage

    @property
    def set_aside(self) -> Path | None:
        """Where this process has set a damaged file aside, or None."""
        return self._file.set_aside

    @property
    def has_set_aside(self) -> bool:
        """Whether a damaged file of this node was ever set aside and is still beside this one."""
        return self._file.has_set_aside

    @property
    def progress(self) -> Mapping[str, int] | None:
        """While the file is migrated: how many rows of each relation were rewritten so far. Otherwise
        None."""
        return self._file.progress

    async def open(self, *, cluster_id: str, name: str, founding: str = "") -> None:
        """Lock and check the file, create or migrate it, count this start, and begin to serve. If the file is
        damaged, hold it (`damage`). A file without a `founding` gets this one.

        Raises WrongDatabase when the file belongs to another node, another cluster or newer code. Raises
        StorageFailed when it cannot be opened now (in use, locked, no permission, no room); then it may be
        opened again.
        """
        await self._executor.run("writer", lambda: self._file.start(cluster_id, name, founding))
        self._settle()

    def _settle(self) -> None:
        """Serve a sound file, or hold a damaged one."""
        self._state = "open" if self._file.held is None else "holding"
        if self._state == "open":
            self._server = asyncio.create_task(self._serve(), name="database writer")

    async def hold_if_damaged(self) -> bool:
        """Finish the work submitted so far, then read the whole file's structure. Hold a damaged file and
        return True, or continue with a sound one. Meanwhile reads and writes are refused."""
        if self._state == "open":
            self._state = "checking"
            await self._end_serving()
            await self._executor.run("writer", self._file.look_closely)
            self._settle()
        return self._state == "holding"

    async def replace_held(self) -> None:
        """Set the damaged file aside (`set_aside` then names it), and begin an empty one in its place:
        another life, without rights. Raises StorageFailed if that fails now; it may be tried again."""
        held = self._file.held
        assert held is not None, "nothing is held"
        await self._executor.run("writer", lambda: self._file.replace(held))
        self._settle()

    async def close(self) -> None:
        """Finish the work submitted so far, close every connection, and release the file. A second call does
        nothing. Work submitted from now on is refused with StorageFailed."""
        if self._state == "closed":
            return
        self._state = "closed"
        await self._end_serving()
        await self._executor.run("writer", self._file.end)

    async def _end_serving(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            self._queue.put_nowait(None)
            await server

    async def write(self, command: Callable[[Transaction], T]) -> T:
        self._require("open")
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._queue.put_nowait((command, future))
        try:
            # A caller that goes away cancels the future, and does not take the command with it.
            return await future
        finally:
            del future  # it keeps a refusal, which keeps this frame: a circle, which only a collection ends

    async def read(self, query: Callable[[sqlite3.Connection], T], *, exact: bool = False) -> T:
        """Return what the query returns, or raise what it raises. Raises StorageFailed for an unreadable part
        of a damaged file.

        A text that is not UTF-8 fails no query by itself: the query runs again, and gets the text with marks
        in place of the wrong bytes. With `exact`, for a result that other nodes will store, StorageFailed is
        raised instead.
        """
        self._require("open", "holding")
        try:
            return await self._executor.run("reader", lambda: self._file.query(query, exact=exact))
        except sqlite3.DatabaseError as error:
            if self._state == "holding":
                raise StorageFailed(f"it cannot be read from the damaged database: {error}") from error
            self._look_for_damage(error)
            raise
        except AlteredRow as altered:
            self._tell_altered(altered)
            raise

    async def read_back(self, query: Callable[[sqlite3.Connection], T]) -> T:
        """Read what a command of the caller has just made durable. If that fails, raises OutcomeUnknown,
        because the command is stored: every other storage error would deny that."""
        try:
            return await self.read(query)
        except (StorageError, sqlite3.Error) as error:
            raise OutcomeUnknown(f"stored, but not to be read now: {error}") from error

    async def limit_bytes(self, most: int | None) -> None:
        """Let the file grow to `most` bytes and no further, as a full disk would (never below its present
        size); None lifts the limit. It ends with the process too."""
        self._require("open")
        writer = self._file.writer
        assert writer is not None
        await self._executor.run("writer", lambda: writer.limit_bytes(most))

    def _require(self, *states: State) -> None:
        if self._state == "closed":
            raise StorageFailed("the database is closed")
        if self._state not in states:
            raise StorageFailed("the database is damaged, or is being looked at for damage")

    async def _serve(self) -> None:
        stopping = False
        while not stopping:
            entries = [await self._queue.get()]
            while not self._queue.empty() and len(entries) < GROUP_LIMIT:
                entries.append(self._queue.get_nowait())
            group = [entry for entry in entries if entry is not None]
            stopping = len(group) < len(entries)
            if group:
                await self._run_group(group)

    async def _run_group(self, group: list[tuple[Command, asyncio.Future[Any]]]) -> None:
        assert self._file.writer is not None
        writer = self._file.writer
        commands = [command for command, _ in group]
        try:
            outcomes, effects = await self._executor.run("writer", lambda: writer.run_group(commands))
        except Exception as error:
            if isinstance(error, StaleMirror):
                log.error("stale_mirror: %s", error)
            # Nothing is known of the group any more; every caller must hear it, none may hang.
            unknown = error if isinstance(error, OutcomeUnknown) else OutcomeUnknown(str(error))
            outcomes, effects = [Outcome(error=unknown) for _ in group], Effects()
        for at, outcome in enumerate(outcomes):
            if outcome.error is not None and is_undecodable(outcome.error):
                outcomes[at] = await self._explained(writer, commands[at])
        for (_, future), outcome in zip(group, outcomes, strict=True):
            _resolve(future, outcome)
            if outcome.error is None or is_refusal_by_rule(outcome.error):
                continue
            self._look_for_damage(outcome.error)
            if isinstance(outcome.error, AlteredRow):
                self._tell_altered(outcome.error)
        for callback in self.on_commit:
            callback(effects)

    async def _explained(self, writer: Writer, command: Command) -> Outcome:
        return Outcome(error=await self._executor.run("writer", lambda: writer.explain(command)))

    def _look_for_damage(self, error: BaseException) -> None:
        if any(is_damage(one) or names_what_is_not_there(one) for one in (error, error.__cause__ or error)):
            self.suspect_damage()

    def suspect_damage(self) -> None:
        """Have the file checked: a read met content that no node writes."""
        # Of a file that is held on to it is known, and a closed one's is no matter any more.
        if self._state == "open":
            for callback in self.on_damage:
                callback()

    def _tell_altered(self, altered: AlteredRow) -> None:
        for callback in self.on_altered:
            callback(altered.relation, altered.key)


def _resolve(future: asyncio.Future[Any], outcome: Outcome) -> None:
    if future.done():
        return
    if outcome.error is not None:
        future.set_exception(outcome.error)
    else:
        future.set_result(outcome.value)
