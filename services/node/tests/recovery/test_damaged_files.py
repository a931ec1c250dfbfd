"""A damaged database is found, set aside, never sent to anybody, and rebuilt from peers; a full disk is not
damage, and passes."""

import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import pytest

from app.database import StorageError, StorageFull
from tests.recovery.trial import NAMES, Trial
from tests.support.virtual import eventually

pytestmark = pytest.mark.anyio

PAGE = 4096
NOISE = b"\xa5"


def flip_bits(path: Path) -> None:
    """All pages but the first are noise."""
    with path.open("r+b") as file:
        file.seek(PAGE)
        file.write(NOISE * (path.stat().st_size - PAGE))


def zero_a_page(path: Path) -> None:
    """The first page of the orders is empty, as after a write that never reached the disk."""
    with closing(sqlite3.connect(path)) as connection:
        root = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'orders'").fetchone()[0]
    with path.open("r+b") as file:
        file.seek((root - 1) * PAGE)
        file.write(bytes(PAGE))


async def sold_by_all(trial: Trial) -> None:
    """Three nodes that each had three units and sold one."""
    await trial.found()
    await trial.receive("matriz", 9, share="equal")
    await trial.converged()
    for name in NAMES:
        await trial.sell(name)
    await trial.converged()


@pytest.mark.parametrize("damage", [flip_bits, zero_a_page])
async def test_damage_at_rest_is_found_at_start_and_the_node_rebuilds(
    trial: Trial, damage: Callable[[Path], None]
) -> None:
    await sold_by_all(trial)
    before = trial.epoch("sul")
    await trial.stop("sul")
    path = trial.company.path("sul")
    damage(path)
    spoilt = path.read_bytes()
    await trial.start("sul")
    assert trial.epoch("sul") != before
    assert (path.parent / "node.db.damaged-1").read_bytes() == spoilt
    await trial.verify()
    assert await trial.alarms("sul") == {"damaged_database": 1}
    for name in ("matriz", "norte"):
        assert await trial.alarms(name) == {}
    await trial.shows("sul", available=4, frozen=2, here=0)


async def test_a_log_that_lost_its_end_is_a_roll_back(trial: Trial) -> None:
    await trial.found()
    await trial.receive("sul", 5)
    await trial.converged()
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
    assert (await trial.alarms("sul"))["damaged_database"] == 1
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
        before = (await trial["sul"].status())["counts"]
        try:
            await trial.sell("sul")
        except StorageFull as full:
            refusal = full
    assert (await trial["sul"].status())["counts"] == before
    assert len(await trial.order_ids("sul")) == before["orders"]
    for _ in range(20):
        await trial.sell("matriz")
    await eventually(lambda: trial.peer("sul", seen_by="matriz").state == "backing_off")
    await trial["sul"].database.limit_bytes(None)
    await trial.verify()
    await trial.sell("sul")
    await trial.verify()
    assert await trial.alarms("sul") == {}
