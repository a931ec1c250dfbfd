"""The database file: who may read it, whether it is sound, and setting a damaged one aside."""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

from app.database.errors import DamagedDatabase, StorageError, StorageFailed
from app.database.lock import PRIVATE, lock_path
from app.database.salvage.pages import PageFile

T = TypeVar("T")

PRIVATE_FOLDER = 0o700
BESIDE = ("-wal", "-shm")

# Primary result codes of a file that is not, or no longer, what SQLite wrote (sqlite.org/rescode.html).
# No value of a node is near SQLite's limit of a gigabyte: one that is too big has a damaged length.
_DAMAGE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_TOOBIG}
_WRONG_FORMAT = "unsupported file format"  # of the header; it has no code of its own
# What opening for reading answers where a transaction of a rollback journal must be undone first.
_NEEDS_WRITING = {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN}


def make_folder(path: Path) -> None:
    """Make a folder that only its owner may enter, and those above it. An existing one stays as it is."""
    if not path.is_dir():
        make_folder(path.parent)
        path.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)


def make_private(path: Path) -> None:
    """Let only its owner read a database and the files beside it. A missing file is made, empty."""
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, PRIVATE))
    beside = [path.with_name(path.name + suffix) for suffix in BESIDE]
    for file in (path, *beside, lock_path(path), *_set_aside_files(path)):
        with suppress(FileNotFoundError, PermissionError):  # another user's file stays as that user has it
            file.chmod(PRIVATE)


def require_writable(path: Path) -> None:
    """Let only its owner read a database, and check that this process may write to it. An absent one is fine.
    Raises StorageFailed."""
    if not path.exists():
        return
    make_private(path)
    for file in (path, *(path.with_name(path.name + suffix) for suffix in BESIDE)):
        if file.exists() and not os.access(file, os.W_OK):
            raise StorageFailed(f"{file} cannot be written: it is another user's, or may only be read")


def connect_to_read(path: Path) -> sqlite3.Connection:
    """A connection that changes nothing: it neither writes to the file nor folds the WAL into it. Raises
    sqlite3.DatabaseError for an empty file beside its WAL: SQLite would remove the WAL."""
    if _has_lost_all_but_its_wal(path):
        raise damage("the file is empty, its log is not")
    uri = f"file:{quote(bytes(path))}?mode=ro"
    return sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)


def look(path: Path, query: Callable[[sqlite3.Connection], T]) -> T:
    """Run a query on a file before it is opened for use, and leave it unchanged. Raises sqlite3.Error."""
    try:
        with closing(connect_to_read(path)) as connection, speakable_errors():
            return query(connection)
    except sqlite3.OperationalError as error:
        if _primary(error) not in _NEEDS_WRITING:
            raise
    # A migration of an empty file that was cut off left a rollback journal; there is no WAL to fold yet.
    with closing(sqlite3.connect(path)) as connection, speakable_errors():
        return query(connection)


def ask(path: Path, query: Callable[[sqlite3.Connection], T]) -> T:
    """Query a file before it is opened for use, as `look` does. Raises as `opening_error` says."""
    try:
        return look(path, query)
    except sqlite3.Error as error:
        raise opening_error(path, error) from error


@contextmanager
def speakable_errors() -> Iterator[None]:
    """Make SQLite's complaint about a damaged file readable, even where it quotes bytes of the file that are
    no text. Python's module fails on those."""
    try:
        yield
    except UnicodeDecodeError as error:
        raise speakable(error) from error


def speakable(error: Exception) -> Exception:
    """The error by which `speakable_errors` replaces this one, or the same."""
    if not isinstance(error, UnicodeDecodeError):
        return error
    readable = damage("database disk image is malformed")
    readable.__cause__ = error
    return readable


_ONE_MAY_BE_TORN = 1
"""Commits after an incomplete frame of the WAL. A power cut leaves at most one, which was never
acknowledged."""


def require_sound(path: Path, *, closely: bool = False) -> None:
    """Read the whole file's structure once. An absent file is sound. A file is also damaged if its WAL holds
    commits that SQLite silently skips.

    With `closely`, which takes several times as long, the indexes must also agree with their tables. Raises
    as `opening_error` says.
    """
    check = "PRAGMA integrity_check(1)" if closely else "PRAGMA quick_check(1)"
    if not path.exists():
        return
    unread = _skipped_commits(path)
    if unread > _ONE_MAY_BE_TORN:
        raise DamagedDatabase(f"{path} is damaged: {unread} commits stand behind a damaged frame of its log")
    found = ask(path, lambda connection: connection.execute(check).fetchone())
    if found is None or found[0] != "ok":
        raise DamagedDatabase(f"{path}: {found and found[0]}")


SPENT_BY = ("stock", "stock_grants")
"""The tables by which units are spent. An index that leads elsewhere makes a row of theirs look missing, and
`quick_check` compares no index with its table. For the larger tables that check would take too long."""


def mend_indexes(path: Path) -> bool:
    """Rebuild the indexes of the tables by which units are spent, if one disagrees with its table. Returns
    whether one did. Raises as `opening_error` says: DamagedDatabase where the rows allow no index."""
    try:
        with closing(sqlite3.connect(path, isolation_level=None)) as connection, speakable_errors():
            there = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
            wrong = [name for name in SPENT_BY if name in there and not are_indexes_sound(connection, name)]
            for name in wrong:
                connection.execute(f"REINDEX {name}")
    except sqlite3.IntegrityError as error:
        raise DamagedDatabase(f"{path} is damaged: {error}") from error
    except sqlite3.Error as error:
        raise opening_error(path, error) from error
    return bool(wrong)


