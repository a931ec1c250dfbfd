"""The database file itself: whether it is sound, and setting a damaged one aside."""

import sqlite3
from contextlib import closing
from pathlib import Path

from app.database.errors import DamagedDatabase, StorageError, StorageFailed

# Primary result codes of a file that is not, or no longer, what SQLite wrote (sqlite.org/rescode.html).
_DAMAGE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


def require_sound(path: Path) -> None:
    """Read the whole file's structure once; an absent file is sound. Raises as `opening_error` says."""
    if not path.exists():
        return
    try:
        with closing(sqlite3.connect(path)) as connection:
            found = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.Error as error:
        raise opening_error(path, error) from error
    if found is None or found[0] != "ok":
        raise DamagedDatabase(f"{path}: {found and found[0]}")


def set_aside(path: Path) -> Path:
    """Rename a damaged file, with its WAL, out of the way and return its new name. It is kept for people;
    no node ever reads it again."""
    number = 1
    while (kept := path.with_name(f"{path.name}.damaged-{number}")).exists():
        number += 1
    for suffix in ("-shm", "-wal"):
        beside = path.with_name(path.name + suffix)
        if beside.exists():
            beside.rename(kept.with_name(kept.name + suffix))
    path.rename(kept)
    return kept


def opening_error(path: Path, error: BaseException) -> StorageError:
    """What an error met while opening a file means: DamagedDatabase, or StorageFailed for one that is busy,
    forbidden or out of room, which must never be taken for damage: a sound file would be set aside."""
    if is_damage(error):
        return DamagedDatabase(f"{path} is damaged: {error}")
    return StorageFailed(f"{path} cannot be opened: {error}")


def is_damage(error: BaseException) -> bool:
    """Whether an error says that the file is damaged, rather than busy, full or asked wrongly."""
    code = getattr(error, "sqlite_errorcode", None)
    return isinstance(error, sqlite3.DatabaseError) and code is not None and code & 0xFF in _DAMAGE
