"""The database as the node uses it: asynchronous, with real threads."""

import asyncio
import gc
import os
import sqlite3
import weakref
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any
from unittest import mock

import pytest

from app.database import AlteredRow, Database, Effects, StorageFailed, StorageFull, Transaction, WrongDatabase
from app.database.file import require_writable
from app.database.identity import UNREADABLE
from app.domain.errors import OtherBranch
from app.runtime import SystemClock, ThreadExecutor
from tests.support.branch import CLUSTER

pytestmark = pytest.mark.anyio


class Refused(Exception):
    """What a command raises."""


@pytest.fixture
async def executor() -> AsyncIterator[ThreadExecutor]:
    made = ThreadExecutor()
    yield made
    made.close()


@pytest.fixture
async def database(new_database: Callable[[], Path], executor: ThreadExecutor) -> AsyncIterator[Database]:
    made = make(new_database(), executor)
    await made.open(cluster_id=CLUSTER, name="matriz")
    yield made
    await made.close()


def make(path: Path, executor: ThreadExecutor) -> Database:
    return Database(path, clock=SystemClock(), random=Random(1), executor=executor)


def emit(entity: str = "e") -> Callable[[Transaction], int]:
    return lambda tx: tx.emit("product_upserted", entity)


def count(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT COUNT(*) FROM events").fetchone()[0])


def groups(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT groups FROM node").fetchone()[0])


async def test_a_write_can_be_read_as_soon_as_it_returned(database: Database) -> None:
    assert await database.write(emit()) == 1
    assert await database.read(count) == 1


async def test_writes_at_the_same_time_share_commits_and_keep_their_order(database: Database) -> None:
    found = await asyncio.gather(*(database.write(emit()) for _ in range(200)))
    assert found == list(range(1, 201))
    assert await database.read(groups) < 20


async def test_what_a_command_raises_its_caller_gets_and_nobody_else(database: Database) -> None:
    def refuse(tx: Transaction) -> None:
        tx.emit("product_upserted", "ghost")
        raise Refused

    commands: list[Callable[[Transaction], Any]] = [emit(), refuse, emit()]
    found = await asyncio.gather(*map(database.write, commands), return_exceptions=True)
    assert (found[0], type(found[1]), found[2]) == (1, Refused, 2)


async def test_a_refusal_is_freed_with_its_last_use(database: Database) -> None:
    """Were it part of a circle, only a collection of garbage would free it, and a flood of orders that are
    refused would bring one after the other, each while orders wait."""

    def refuse(_tx: Transaction) -> None:
        raise OtherBranch("filial-sul")

    async def refused() -> "weakref.ref[OtherBranch]":
        try:
            await database.write(refuse)
        except OtherBranch as error:
            return weakref.ref(error)
        raise AssertionError("it was not refused")

    gc.collect()
    gc.disable()
    try:
        refusal = await refused()
        await database.write(emit())  # the writer has forgotten its last group, too
        assert refusal() is None
    finally:
        gc.enable()


async def test_a_caller_that_goes_away_does_not_take_the_command_with_it(database: Database) -> None:
    gone = asyncio.create_task(database.write(emit()))
    await asyncio.sleep(0)
    gone.cancel()
    assert await database.write(emit()) == 2


async def test_all_of_a_read_is_from_one_instant(database: Database) -> None:
    loop = asyncio.get_running_loop()

    def look_twice(connection: sqlite3.Connection) -> tuple[int, int]:
        before = count(connection)
        asyncio.run_coroutine_threadsafe(database.write(emit()), loop).result(timeout=10)
        return before, count(connection)

    assert await database.read(look_twice) == (0, 0)
    assert await database.read(count) == 1


async def test_readings_cannot_write(database: Database) -> None:
    with pytest.raises(sqlite3.OperationalError):
        await database.read(lambda connection: connection.execute("DELETE FROM node"))
    assert await database.read(groups) == 0  # and the connection can be used again


async def test_who_listens_hears_what_each_commit_changed(database: Database) -> None:
    heard: list[Effects] = []
    database.on_commit.append(heard.append)
    await database.write(emit())
    await database.write(lambda tx: tx.effects.stock.add("p"))
    await database.write(lambda _tx: None)
    assert [(effects.emitted, effects.stock) for effects in heard] == [
        (True, set()),
        (False, {"p"}),
        (False, set()),
    ]


async def test_a_full_disk_refuses_writes_and_serves_reads_until_there_is_room(database: Database) -> None:
    await database.limit_bytes(0)

    def large(tx: Transaction) -> None:
        for _ in range(50):
            tx.emit("product_upserted", "x" * 4000)

    with pytest.raises(StorageFull):
        await database.write(large)
    assert await database.read(count) == 0
    await database.limit_bytes(None)
    await database.write(large)
    assert await database.read(count) == 50


async def test_closing_finishes_what_was_submitted_and_refuses_the_rest(database: Database) -> None:
    submitted = [asyncio.create_task(database.write(emit())) for _ in range(5)]
    await asyncio.sleep(0)
    await database.close()
    assert await asyncio.gather(*submitted) == [1, 2, 3, 4, 5]
    with pytest.raises(StorageFailed):
        await database.write(emit())
    with pytest.raises(StorageFailed):
        await database.read(count)
    await database.close()  # again: nothing happens


async def test_an_open_database_survives_the_process(
    new_database: Callable[[], Path], executor: ThreadExecutor
) -> None:
    path = new_database()
    identities = []
    for _ in range(2):
        database = make(path, executor)
        await database.open(cluster_id=CLUSTER, name="matriz")
        await database.write(emit())
        identities.append(database.identity)
        await database.close()
    assert [identity.starts for identity in identities] == [1, 2]
    assert identities[0].epoch == identities[1].epoch


async def test_another_nodes_file_is_refused(
    new_database: Callable[[], Path], executor: ThreadExecutor
) -> None:
    path = new_database()
    first = make(path, executor)
    await first.open(cluster_id=CLUSTER, name="matriz")
    await first.close()
    other = make(path, executor)
    with pytest.raises(WrongDatabase):
        await other.open(cluster_id=CLUSTER, name="norte")
    await other.close()


async def test_a_damaged_file_is_held_unchanged_until_it_is_replaced(
    tmp_path: Path, executor: ThreadExecutor
) -> None:
    path = tmp_path / "data" / "node.db"
    path.parent.mkdir()
    spoilt = b"bits that flipped" * 1000
    path.write_bytes(spoilt)
    database = make(path, executor)
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
    database = make(path, executor)
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
    again = make(path, executor)
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
    database = make(path, executor)
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


async def test_a_second_process_is_refused_until_the_first_is_gone(
    new_database: Callable[[], Path], executor: ThreadExecutor
) -> None:
    path = new_database()
    first, second = make(path, executor), make(path, executor)
    await first.open(cluster_id=CLUSTER, name="matriz")
    for _ in range(2):
        with pytest.raises(StorageFailed, match="stop the node first"):
            await second.open(cluster_id=CLUSTER, name="matriz")
    await first.close()
    await second.open(cluster_id=CLUSTER, name="matriz")
    assert second.identity.starts == 2
    await second.close()


async def test_only_its_owner_may_read_a_nodes_files(tmp_path: Path, executor: ThreadExecutor) -> None:
    path = tmp_path / "data" / "node" / "node.db"
    others_may_enter(tmp_path)
    database = make(path, executor)
    await database.open(cluster_id=CLUSTER, name="matriz")
    await database.write(emit())
    await database.read(count)
    modes = {file.name: file.stat().st_mode & 0o777 for file in path.parent.iterdir()}
    assert modes == dict.fromkeys(("node.db", "node.db-wal", "node.db-shm", "node.db.lock"), 0o600)
    folders = [folder.stat().st_mode & 0o777 for folder in (path.parent, path.parent.parent, tmp_path)]
    assert folders == [0o700, 0o700, 0o755]
    await database.close()


async def test_files_that_others_could_read_are_closed_to_them(
    new_database: Callable[[], Path], executor: ThreadExecutor
) -> None:
    path = new_database()
    kept = path.with_name(f"{path.name}.damaged-1")
    kept.write_bytes(b"")
    for file in (path, kept):
        file.chmod(0o644)
    database = make(path, executor)
    await database.open(cluster_id=CLUSTER, name="matriz")
    assert {file.stat().st_mode & 0o777 for file in (path, kept)} == {0o600}
    assert database.has_set_aside
    await database.close()


def test_a_file_that_cannot_be_written_is_refused_before_it_is_opened(
    new_database: Callable[[], Path],
) -> None:
    path = new_database()
    path.chmod(0o644)
    require_writable(path)
    assert path.stat().st_mode & 0o777 == 0o600
    require_writable(path.with_name("absent.db"))
    with (
        mock.patch.object(os, "access", return_value=False),
        pytest.raises(StorageFailed, match="cannot be written") as refused,
    ):
        require_writable(path)
    assert "\n" not in str(refused.value)
    assert not path.with_name("absent.db").exists()


def others_may_enter(folder: Path) -> None:
    folder.chmod(0o755)


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
    database = make(path, executor)
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
