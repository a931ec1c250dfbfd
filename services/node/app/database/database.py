"""A node's database: one writer with group commit, and read-only connections beside it."""

import asyncio
import logging
import sqlite3
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any, Literal, TypeVar

from app.database.errors import AlteredRow, DamagedDatabase, OutcomeUnknown, StorageError, StorageFailed
from app.database.file import (
    connect_to_read,
    decoded_somehow,
    finish_setting_aside,
    has_set_aside,
    is_damage,
    is_undecodable,
    make_folder,
    make_private,
    opening_error,
    require_sound,
    set_aside,
)
from app.database.forms import NO_FORMS, Forms
from app.database.identity import begin_start, identity_of_damaged
from app.database.lock import FileLock
from app.database.migrations import migrate
from app.database.transaction import Effects, Identity, Transaction
from app.database.writer import Command, Outcome, Writer
from app.runtime import Clock, Executor

log = logging.getLogger("app.database")

T = TypeVar("T")

GROUP_LIMIT = 128  # commands a commit; larger groups gain nothing and delay the first caller

State = Literal["closed", "open", "checking", "holding"]


@dataclass(frozen=True)
class Held:
    """A damaged file that is held on to: what is wrong with it, whose it is as far as it tells, and whether
    it was set aside already, though none could be begun in its place."""

    damage: str
    identity: Identity
    is_aside: bool = False


