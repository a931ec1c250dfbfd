"""Copies of a node's database, run beside the node with its own environment:

    python -m app.backup save > FILE       whether or not the node runs
    python -m app.backup check < FILE      whether or not it runs: could it be restored from FILE?
    python -m app.backup restore < FILE    while it does not run

A restored database begins a new epoch: what the branch sold after the copy was made cannot be known, so the
rights of the old epoch stay frozen. Its orders are announced again, and peers bring what they have beyond it.
"""

import os
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

from app.config import Settings
from app.database import DamagedDatabase, Identity, StorageFailed, WrongDatabase
from app.database.file import look, make_folder, make_private, opening_error, require_sound
from app.database.identity import founding_of
from app.database.lock import FileLock
from app.database.migrations import migrate
from app.database.writer import Writer
from app.program import misused, run_verb
from app.runtime import SystemClock, system_random
from app.state.commands import new_epoch
from app.state.registry.canonical_forms import FORMS

WHY = "restored from a backup"


def save(path: Path, target: BinaryIO) -> None:
    """Write a copy of the database to `target`: all of it, as of one instant, though the node may be writing.

    Raises StorageFailed when there is no database, or no room beside it for the copy.
    """
    if not path.exists():
        raise StorageFailed(f"there is no database {path}")
    with tempfile.TemporaryDirectory(dir=path.parent, prefix="backup-") as place:
        copy = Path(place) / path.name
        uri = f"file:{quote(bytes(path))}?mode=ro"  # only the node itself may fold the WAL into the file
        try:
            with closing(sqlite3.connect(uri, uri=True)) as live, closing(sqlite3.connect(copy)) as made:
                live.backup(made)
        except sqlite3.Error as error:
            raise opening_error(path, error) from error
        with copy.open("rb") as source:
            shutil.copyfileobj(source, target)


def restore(settings: Settings, source: BinaryIO) -> Identity:
    """Put the copy read from `source` in the place of the node's database, as another life of its disk.
    Returns its identity. The copy is made ready beside the database, so a copy that cannot be used changes
    nothing.

    Raises WrongDatabase for a copy of another database or of another founding of the network,
    DamagedDatabase for one that is not sound, and StorageFailed while the node runs.
    """
    path = settings.database_path
    make_folder(path.parent)
    lock = FileLock.take(path)
    try:
        return _restore_locked(settings, source)
    finally:
        lock.release()


def check(settings: Settings, source: BinaryIO) -> None:
    """Raise what `restore` would raise for the copy read from `source`, and change nothing. The node may run
    meanwhile."""
    make_folder(settings.database_path.parent)
    with _copied(settings, source):
        pass


@contextmanager
def _copied(settings: Settings, source: BinaryIO) -> Iterator[Path]:
    """The copy read from `source`, beside the database, once it is of this node, sound and of its schema."""
    path = settings.database_path
    with tempfile.TemporaryDirectory(dir=path.parent, prefix="restore-") as place:
        copy = Path(place) / path.name
        with copy.open("wb") as target:
            shutil.copyfileobj(source, target)
        try:
            require_sound(copy)
            _require_own(copy, settings)
            migrate(copy, forms=FORMS)
        except (DamagedDatabase, StorageFailed, WrongDatabase) as error:
            # Whoever gave the file knows nothing of this path.
            raise type(error)(str(error).replace(str(copy), "this copy")) from error
        yield copy


def _restore_locked(settings: Settings, source: BinaryIO) -> Identity:
    path = settings.database_path
    with _copied(settings, source) as copy:
        identity = _begin_again(copy)
        with copy.open("rb") as ready:
            os.fsync(ready.fileno())
        # The database goes before its WAL: whatever stops this midway leaves no file that looks whole.
        for suffix in ("", "-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        make_private(copy)
        copy.rename(path)
    return identity


def _require_own(copy: Path, settings: Settings) -> None:
    try:
        with closing(sqlite3.connect(copy)) as connection:
            found = connection.execute("SELECT cluster_id, name FROM node").fetchone()
            founding = founding_of(connection)
    except sqlite3.Error as error:
        raise WrongDatabase(f"this is no copy of a node's database ({error})") from error
    if found != (settings.cluster_id, settings.node_name):
        whose = "no node yet" if found is None else f"node {found[1]!r} of cluster {found[0]}"
        raise WrongDatabase(
            f"this copy belongs to {whose}, not to node {settings.node_name!r} of {settings.cluster_id}"
        )
    expected = _foundings(settings)
    if founding is not None and expected and founding not in expected:
        raise WrongDatabase(
            f"this copy belongs to another founding of the network ({founding}), to one that was removed"
            f" or lives elsewhere; this one is {min(expected)}"
        )


def _foundings(settings: Settings) -> set[str]:
    """What the node's present file and the setting say of its network; nothing where neither does."""
    found = set[str | None]({settings.founding_id})
    if settings.database_path.exists():
        with suppress(sqlite3.Error):  # a damaged file, which a copy may replace
            found.add(look(settings.database_path, founding_of))
    return {one for one in found if one}


def _begin_again(copy: Path) -> Identity:
    """Begin a new epoch in the copy, with the node's own command and writer."""

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(copy, isolation_level=None)
        connection.row_factory = sqlite3.Row
        return connection

    with closing(connect()) as connection:
        row = connection.execute("SELECT cluster_id, name, epoch, starts FROM node").fetchone()
    writer = Writer(connect, identity=Identity(**dict(row)), wall=SystemClock().wall, random=system_random())
    try:
        (outcome,), _ = writer.run_group([lambda tx: new_epoch.begin_again(tx, why=WHY)])
    finally:
        writer.close()
    if outcome.error is not None:
        raise outcome.error
    return writer.identity


def _save(settings: Settings) -> None:
    save(settings.database_path, sys.stdout.buffer)


def _check(settings: Settings) -> None:
    check(settings, sys.stdin.buffer)


def _restore(settings: Settings) -> None:
    restore(settings, sys.stdin.buffer)


_VERBS: Mapping[str, Callable[[Settings], None]] = {"save": _save, "check": _check, "restore": _restore}


def main(arguments: list[str], environ: Mapping[str, str]) -> int:
    """Run one verb. Returns 0 when it is done; otherwise writes one line to standard error."""
    verb = _VERBS.get(arguments[0]) if len(arguments) == 1 else None
    if verb is None:
        return misused("app.backup save > FILE | check < FILE | restore < FILE")
    return run_verb(verb, environ)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
