"""The database as the node uses it: asynchronous, with real threads."""

import asyncio
import gc
import sqlite3
import weakref
from collections.abc import Callable
from typing import Any

import pytest

from app.database import Database, Effects, StorageFailed, StorageFull, Transaction
from app.domain.errors import OtherBranch
from tests.support.served import count, emit

pytestmark = pytest.mark.anyio


class Refused(Exception):
    """What a command raises."""


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
