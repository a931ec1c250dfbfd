"""The database as the node uses it: asynchronous, with real threads."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from app.database import Database, Effects, StorageFailed, StorageFull, Transaction, WrongDatabase
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


async def test_a_damaged_file_is_set_aside_for_an_empty_one(tmp_path: Path, executor: ThreadExecutor) -> None:
    path = tmp_path / "data" / "node.db"
    path.parent.mkdir()
    path.write_bytes(b"bits that flipped" * 1000)
    database = make(path, executor)
    await database.open(cluster_id=CLUSTER, name="matriz")
    assert database.set_aside == path.with_name("node.db.damaged-1")
    assert await database.write(emit()) == 1
    await database.close()


async def test_damage_met_while_in_use_is_told_and_the_file_can_be_replaced(
    new_database: Callable[[], Path], executor: ThreadExecutor
) -> None:
    database = make(new_database(), executor)
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
    await database.replace_damaged()
    assert (database.identity.name, database.identity.starts) == ("matriz", 1)
    assert database.identity.epoch != before.epoch
    await database.close()
