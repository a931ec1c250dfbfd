"""Rows of a node's own that something else changed: its log, how far peers have it, how far it has theirs.
No peer has such rows; less is said than what was, and nothing that is false."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing

import pytest

from app.database import StorageError
from app.database.pieces import at_once
from app.sync.log import own_rows_repair
from tests.recovery.altered_rows import SCRUB_SECONDS, epochs_of
from tests.recovery.trial import NAMES, Trial
from tests.support.virtual import eventually

pytestmark = [pytest.mark.anyio, pytest.mark.whole]

BOTH_WAYS = {(name, "sul") for name in NAMES} | {("sul", name) for name in NAMES}
UNSENT = "epoch = (SELECT epoch FROM node) AND seq > (SELECT MAX(acknowledged) FROM cursors)"
NOT_UTF8 = "CAST(X'fffeff' AS TEXT)"


async def cut_off_and_sold(trial: Trial) -> str:
    """A network in which `sul` sold one order that nobody else has heard of; that order."""
    await trial.found(scrub_seconds=SCRUB_SECONDS)
    await trial.receive("matriz", 30, share="equal")
    for name in NAMES:
        await trial.sell(name)
    await trial.converged()
    trial.network.cut |= BOTH_WAYS
    return await trial.sell("sul")


def change(trial: Trial, *statements: str, with_schema: bool = False) -> None:
    """Change the file of `sul` as no command of the node does."""
    with closing(sqlite3.connect(trial.company.path("sul"))) as connection, connection:
        connection.execute(f"PRAGMA writable_schema = {int(with_schema)}")
        for statement in statements:
            assert connection.execute(statement).rowcount > 0, statement


async def heals(trial: Trial) -> None:
    """All links work again: nothing is lost, no life ended, and every row is what its node wrote."""
    epochs = epochs_of(trial)
    trial.network.cut.clear()
    await eventually(lambda: trial["sul"].ready)
    await eventually(lambda: _is_repaired(trial), within=4 * SCRUB_SECONDS, every=1.0)
    await trial.verify()
    assert epochs_of(trial) == epochs
    assert [(await trial[name].status()).altered for name in NAMES] == [[], [], []]
    for name in NAMES:
        await trial.sell(name)
    await trial.verify()


async def _is_repaired(trial: Trial) -> bool:
    return not any([await trial[name].database.read(_needs_repair) for name in NAMES])


def _needs_repair(connection: sqlite3.Connection) -> bool:
    return at_once(own_rows_repair.look_whether_needed(), connection)


async def says_so(trial: Trial) -> None:
    alarms = (await trial["sul"].status()).alarms
    assert "fetch whole rows" in alarms["repaired_rows"].last


@pytest.mark.parametrize(
    "change_of_the_log",
    [
        [f"UPDATE events SET kind = 'customer_upserted' WHERE {UNSENT}"],
        [f"UPDATE events SET entity = {NOT_UTF8} WHERE {UNSENT}"],
        [f"UPDATE events SET event_id = 'another' WHERE {UNSENT}"],
        [f"UPDATE events SET epoch = 'another' WHERE {UNSENT}"],
        [f"UPDATE events SET seq = seq + 1000000 WHERE {UNSENT}"],
        [f"UPDATE events SET command_end = 0 WHERE {UNSENT}"],
        [f"DELETE FROM events WHERE {UNSENT}"],
        ["DELETE FROM events"],
    ],
    ids=["kind", "entity", "id", "epoch", "seq", "end", "gone", "all gone"],
)
@pytest.mark.parametrize("running", [True, False], ids=["running", "stopped"])
async def test_an_order_whose_event_was_altered_reaches_the_peers_all_the_same(
    trial: Trial, change_of_the_log: Sequence[str], running: bool
) -> None:
    order = await cut_off_and_sold(trial)
    if not running:
        await trial.stop("sul")
    change(trial, *change_of_the_log)
    if not running:
        await trial.start("sul", ready=False)
    await heals(trial)
    await says_so(trial)
    for name in NAMES:
        assert order in await trial.order_ids(name)


async def test_orders_behind_an_altered_event_are_not_held_up(trial: Trial) -> None:
    first = await cut_off_and_sold(trial)
    change(trial, f"UPDATE events SET lamport = lamport + 1 WHERE {UNSENT}")
    later = [await trial.sell("sul") for _ in range(3)]
    await heals(trial)
    assert {first, *later} <= set(await trial.order_ids("matriz"))


async def test_an_order_with_an_altered_event_is_stored_only_where_a_peer_has_it(
    trial: Trial,
) -> None:
    order = await cut_off_and_sold(trial)
    change(trial, f"UPDATE events SET kind = 'nothing' WHERE {UNSENT}")
    await eventually(lambda: _is_repaired(trial), within=4 * SCRUB_SECONDS, every=1.0)
    assert (await trial["sul"].status()).at_risk == 1
    assert (await trial["sul"].orders.view(order)).stored_by == []
    await heals(trial)
    await eventually(lambda: _is_stored(trial, order))


async def _is_stored(trial: Trial, order: str) -> bool:
    stored_by: list[str] = (await trial["sul"].orders.view(order)).stored_by
    return stored_by == ["matriz", "norte"]


@pytest.mark.parametrize(
    "change_of_positions",
    [
        "UPDATE positions SET seq = seq + 1000",
        "UPDATE positions SET seq = seq - 1",
        "UPDATE positions SET event_id = 'another'",
        f"UPDATE positions SET event_id = {NOT_UTF8}",
        "UPDATE positions SET origin = 'another' WHERE origin = 'matriz'",
        f"UPDATE positions SET epoch = {NOT_UTF8} WHERE origin = 'matriz'",
    ],
    ids=["ahead", "behind", "id", "undecodable id", "origin", "undecodable epoch"],
)
@pytest.mark.parametrize("running", [True, False], ids=["running", "stopped"])
async def test_a_false_word_of_a_peers_log_ends_nobodys_life(
    trial: Trial, change_of_positions: str, running: bool
) -> None:
    await cut_off_and_sold(trial)
    if not running:
        await trial.stop("sul")
    change(trial, change_of_positions)
    if not running:
        await trial.start("sul", ready=False)
    await heals(trial)


async def test_a_false_word_of_how_far_a_peer_is_loses_no_order(trial: Trial) -> None:
    order = await cut_off_and_sold(trial)
    change(trial, "UPDATE cursors SET acknowledged = acknowledged + 1")
    assert (await trial["sul"].orders.view(order)).stored_by == []
    await heals(trial)
    assert order in await trial.order_ids("norte")


async def test_files_of_all_members_with_altered_logs_lose_nothing(trial: Trial) -> None:
    order = await cut_off_and_sold(trial)
    for name in NAMES:
        with closing(sqlite3.connect(trial.company.path(name))) as connection, connection:
            connection.execute("UPDATE events SET kind = 'nothing'")
            connection.execute("UPDATE positions SET seq = seq + 5")
    await heals(trial)
    for name in NAMES:
        assert order in await trial.order_ids(name)


@pytest.mark.parametrize(
    "change_of_itself",
    [
        "UPDATE node SET lamport = 1",
        "UPDATE node SET seq = seq - 2",
        "UPDATE node SET founded = 0",
        "UPDATE node SET name = 'another'",
        f"UPDATE node SET epoch = {NOT_UTF8}",
    ],
    ids=["lamport", "seq", "founded", "name", "undecodable epoch"],
)
@pytest.mark.parametrize("running", [True, False], ids=["running", "stopped"])
async def test_a_file_that_does_not_know_itself_any_more_is_replaced_and_salvaged(
    trial: Trial, change_of_itself: str, running: bool
) -> None:
    order = await cut_off_and_sold(trial)
    others = {name: trial.epoch(name) for name in NAMES if name != "sul"}
    if not running:
        await trial.stop("sul")
    change(trial, change_of_itself)
    trial.network.cut.clear()
    if running:
        assert isinstance(await trial.refused("sul"), StorageError)
    else:
        await trial.start("sul", ready=False)
    await eventually(lambda: trial["sul"].ready)
    await eventually(lambda: _has_back(trial, order), within=60)
    await trial.verify()
    assert {name: trial.epoch(name) for name in others} == others


async def _has_back(trial: Trial, order: str) -> bool:
    return order in await trial.order_ids("matriz")


async def test_a_file_that_describes_a_table_wrongly_is_replaced_and_salvaged(trial: Trial) -> None:
    """Its rows are all there, and SQLite finds nothing wrong; but no statement finds the column."""
    order = await cut_off_and_sold(trial)
    await trial.stop("sul")
    change(
        trial,
        "UPDATE sqlite_master SET sql = replace(sql, 'extra', 'extrb') WHERE name = 'orders'",
        with_schema=True,
    )
    trial.network.cut.clear()
    await trial.start("sul", ready=False)
    await eventually(lambda: trial["sul"].ready)
    await eventually(lambda: _has_back(trial, order), within=60)
    await trial.verify()