class Database:
    """Asynchronous access to one SQLite file, which no other process can have open meanwhile.

    - `write(command)` returns after the command's group is durable (synchronous=FULL), or raises what the
      command raised. Commands run in the order they were submitted.
    - `read(query)` runs in one read transaction: everything it sees is from one instant.
    - A damaged file is held on to: nothing is written to it, what can be read of it can be read, and it stays
      in its place until `replace_held`.
    - `on_commit` callbacks run on the event loop after each commit, with what it changed; `on_damage` ones
      when the file shows damage while in use; `on_altered` ones, with relation and key, when a row is met
      that is not as it was written.
    """

    def __init__(
        self, path: Path, *, clock: Clock, random: Random, executor: Executor, forms: Forms = NO_FORMS
    ) -> None:
        self._path = path
        self._clock = clock
        self._random = random
        self._executor = executor
        self._forms = forms
        self._state: State = "closed"
        self._lock: FileLock | None = None
        self._writer: Writer | None = None
        self._held: Held | None = None
        self._progress: dict[str, int] | None = None
        self._readers: deque[sqlite3.Connection] = deque()
        self._queue: asyncio.Queue[tuple[Command, asyncio.Future[Any]] | None] = asyncio.Queue()
        self._server: asyncio.Task[None] | None = None
        self.on_commit: list[Callable[[Effects], None]] = []
        self.on_damage: list[Callable[[], None]] = []
        self.on_altered: list[Callable[[str, str], None]] = []
        self.set_aside: Path | None = None
        self.has_set_aside = False
        """Whether a damaged file of this node was ever set aside and is still beside this one."""

    @property
    def identity(self) -> Identity:
        """Who this node is; valid once it was opened. The epoch of a damaged file may be UNREADABLE."""
        if self._held is not None:
            return self._held.identity
        assert self._writer is not None, "the database is not open"
        return self._writer.identity

    @property
    def opened(self) -> bool:
        """Whether it was opened: for all use, or, where the file is damaged, for reading."""
        return self._state != "closed"

    @property
    def damage(self) -> str | None:
        """What is wrong with the file that is held on to, or None."""
        return None if self._held is None else self._held.damage

    @property
    def progress(self) -> Mapping[str, int] | None:
        """While the file is migrated: how many rows of each relation were rewritten so far. Else None."""
        return self._progress

    async def open(self, *, cluster_id: str, name: str) -> None:
        """Lock and check the file, create or migrate it, count this start, and begin to serve; or hold on to
        the file, if it is damaged (`damage`).

        Raises WrongDatabase when the file is another node's, another cluster's or newer code's, StorageFailed
        when it cannot be opened now (in use, locked, no permission, no room); it may be opened again then.
        """
        await self._executor.run("writer", lambda: self._start(cluster_id, name))
        self._settle()

    def _start(self, cluster_id: str, name: str) -> None:
        try:
            make_folder(self._path.parent)
        except OSError as error:
            raise StorageFailed(f"{self._path} cannot be used: {error.strerror}") from error
        self._lock = FileLock.take(self._path)
        try:
            self._begin(cluster_id, name)
        except BaseException:
            self._unlock()
            raise

    def _begin(self, cluster_id: str, name: str) -> None:
        """Use the file as it is now; the lock is held."""
        try:
            finish_setting_aside(self._path)
            make_private(self._path)
            self.has_set_aside = has_set_aside(self._path)
        except OSError as error:
            raise StorageFailed(f"{self._path} cannot be used: {error.strerror}") from error
        try:
            require_sound(self._path)
            self._migrate()
            self._begin_writing(cluster_id, name)
        except DamagedDatabase as error:
            identity = identity_of_damaged(self._path, cluster_id=cluster_id, name=name)
            self._held = Held(str(error), identity)

    def _migrate(self) -> None:
        self._progress = progress = dict[str, int]()
        try:
            migrate(self._path, forms=self._forms, progress=progress.__setitem__)
        finally:
            self._progress = None

    def _begin_writing(self, cluster_id: str, name: str) -> None:
        connection: sqlite3.Connection | None = None
        try:
            connection = self._connect_writer()
            identity = begin_start(connection, cluster_id=cluster_id, name=name, random=self._random)
            self._use(connection, identity)
        except BaseException as error:
            if connection is not None:
                connection.close()
            if isinstance(error, sqlite3.Error):
                raise opening_error(self._path, error) from error
            raise

    def _use(self, connection: sqlite3.Connection, identity: Identity) -> None:
        # While a reader is there that has read, closing the writer does not fold the WAL into the file, which
        # must not happen to a damaged one.
        reader = self._connect_reader()
        reader.execute("SELECT 1 FROM node").fetchone()
        self._readers = deque([reader])
        self._writer = Writer(
            self._connect_writer,
            connection=connection,
            identity=identity,
            wall=self._clock.wall,
            random=self._random,
        )
        self._held = None

    def _settle(self) -> None:
        """Serve a sound file, or hold on to a damaged one."""
        self._state = "open" if self._held is None else "holding"
        if self._state == "open":
            self._server = asyncio.create_task(self._serve(), name="database writer")

    async def hold_if_damaged(self) -> bool:
        """Answer what was submitted, then read the whole file's structure: hold on to a damaged file and
        return True, or go on with a sound one. Meanwhile reads and writes are refused."""
        if self._state == "open":
            self._state = "checking"
            await self._end_serving()
            await self._executor.run("writer", self._look_closely)
            self._settle()
        return self._state == "holding"

    def _look_closely(self) -> None:
        writer = self._writer
        assert writer is not None, "it was open"
        identity = writer.identity
        try:
            require_sound(self._path)
            writer.close()
            self._close_readers()
            self._use(self._connect_writer(), identity)
        except (DamagedDatabase, sqlite3.Error) as error:
            self._held = Held(str(error), identity)
            writer.close()  # before the readers: see `_use`
            self._close_readers()
            self._writer = None
        except StorageError as error:
            log.warning("looking for damage is put off: %s", error)

    async def replace_held(self) -> None:
        """Set the damaged file aside (`set_aside` then names it) and begin an empty one in its place: another
        life, without rights. Raises StorageFailed where that cannot be done now; it may be tried again."""
        held = self._held
        assert held is not None, "nothing is held"
        await self._executor.run("writer", lambda: self._replace(held))
        self._settle()

    def _replace(self, held: Held) -> None:
        self._close_readers()
        try:
            if not held.is_aside:
                self.set_aside = set_aside(self._path)
                self._held = replace(held, is_aside=True)
        except OSError as error:
            raise StorageFailed(f"{self._path} cannot be set aside: {error.strerror}") from error
        self._begin(held.identity.cluster_id, held.identity.name)

    async def close(self) -> None:
        """Finish what was submitted, then close every connection and let other processes have the file. A
        second call does nothing; what is submitted from now on is refused with StorageFailed."""
        if self._state == "closed":
            return
        self._state = "closed"
        await self._end_serving()
        await self._executor.run("writer", self._end)

    def _end(self) -> None:
        # The writer goes last: the last connection to close folds the WAL into the file, and only it may.
        self._close_readers()
        if self._writer is not None:
            self._writer.close()
        self._unlock()

    async def _end_serving(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            self._queue.put_nowait(None)
            await server

    def _unlock(self) -> None:
        lock, self._lock = self._lock, None
        if lock is not None:
            lock.release()

    def _close_readers(self) -> None:
        """Close those that nobody uses; who uses one closes it afterwards."""
        closing, self._readers = self._readers, deque()
        while closing:
            closing.pop().close()

    async def write(self, command: Callable[[Transaction], T]) -> T:
        self._require("open")
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._queue.put_nowait((command, future))
        # A caller that goes away does not take the command with it: its outcome is then simply not heard.
        future.add_done_callback(_hear)
        return await asyncio.shield(future)

    async def read(self, query: Callable[[sqlite3.Connection], T], *, exact: bool = False) -> T:
        """What the query returns, or raise what it raises; StorageFailed for what a damaged file does not
        tell. A text that is not UTF-8 fails no query by itself: the query runs again and is given the text
        with marks for what is wrong in it. Where the result must be `exact`, since others will store it,
        StorageFailed is raised then."""
        self._require("open", "holding")
        try:
            return await self._executor.run("reader", lambda: self._query(query, exact=exact))
        except sqlite3.DatabaseError as error:
            if self._state == "holding":
                raise StorageFailed(f"the damaged database does not tell it: {error}") from error
            self._look_for_damage(error)
            raise
        except AlteredRow as altered:
            self._tell_altered(altered)
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
        self._require("open")
        writer = self._writer
        assert writer is not None
        await self._executor.run("writer", lambda: writer.limit_bytes(most))

    def _query(self, query: Callable[[sqlite3.Connection], T], *, exact: bool) -> T:
        pool = self._readers
        try:
            connection = pool.pop()  # deque operations are atomic: no two threads get the same one
        except IndexError:
            connection = self._connect_reader()
        try:
            try:
                return _in_one_instant(connection, query)
            except sqlite3.OperationalError as error:
                if not is_undecodable(error):
                    raise
            connection.text_factory = decoded_somehow
            found = _in_one_instant(connection, query)
            if exact:
                raise StorageFailed("a text in the database cannot be read")
            return found
        finally:
            connection.text_factory = str
            if self._state == "closed" or pool is not self._readers:  # closed or replaced meanwhile
                connection.close()
            else:
                pool.append(connection)

    def _require(self, *states: State) -> None:
        if self._state == "closed":
            raise StorageFailed("the database is closed")
        if self._state not in states:
            raise StorageFailed("the database is damaged, or is being looked at for damage")

    def _connect_reader(self) -> sqlite3.Connection:
        connection = connect_to_read(self._path)
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
        outcomes = [
            await self._explained(writer, command, outcome)
            for command, outcome in zip(commands, outcomes, strict=True)
        ]
        for (_, future), outcome in zip(group, outcomes, strict=True):
            _resolve(future, outcome)
            if outcome.error is not None:
                self._look_for_damage(outcome.error)
            if isinstance(outcome.error, AlteredRow):
                self._tell_altered(outcome.error)
        for callback in self.on_commit:
            callback(effects)

    async def _explained(self, writer: Writer, command: Command, outcome: Outcome) -> Outcome:
        if outcome.error is None or not is_undecodable(outcome.error):
            return outcome
        return Outcome(error=await self._executor.run("writer", lambda: writer.explain(command)))

    def _look_for_damage(self, error: BaseException) -> None:
        # Of a file that is held on to it is known, and a closed one's is no matter any more.
        if self._state == "open" and (is_damage(error) or is_damage(error.__cause__ or error)):
            for callback in self.on_damage:
                callback()

    def _tell_altered(self, altered: AlteredRow) -> None:
        for callback in self.on_altered:
            callback(altered.relation, altered.key)


def _in_one_instant(connection: sqlite3.Connection, query: Callable[[sqlite3.Connection], T]) -> T:
    try:
        connection.execute("BEGIN")
        return query(connection)
    finally:
        if connection.in_transaction:  # an error of the disk may have ended it
            connection.execute("ROLLBACK")


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
