"""A node's database: one writer with group commit, and read-only connections beside it."""

import asyncio
import sqlite3
from collections import deque
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any, TypeVar
from urllib.parse import quote

from app.database.errors import DamagedDatabase, OutcomeUnknown, StorageError, StorageFailed
from app.database.file import is_damage, require_sound, set_aside
from app.database.identity import begin_start
from app.database.migrations import migrate
from app.database.transaction import Effects, Identity, Transaction
from app.database.writer import Command, Outcome, Writer
from app.runtime import Clock, Executor

T = TypeVar("T")

GROUP_LIMIT = 128  # commands a commit; larger groups gain nothing and delay the first caller


class Database:
    """Asynchronous access to one SQLite file.

    - `write(command)` returns after the command's group is durable (synchronous=FULL), or raises what the
      command raised. Commands run in the order they were submitted.
    - `read(query)` runs in one read transaction: everything it sees is from one instant.
    - `on_commit` callbacks run on the event loop after each commit, with what it changed; `on_damage` ones
      when the file turns out to be damaged while in use.
    """

    def __init__(self, path: Path, *, clock: Clock, random: Random, executor: Executor) -> None:
        self._path = path
        self._clock = clock
        self._random = random
        self._executor = executor
        self._writer: Writer | None = None
        self._readers: deque[sqlite3.Connection] = deque()
        self._queue: asyncio.Queue[tuple[Command, asyncio.Future[Any]] | None] = asyncio.Queue()
        self._server: asyncio.Task[None] | None = None
        self.on_commit: list[Callable[[Effects], None]] = []
        self.on_damage: list[Callable[[], None]] = []
        self.set_aside: Path | None = None

    @property
    def identity(self) -> Identity:
        """Who this node is; valid once the database is open."""
        assert self._writer is not None, "the database is not open"
        return self._writer.identity

    async def open(self, *, cluster_id: str, name: str) -> None:
        """Check the file, create or migrate it, count this start, and begin to serve.

        A damaged file is set aside (`set_aside` then names it) and an empty one begun in its place: another
        life, without rights. Raises WrongDatabase when the file is another node's, another cluster's or newer
        code's, StorageFailed when it cannot be opened now (locked, no permission, no room).
        """
        self._writer = await self._executor.run("writer", lambda: self._start(cluster_id, name))
        self._server = asyncio.create_task(self._serve(), name="database writer")

    def _start(self, cluster_id: str, name: str) -> Writer:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        try:
            require_sound(self._path)
            migrate(self._path)
        except DamagedDatabase:
            self.set_aside = set_aside(self._path)
            migrate(self._path)
        connection = self._connect_writer()
        try:
            identity = begin_start(connection, cluster_id=cluster_id, name=name, random=self._random)
        except BaseException:
            connection.close()
            raise
        return Writer(
            self._connect_writer,
            connection=connection,
            identity=identity,
            wall=self._clock.wall,
            random=self._random,
        )

    async def replace_damaged(self) -> None:
        """Set the file aside though it is open, and begin an empty one. What was submitted is answered
        first, with errors where it met the damage."""
        identity = self.identity
        await self.close()
        self.set_aside = set_aside(self._path)
        await self.open(cluster_id=identity.cluster_id, name=identity.name)

    async def close(self) -> None:
        """Finish what was submitted, then close every connection. A second call does nothing; what is
        submitted from now on is refused with StorageFailed."""
        if self._server is None:
            return
        server, self._server = self._server, None
        self._queue.put_nowait(None)
        await server
        # The writer goes last: the last connection to close folds the WAL into the file, and only it may.
        while self._readers:
            self._readers.pop().close()
        if self._writer is not None:
            await self._executor.run("writer", self._writer.close)

    async def write(self, command: Callable[[Transaction], T]) -> T:
        self._require_open()
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._queue.put_nowait((command, future))
        # A caller that goes away does not take the command with it: its outcome is then simply not heard.
        future.add_done_callback(_hear)
        return await asyncio.shield(future)

    async def read(self, query: Callable[[sqlite3.Connection], T]) -> T:
        self._require_open()
        try:
            return await self._executor.run("reader", lambda: self._query(query))
        except sqlite3.DatabaseError as error:
            self._look_for_damage(error)
            raise

    async def read_back(self, query: Callable[[sqlite3.Connection], T]) -> T:
        """Read what a command of the caller has just made durable. When it cannot be read any more, raises
        OutcomeUnknown: no other storage error may be said of what is stored."""
        try:
            return await self.read(query)
        except (StorageError, sqlite3.Error) as error:
            raise OutcomeUnknown(f"stored, but not to be read now: {error}") from error

    async def limit_bytes(self, most: int | None) -> None:
        """Let the file grow to `most` bytes and no further, as a full disk would (never below its present
        size); None lifts the limit. It ends with the process too."""
        assert self._writer is not None, "the database is not open"
        writer = self._writer
        await self._executor.run("writer", lambda: writer.limit_bytes(most))

    def _query(self, query: Callable[[sqlite3.Connection], T]) -> T:
        connection = self._take_reader()
        try:
            connection.execute("BEGIN")
            return query(connection)
        finally:
            if connection.in_transaction:  # an error of the disk may have ended it
                connection.execute("ROLLBACK")
            if self._server is None:  # closed meanwhile
                connection.close()
            else:
                self._readers.append(connection)

    def _require_open(self) -> None:
        if self._server is None:
            raise StorageFailed("the database is closed")

    def _take_reader(self) -> sqlite3.Connection:
        try:
            return self._readers.pop()  # deque operations are atomic: no two threads get the same one
        except IndexError:
            uri = f"file:{quote(str(self._path))}?mode=ro"
            connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA busy_timeout = 5000")
            return connection

    def _connect_writer(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA busy_timeout = 5000")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        return connection

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
        assert self._writer is not None
        writer = self._writer
        commands = [command for command, _ in group]
        try:
            outcomes, effects = await self._executor.run("writer", lambda: writer.run_group(commands))
        except Exception as error:
            # Nothing is known of the group any more; every caller must hear it, none may hang.
            unknown = error if isinstance(error, OutcomeUnknown) else OutcomeUnknown(str(error))
            outcomes, effects = [Outcome(error=unknown) for _ in group], Effects()
        for (_, future), outcome in zip(group, outcomes, strict=True):
            _resolve(future, outcome)
            if outcome.error is not None:
                self._look_for_damage(outcome.error)
        for callback in self.on_commit:
            callback(effects)

    def _look_for_damage(self, error: BaseException) -> None:
        if is_damage(error) or is_damage(error.__cause__ or error):
            for callback in self.on_damage:
                callback()


def _hear(future: asyncio.Future[Any]) -> None:
    """Fetch an error, so that none is reported as unheard of only because its caller went away."""
    if not future.cancelled():
        future.exception()


def _resolve(future: asyncio.Future[Any], outcome: Outcome) -> None:
    if future.done():
        return
    if outcome.error is not None:
        future.set_exception(outcome.error)
    else:
        future.set_result(outcome.value)
