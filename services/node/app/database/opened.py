"""The database file while a process uses it: its lock, checks, migration and connections. All of it
blocks."""

import logging
import sqlite3
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import TypeVar

from app.database.described import require_described
from app.database.errors import DamagedDatabase, StorageError, StorageFailed
from app.database.file import (
    connect_to_read,
    finish_setting_aside,
    has_set_aside,
    is_undecodable,
    make_folder,
    make_private,
    mend_indexes,
    opening_error,
    reading_somehow,
    require_sound,
    set_aside,
    speakable_errors,
)
from app.database.forms import Forms
from app.database.identity import begin_start, identity_of_damaged
from app.database.lock import FileLock
from app.database.migrations import migrate
from app.database.node_row import Identity
from app.database.own_rows import require_knows_itself
from app.database.writer import Writer
from app.runtime import Clock

log = logging.getLogger("app.database")

T = TypeVar("T")

# Of the log, until they are folded into the file: many of them are the same pages, of indexes. Every order
# that comes meanwhile waits for it: 2 to 4 ms after a thousand, 7 to 9 after four thousand.
_CHECKPOINT_PAGES = 1_000
_CACHED_PAGES = 4_000  # of the writer's: SQLite's own 500 do not hold what one group of orders changes


@dataclass(frozen=True)
class Held:
    """A damaged file that is held. `damage` says what is wrong with it, and `identity` is its own as far as
    it can be read. `is_aside` says that it was set aside already, without a new file in its place."""

    damage: str
    identity: Identity
    is_aside: bool = False


class OpenedFile:
    """One SQLite file: either sound, with a `writer`, or damaged and `held`. Its methods run in the writer's
    lane, one at a time; `query` runs beside them, in many threads."""

    def __init__(
        self, path: Path, *, clock: Clock, random: Random, forms: Forms, compares_mirror: bool = False
    ) -> None:
        self._path = path
        self._clock = clock
        self._random = random
        self._forms = forms
        self._compares_mirror = compares_mirror
        self._lock: FileLock | None = None
        self.readers: deque[sqlite3.Connection] = deque()
        self.writer: Writer | None = None
        self.held: Held | None = None
        self.progress: dict[str, int] | None = None
        self.set_aside: Path | None = None
        self.has_set_aside = False
        self._founding = ""

    def start(self, cluster_id: str, name: str, founding: str = "") -> None:
        """Lock the file and begin to use it. Raises as `Database.open` does, and leaves it unlocked then."""
        self._founding = founding
        try:
            make_folder(self._path.parent)
        except OSError as error:
            raise StorageFailed(f"{self._path} cannot be used: {error.strerror}") from error
        self._lock = FileLock.take(self._path)
        try:
            self._begin(cluster_id, name)
        except BaseException:
            self.unlock()
            raise

    def look_closely(self) -> None:
        """Read the whole file's structure. Hold a damaged file; open a sound one again."""
        writer = self.writer
        assert writer is not None, "it was open"
        try:
            require_sound(self._path, closely=True)
            require_knows_itself(self._path)
            require_described(self._path)
        except DamagedDatabase as error:
            self.held = Held(str(error), writer.identity)
            writer.close()  # before the readers: see `_use`
            self._close_readers()
            self.writer = None
        except StorageError as error:
            log.warning("looking for damage is put off: %s", error)
        else:
            with suppress(sqlite3.Error):  # else the next command opens it
                writer.reopen()

    def replace(self, held: Held) -> None:
        """Set the damaged file aside, unless that is done, and begin an empty one. Raises StorageFailed."""
        self._close_readers()
        try:
            if not held.is_aside:
                self.set_aside = set_aside(self._path)
                self.held = replace(held, is_aside=True)
        except OSError as error:
            raise StorageFailed(f"{self._path} cannot be set aside: {error.strerror}") from error
        self._begin(held.identity.cluster_id, held.identity.name)

    def end(self) -> None:
        """Close every connection and release the file."""
        # The writer goes last: the last connection to close folds the WAL into the file, and only it may.
        self._close_readers()
        if self.writer is not None:
            self.writer.close()
        self.unlock()

    def unlock(self) -> None:
        """Release the file. A second call does nothing."""
        lock, self._lock = self._lock, None
        if lock is not None:
            lock.release()

    def query(self, query: Callable[[sqlite3.Connection], T], *, exact: bool) -> T:
        """What `Database.read` returns or raises."""
        pool = self.readers
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
            with reading_somehow(connection):
                found = _in_one_instant(connection, query)
            if exact:
                raise StorageFailed("a text in the database cannot be read")
            return found
        finally:
            if pool is not self.readers:  # they were closed meanwhile
                connection.close()
            else:
                pool.append(connection)

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
            require_knows_itself(self._path)
            if mend_indexes(self._path):
                log.warning("an index of %s was not what its table has, and was made anew", self._path)
            self._migrate()
            require_described(self._path)
            self._begin_writing(cluster_id, name)
        except DamagedDatabase as error:
            identity = identity_of_damaged(self._path, cluster_id=cluster_id, name=name)
            self.held = Held(str(error), identity)

    def _migrate(self) -> None:
        self.progress = progress = dict[str, int]()
        try:
            migrate(self._path, forms=self._forms, progress=progress.__setitem__)
        finally:
            self.progress = None

    def _begin_writing(self, cluster_id: str, name: str) -> None:
        connection: sqlite3.Connection | None = None
        try:
            connection = self._connect_writer()
            identity = begin_start(
                connection,
                cluster_id=cluster_id,
                name=name,
                founding=self._founding,
                random=self._random,
            )
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
        try:
            reader.execute("SELECT 1 FROM node").fetchone()
        except BaseException:
            connection.close()  # before the reader
            reader.close()
            raise
        self.readers = deque([reader])
        self.writer = Writer(
            self._connect_writer,
            connection=connection,
            identity=identity,
            wall=self._clock.wall,
            random=self._random,
            compares=self._compares_mirror,
        )
        self.held = None

    def _close_readers(self) -> None:
        """Close the connections not in use; the others are closed after their use."""
        closing, self.readers = self.readers, deque()
        while closing:
            closing.pop().close()

    def _connect_reader(self) -> sqlite3.Connection:
        with _closed_on_error(connect_to_read(self._path)) as connection:
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA busy_timeout = 5000")
        return connection

    def _connect_writer(self) -> sqlite3.Connection:
        made = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
        with _closed_on_error(made) as connection:
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA busy_timeout = 5000")
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
            connection.execute(f"PRAGMA cache_size = {_CACHED_PAGES}")
            connection.execute("PRAGMA foreign_keys = ON")
        return connection


@contextmanager
def _closed_on_error(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """Closes a connection that is of no use after all. Else the error's traceback would keep it open."""
    try:
        yield connection
    except BaseException:
        connection.close()
        raise


def _in_one_instant(connection: sqlite3.Connection, query: Callable[[sqlite3.Connection], T]) -> T:
    try:
        with speakable_errors():
            connection.execute("BEGIN")
            return query(connection)
    finally:
        if connection.in_transaction:  # an error of the disk may have ended it
            connection.execute("ROLLBACK")