def are_indexes_sound(connection: sqlite3.Connection, table: str | None = None) -> bool:
    """Whether the indexes of a table, or of all tables, agree with the tables, and nothing worse is wrong."""
    found = connection.execute(f"PRAGMA integrity_check({table or 1})").fetchone()
    return found is not None and found[0] == "ok"


def set_aside(path: Path) -> Path:
    """Rename a damaged file, with its WAL, and return its new name. It is kept for people and for salvage; no
    node serves it again."""
    number = 1
    while (kept := path.with_name(f"{path.name}.damaged-{number}")).exists():
        number += 1
    # The database goes first: without its WAL it could be taken for a whole one that is older.
    path.rename(kept)
    _follow(path, kept)
    return kept


def finish_setting_aside(path: Path) -> None:
    """Move a WAL after its file, if a crash came between the two renames."""
    if path.exists():
        return
    alone = [kept for kept in _set_aside_databases(path) if not kept.with_name(f"{kept.name}-wal").exists()]
    if alone:
        _follow(path, max(alone, key=_number))


def has_set_aside(path: Path) -> bool:
    """Whether a damaged file of this database was ever set aside, and is still there."""
    return any(_set_aside_files(path))


def set_aside_files(path: Path) -> list[Path]:
    """The damaged files of this database that were set aside and are still there, the first one first."""
    return sorted(_set_aside_databases(path), key=_number)


def remove_set_aside(kept: Path) -> None:
    """Remove a set-aside file for good, its log first: a log alone would look as if its file was lost."""
    for suffix in (*BESIDE, ""):
        kept.with_name(kept.name + suffix).unlink(missing_ok=True)


def opening_error(path: Path, error: BaseException) -> StorageError:
    """Translate an error met while opening a file. DamagedDatabase is also for a text of the node's own
    tables that is not UTF-8. StorageFailed is for a file that is busy, forbidden or out of room. That must
    never be taken for damage, or a sound file would be set aside."""
    if is_damage(error) or is_undecodable(error):
        return DamagedDatabase(f"{path} is damaged: {error}")
    return StorageFailed(f"{path} cannot be opened: {error}")


def is_damage(error: BaseException) -> bool:
    """Whether an error says that the file is damaged, and not that it is busy, full, or was queried
    wrongly."""
    if not isinstance(error, sqlite3.DatabaseError):
        return False
    return _primary(error) in _DAMAGE or str(error) == _WRONG_FORMAT


def damage(what: str) -> sqlite3.DatabaseError:
    """The error by which SQLite itself says that a file is damaged."""
    error = sqlite3.DatabaseError(what)
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    return error


def is_undecodable(error: BaseException) -> bool:
    """Whether an error says that a text is not UTF-8. Python raises it, so it has no code of SQLite."""
    return isinstance(error, sqlite3.OperationalError) and str(error).startswith("Could not decode to UTF-8")


@contextmanager
def reading_somehow(connection: sqlite3.Connection) -> Iterator[None]:
    """Read texts that are not UTF-8 with marks in place of the wrong bytes. Use it for sealed rows only,
    since their seals then show it."""
    before = connection.text_factory
    connection.text_factory = decoded_somehow
    try:
        yield
    finally:
        connection.text_factory = before


def read_somehow(connection: sqlite3.Connection, query: Callable[[], T]) -> T:
    """The result of a query of sealed rows. A query that meets a text that is not UTF-8 runs again, and gets
    it with marks. To decode every text in that way at once would take several times as long."""
    try:
        return query()
    except sqlite3.OperationalError as error:
        if not is_undecodable(error):
            raise
    with reading_somehow(connection):
        return query()


def decoded_somehow(raw: bytes) -> str:
    """A text whose bytes need not be UTF-8, so that its row can be named instead of failing the query."""
    return raw.decode("utf-8", "replace")


def _skipped_commits(path: Path) -> int:
    """How many commits of the WAL SQLite silently skips. Without a WAL no page is read: guessing the size of
    pages took a quarter of the time in which a node opens. Raises StorageFailed."""
    try:
        if not path.with_name(f"{path.name}-wal").exists():
            return 0
        with PageFile(path) as pages:
            return pages.wal.unread
    except OSError as error:
        raise StorageFailed(f"{path} cannot be read: {error.strerror}") from error


def _has_lost_all_but_its_wal(path: Path) -> bool:
    try:
        return path.stat().st_size == 0 and path.with_name(f"{path.name}-wal").stat().st_size > 0
    except FileNotFoundError:
        return False


def _primary(error: sqlite3.Error) -> int | None:
    code: int | None = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF


def _follow(path: Path, kept: Path) -> None:
    for suffix in BESIDE:
        beside = path.with_name(path.name + suffix)
        if beside.exists():
            beside.rename(kept.with_name(kept.name + suffix))


def _set_aside_files(path: Path) -> Iterator[Path]:
    return path.parent.glob(f"{path.name}.damaged-*")


def _set_aside_databases(path: Path) -> Iterator[Path]:
    return (kept for kept in _set_aside_files(path) if kept.name.rpartition("-")[2].isdigit())


def _number(kept: Path) -> int:
    return int(kept.name.rpartition("-")[2])
