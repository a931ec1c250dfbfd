"""A database that is damaged when its node starts is found and held, never sent to anybody, and rebuilt from
peers that serve; where nobody serves nothing is replaced."""

import asyncio
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from app.api.schemas.status import Status
from app.database import StorageFailed
from app.domain.errors import NotReady
from app.sync.wire.messages import PageRequest, TotalsRequest
from tests.recovery.damage import PAGE, Damage, zeroed
from tests.recovery.damaged_files import (
    NOISE,
    damage_at_rest,
    flip_bits,
    sold_by_all,
    waits_for,
    zero_a_page,
)
from tests.recovery.trial import NAMES, RICE, Trial
from tests.support.company import buy
from tests.support.network import problem
from tests.support.virtual import eventually

pytestmark = [pytest.mark.anyio, pytest.mark.whole]


def disk(trial: Trial, name: str) -> dict[str, bytes]:
    """What a node's folder holds: every file that holds anything, less the index of the log."""
    files = [file for file in trial.company.path(name).parent.iterdir() if file.stat().st_size]
    return {file.name: file.read_bytes() for file in files if file.suffix != ".db-shm"}


@pytest.mark.parametrize("damage", [flip_bits, zero_a_page], ids=["flip_bits", "zero_a_page"])
async def test_damage_at_rest_is_found_at_start_and_the_node_rebuilds(trial: Trial, damage: Damage) -> None:
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
    assert await trial.alarms("sul") == {"damaged_database": 2}  # it was held, and then set aside
    for name in ("matriz", "norte"):
        assert await trial.alarms(name) == {}
    await trial.shows("sul", available=8, frozen=4, here=0)


NO_TEXT = "CAST(x'30ff' AS TEXT)"
UNTOLD = {
    "no text": f"UPDATE alembic_version SET version_num = {NO_TEXT}",
    "no row": "DELETE FROM alembic_version",
    "no table": "DROP TABLE alembic_version",
    "an earlier one": "UPDATE alembic_version SET version_num = '0004'",
    "the first one": "UPDATE alembic_version SET version_num = '0001'",
    "a form": f"UPDATE canonical_forms SET relation = {NO_TEXT} WHERE relation = 'users'",
    "the epoch": f"UPDATE node SET epoch = {NO_TEXT}",
}


@pytest.mark.parametrize("change", UNTOLD.values(), ids=UNTOLD)
async def test_a_file_that_says_its_schema_or_its_life_no_more_is_held_and_loses_nothing(
    trial: Trial, change: str
) -> None:
    await sold_by_all(trial)
    before = trial.epoch("sul")
    for name in ("matriz", "norte"):
        trial.network.cut |= {("sul", name), (name, "sul")}
    alone = await trial.sell("sul")

    def spoil(path: Path) -> None:
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute(change)

    await damage_at_rest(trial, "sul", damage=spoil)
    assert trial["sul"].database.damage is not None
    trial.network.cut.clear()
    await eventually(lambda: trial["sul"].ready)
    assert trial.epoch("sul") != before
    await eventually(lambda: trial.has("matriz", alone))
    await trial.verify()


def spoil_a_frame(path: Path) -> None:
    """One byte of the log is wrong: of commits behind it SQLite says nothing."""
    with path.with_name("node.db-wal").open("r+b") as log:
        log.seek(32 + 24 + 100)
        (byte,) = log.read(1)
        log.seek(-1, os.SEEK_CUR)
        log.write(bytes([byte ^ 0xFF]))


def spoil_the_head_of_the_log(path: Path) -> None:
    with path.with_name("node.db-wal").open("r+b") as log:
        log.write(NOISE * 8)


def empty_the_file(path: Path) -> None:
    os.truncate(path, 0)


@pytest.mark.parametrize("damage", [spoil_a_frame, spoil_the_head_of_the_log, empty_the_file])
async def test_commits_that_sqlite_passes_over_in_the_log_of_a_killed_node_are_damage(
    trial: Trial, damage: Damage, tmp_path: Path
) -> None:
    await sold_by_all(trial)
    await trial.stop(*NAMES)
    await trial.start("sul")
    alone = [await trial.sell("sul") for _ in range(3)]
    path = trial.company.path("sul")
    killed = shutil.copytree(path.parent, tmp_path / "killed")
    await trial.stop("sul")
    shutil.rmtree(path.parent)
    shutil.copytree(killed, path.parent)
    damage(path)
    for name in NAMES:
        await trial.start(name, ready=False)
    await eventually(lambda: all(trial[name].ready for name in NAMES))
    assert (await trial.alarms("sul"))["damaged_database"] == 2

    async def came_back() -> bool:
        return all([await trial.has("matriz", order_id) for order_id in alone])

    await eventually(came_back)
    await trial.verify()


