"""Damage that a node meets while it works, or that looks like it: a full disk is none, and passes."""

import sqlite3
from contextlib import closing, suppress

import pytest

from app.database import StorageError, StorageFull
from tests.recovery.damaged_files import flip_bits, sold_by_all
from tests.recovery.trial import Trial
from tests.support.virtual import eventually

pytestmark = [pytest.mark.anyio, pytest.mark.whole]


async def test_a_query_that_meets_damage_in_a_sound_file_is_an_alarm_and_no_more(trial: Trial) -> None:
    await sold_by_all(trial)
    before = trial.epoch("sul")

    def meet_damage(_connection: sqlite3.Connection) -> None:
        error = sqlite3.DatabaseError("database disk image is malformed")
        error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
        raise error

    with pytest.raises(sqlite3.DatabaseError):
        await trial["sul"].database.read(meet_damage)
    await eventually(lambda: not trial["sul"].ready)
    await eventually(lambda: trial["sul"].ready)
    assert await trial.alarms("sul") == {"false_damage": 1}
    assert (trial.epoch("sul"), trial["sul"].database.has_set_aside) == (before, False)
    await trial.sell("sul")
    await trial.verify()


async def test_a_log_that_lost_its_end_is_a_roll_back(trial: Trial) -> None:
    await trial.stocked(at="sul", units=5)
    before = trial.epoch("sul")
    path = trial.company.path("sul")
    beside = path.with_name("node.db-wal")
    kept = beside.stat().st_size
    sold = [await trial.sell("sul") for _ in range(2)]
    await trial.converged()
    database, log = path.read_bytes(), beside.read_bytes()
    await trial.stop("sul")
    path.write_bytes(database)
    beside.write_bytes(log[:kept])
    await trial.start("sul")
    assert trial.epoch("sul") != before
    await trial.verify()
    assert await trial.order_ids("sul") == sorted(sold)
    assert await trial.alarms("sul") == {"new_epoch": 1}


async def test_damage_met_in_use_is_never_served_and_the_node_rebuilds(trial: Trial) -> None:
    await sold_by_all(trial)
    before = trial.epoch("sul")
    path = trial.company.path("sul")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    flip_bits(path)

    async def met() -> bool:
        with suppress(StorageError, sqlite3.DatabaseError):
            await trial["sul"].status()
        return trial["sul"].database.set_aside is not None

    await trial.sell("matriz")  # what arrives makes the node look at its file again
    await eventually(met)
    await eventually(lambda: trial["sul"].ready)
    await trial.verify()
    assert trial.epoch("sul") != before
    assert (await trial.alarms("sul"))["damaged_database"] == 2
    for name in ("matriz", "norte"):
        assert await trial.alarms(name) == {}
    await trial.sell("sul")
    await trial.verify()


async def test_a_full_disk_refuses_orders_whole_and_passes(trial: Trial) -> None:
    await trial.found("matriz", "sul")
    await trial.receive("sul", 200)
    await trial.receive("matriz", 50)
    await trial.converged()
    await trial["sul"].database.limit_bytes(0)
    refusal: Exception | None = None
    while refusal is None:
        before = (await trial["sul"].status()).counts
        try:
            await trial.sell("sul")
        except StorageFull as full:
            refusal = full
    assert (await trial["sul"].status()).counts == before
    assert len(await trial.order_ids("sul")) == before["orders"]
    for _ in range(20):
        await trial.sell("matriz")
    await eventually(lambda: trial.peer("sul", seen_by="matriz").state == "backing_off")
    await trial["sul"].database.limit_bytes(None)
    await trial.verify()
    await trial.sell("sul")
    await trial.verify()
    assert await trial.alarms("sul") == {}
