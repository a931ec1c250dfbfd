"""A file that shows damage: it is held, told, and replaced."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from app.database import AlteredRow, Database, StorageFailed
from app.database.identity import UNREADABLE
from app.runtime import ThreadExecutor
from tests.support.branch import CLUSTER
from tests.support.served import count, emit, served

pytestmark = pytest.mark.anyio


async def test_a_damaged_file_is_held_unchanged_until_it_is_replaced(
    tmp_path: Path, executor: ThreadExecutor
) -> None:
    path = tmp_path / "data" / "node.db"
    path.parent.mkdir()
    spoilt = b"bits that flipped" * 1000
    path.write_bytes(spoilt)
    database = served(path, executor)
    await database.open(cluster_id=CLUSTER, name="matriz")
    assert "not a database" in str(database.damage)
    assert (database.identity.name, database.identity.epoch) == ("matriz", UNREADABLE)
    for work in (database.write(emit()), database.read(count), database.limit_bytes(0)):
        with pytest.raises(StorageFailed):
            await work
    assert (path.read_bytes(), database.has_set_aside) == (spoilt, False)
    await database.replace_held()
    assert database.set_aside == path.with_name("node.db.damaged-1")
    assert (database.set_aside.read_bytes(), database.has_set_aside) == (spoilt, True)
    assert await database.write(emit()) == 1
    await database.close()


async def test_of_a_damaged_file_and_its_log_nothing_is_changed_and_the_rest_can_be_read(
    new_database: Callable[[], Path], executor: ThreadExecutor
) -> None:
    path = new_database()
    database = served(path, executor)
    await database.open(cluster_id=CLUSTER, name="matriz")
    await database.write(emit())
    before = database.identity
    _zero(path, "orders")
    content, log = path.read_bytes(), path.with_name(f"{path.name}-wal").read_bytes()
    assert await database.hold_if_damaged()
    assert database.identity == before
    assert await database.read(count) == 1
    with pytest.raises(StorageFailed):
        await database.read(lambda connection: connection.execute("SELECT * FROM orders").fetchall())
    await database.close()
    again = served(path, executor)
    await again.open(cluster_id=CLUSTER, name="matriz")
    assert (again.damage is not None, again.identity) == (True, before)
    await again.close()
    assert (path.read_bytes(), path.with_name(f"{path.name}-wal").read_bytes()) == (content, log)


async def test_a_sound_file_that_looked_damaged_is_used_on(database: Database) -> None:
    await database.write(emit())
    before = database.identity
    assert not await database.hold_if_damaged()
    assert await database.write(emit()) == 2
    assert (await database.read(count), database.identity) == (2, before)


async def test_a_file_that_cannot_be_begun_anew_is_set_aside_once(
    tmp_path: Path, executor: ThreadExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "node.db"
    path.write_bytes(b"bits that flipped" * 1000)
    database = served(path, executor)
    await database.open(cluster_id=CLUSTER, name="matriz")

    def refuse(*_given: Any, **_named: Any) -> None:
        raise StorageFailed("no room")

    with monkeypatch.context() as patched:
        patched.setattr("app.database.opened.migrate", refuse)
        for _ in range(2):
            with pytest.raises(StorageFailed, match="no room"):
                await database.replace_held()
    await database.replace_held()
    assert _set_aside(path) == ["node.db.damaged-1"]
    assert await database.write(emit()) == 1
    await database.close()


def _set_aside(path: Path) -> list[str]:
    return sorted(found.name for found in path.parent.glob("*.damaged-*"))


def _zero(path: Path, table: str) -> None:
    """Empty a table's first page, as a write does that never reached the disk."""
    with closing(sqlite3.connect(path)) as connection:
        root = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)).fetchone()[0]
    with path.open("r+b") as file:
        file.seek((root - 1) * 4096)
        file.write(bytes(4096))


def _spoil_text(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE events SET entity = CAST(X'fffeff' AS TEXT)")


async def test_a_text_that_is_not_utf_8_fails_no_reading_by_itself(
    database: Database, tmp_path: Path
) -> None:
    await database.write(emit())
    _spoil_text(tmp_path / "node-1.db")

    def entity(connection: sqlite3.Connection) -> str:
        return str(connection.execute("SELECT entity FROM events").fetchone()[0])

    assert await database.read(entity) == "\ufffd" * 3
    with pytest.raises(StorageFailed):
        await database.read(entity, exact=True)
    with pytest.raises(StorageFailed):
        await database.write(lambda tx: entity(tx.connection))
    assert await database.write(emit()) == 2  # and the connections can be used again


async def test_an_altered_row_is_told_with_its_key_wherever_it_is_met(
    database: Database, tmp_path: Path
) -> None:
    await database.write(emit())
    _spoil_text(tmp_path / "node-1.db")
    told: list[tuple[str, str]] = []
    database.on_altered.append(lambda relation, key: told.append((relation, key)))

    def verified(connection: sqlite3.Connection) -> None:
        row = connection.execute("SELECT seq, entity FROM events").fetchone()
        if row["entity"] != "e":
            raise AlteredRow("events", str(row["seq"]))

    with pytest.raises(AlteredRow):
        await database.read(verified)
    with pytest.raises(AlteredRow):
        await database.write(lambda tx: verified(tx.connection))
    assert told == [("events", "1")] * 2
    assert await database.read(count) == 1


async def test_damage_met_while_in_use_is_told_and_the_file_can_be_replaced(
    new_database: Callable[[], Path], executor: ThreadExecutor
) -> None:
    path = new_database()
    database = served(path, executor)
    told: list[None] = []
    database.on_damage.append(lambda: told.append(None))
    await database.open(cluster_id=CLUSTER, name="matriz")
    before = database.identity

    def meet_damage(_connection: sqlite3.Connection) -> None:
        error = sqlite3.DatabaseError("database disk image is malformed")
        error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
        raise error

    with pytest.raises(sqlite3.DatabaseError):
        await database.read(meet_damage)
    with pytest.raises(sqlite3.DatabaseError):
        await database.write(lambda tx: meet_damage(tx.connection))
    assert len(told) == 2
    _zero(path, "orders")
    assert await database.hold_if_damaged()
    await database.replace_held()
    assert (database.identity.name, database.identity.starts) == ("matriz", 1)
    assert database.identity.epoch != before.epoch
    await database.close()