async def test_an_index_that_hides_a_stock_row_ends_no_life_and_sells_nothing_twice(trial: Trial) -> None:
    """`quick_check` finds nothing wrong with it; the node sold by the row that it did not see."""
    await sold_by_all(trial)
    before = trial.epoch("sul")
    await trial.stop("sul")
    path = trial.company.path("sul")
    with closing(sqlite3.connect(path)) as connection:
        (root,) = connection.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = 'sqlite_autoindex_stock_1'"
        ).fetchone()
    with path.open("r+b") as file:
        file.seek((root - 1) * PAGE)
        page = file.read(PAGE)
        file.seek((root - 1) * PAGE + page.index(b"sul" + before.encode()) + 3 + len(before) - 1)
        file.write(b"!")
    await trial.start("sul")
    assert trial.epoch("sul") == before
    await trial.sell("sul", 4)
    await trial.converged()
    await trial.verify()


async def test_where_all_files_are_damaged_nobody_founds_and_nothing_is_changed(trial: Trial) -> None:
    await sold_by_all(trial)
    sold = await trial.order_ids("sul")
    await trial.stop(*NAMES)
    for name in NAMES:
        zeroed("audit")(trial.company.path(name))
    before = {name: disk(trial, name) for name in NAMES}
    for name in NAMES:
        await trial.start(name, ready=False)
    await eventually(waits_for(trial, "nobody_serves", *NAMES))
    await asyncio.sleep(600)
    for name in NAMES:
        assert (trial[name].readiness.reason, trial[name].readiness.reading) == ("nobody_serves", True)
        assert {"damaged_database", "nobody_serves"} == (await trial.alarms(name)).keys()
        assert await trial.order_ids(name) == sold  # which lie on pages that are whole
        with pytest.raises(StorageFailed):
            await trial[name].database.write(lambda _tx: None)
    await trial.stop(*NAMES)
    assert {name: disk(trial, name) for name in NAMES} == before


async def test_a_node_that_holds_a_damaged_file_tells_peers_nothing_and_takes_nothing(trial: Trial) -> None:
    await sold_by_all(trial, "matriz", "sul")
    trial.network.answers["matriz", "/replica/turn"] = problem(404, "not_found")
    await damage_at_rest(trial, "sul")
    await trial.sell("matriz")
    await eventually(lambda: trial.peer("sul", seen_by="matriz").state == "backing_off")
    lives: dict[str, Any] = {"to_epoch": trial.epoch("sul"), "epoch": trial.epoch("matriz")}
    messages = {
        "/replica/hello": trial.network.sent("matriz", "sul", "/replica/hello")[-1].body,
        "/replica/snapshot": PageRequest(**lives, relation="customers", after="").model_dump_json().encode(),
        "/replica/totals": TotalsRequest(**lives).model_dump_json().encode(),
    }
    for path, body in messages.items():
        answer = await trial.post("matriz", "sul", path, body, epoch=trial.epoch("matriz"))
        assert (answer.status, answer.code) == (503, "not_ready")
    with pytest.raises(NotReady):
        await buy(trial["sul"], RICE, 1)


async def test_of_a_file_that_tells_nothing_the_status_still_says_what_is_wrong(trial: Trial) -> None:
    await sold_by_all(trial, "matriz", "sul")
    whole = await trial["sul"].status()
    await trial.stop("matriz")
    await damage_at_rest(trial, "sul", damage=flip_bits)
    await eventually(waits_for(trial, "nobody_serves", "sul"))
    status = await trial["sul"].status()
    assert Status.of(status).model_fields_set == Status.of(whole).model_fields_set
    assert (status.node, status.ready, status.reason) == ("sul", False, "nobody_serves")
    assert (status.epoch, status.digest, status.pending) == (None, None, {"matriz": None})
    assert status.alarms.keys() == {"damaged_database", "nobody_serves"}
    await trial.start("matriz")
    await eventually(lambda: trial["sul"].ready)
    await trial.verify()


async def test_an_empty_node_beside_a_file_that_was_set_aside_never_founds(trial: Trial) -> None:
    await sold_by_all(trial)
    await trial.wipe(*NAMES)
    kept = trial.company.path("sul").with_name("node.db.damaged-1")
    kept.parent.mkdir()
    kept.write_bytes(b"what a damaged disk left")
    for name in NAMES:
        await trial.start(name, ready=False)
    await eventually(waits_for(trial, "nobody_serves", "sul"))
    await asyncio.sleep(60)
    assert [trial[name].readiness.reason for name in NAMES] == [
        "waiting_for_peers",
        "waiting_for_peers",
        "nobody_serves",
    ]
    await trial.stop("sul")
    await trial.start("sul", found=True)
    await eventually(lambda: all(trial[name].ready for name in NAMES))
    assert kept.exists()
