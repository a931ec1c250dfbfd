"""What a power cut keeps and what it may take, and what it would take from a node that does not sync."""

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from random import Random

import pytest

from app.database.opened import OpenedFile
from tests.simulation.ending import files
from tests.simulation.journal import Journal
from tests.simulation.machines import wal
from tests.simulation.machines.machine import Machine
from tests.simulation.machines.process import Unknown
from tests.simulation.test_machine import has_its_order_after, observed, place, started, with_a_machine
from tests.simulation.watching.observer import Observer
from tests.support.seams import Connect, writers_made_by


@pytest.fixture
def written(tmp_path: Path) -> Iterator[Path]:
    """A database with one row in its file and two in its log, still open."""
    path = tmp_path / "written.db"
    with closing(connected(path)) as connection:
        connection.execute("CREATE TABLE t (n INTEGER)")
        connection.execute("INSERT INTO t VALUES (1)")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.execute("INSERT INTO t VALUES (2)")
        connection.execute("INSERT INTO t VALUES (3)")
        yield path


def connected(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    return connection


def rows(path: Path) -> list[int]:
    with closing(connected(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return [row[0] for row in connection.execute("SELECT n FROM t ORDER BY n")]


def test_what_was_synced_is_there_whatever_lies_behind_it(written: Path, tmp_path: Path) -> None:
    for seed in range(50):
        copy = tmp_path / f"{seed}.db"
        wal.cut_power(written, copy, safe=wal.committed(written), random=Random(seed))

        assert rows(copy) == [1, 2, 3]


def test_of_what_was_not_synced_whole_transactions_are_there_or_not(written: Path, tmp_path: Path) -> None:
    found = set()
    for seed in range(50):
        copy = tmp_path / f"{seed}.db"
        wal.cut_power(written, copy, safe=wal.Place(), random=Random(seed))
        found.add(tuple(rows(copy)))

    assert found == {(1,), (1, 2), (1, 2, 3)}


def test_a_round_of_the_log_before_the_present_one_counts_for_nothing(written: Path) -> None:
    """Once the log is in the file it is written anew from its beginning, over what was there."""
    before = wal.committed(written)
    with closing(connected(written)) as connection:
        connection.execute("PRAGMA wal_checkpoint(RESTART)")
        connection.execute("INSERT INTO t VALUES (4)")
        after = wal.committed(written)

    assert after.salt != before.salt
    assert after.end < before.end


def test_an_acknowledged_order_survives_a_power_cut(template: Path, tmp_path: Path) -> None:
    async def use(machine: Machine) -> None:
        await has_its_order_after(machine, machine.lose_power)

    assert with_a_machine(template, tmp_path, use).violations == []


def test_a_node_that_does_not_sync_loses_an_acknowledged_order(template: Path, tmp_path: Path) -> None:
    """And the observer says so: power cuts have teeth."""

    async def use(machine: Machine) -> None:
        assert machine.process is not None
        await machine.process.do(place(machine.process.node), patience=1.0)
        machine.lose_power()
        await machine.start()

    with writers_made_by(not_syncing):
        journal = with_a_machine(template, tmp_path, use)
    assert "lost" in {violation.promise for violation in journal.violations}


def not_syncing(connect: Connect) -> Connect:
    def careless(file: OpenedFile) -> sqlite3.Connection:
        connection = connect(file)
        connection.execute("PRAGMA synchronous = NORMAL")
        return connection

    return careless


def test_power_lost_within_a_commit_leaves_an_order_that_its_client_asks_for_again(
    template: Path, tmp_path: Path
) -> None:
    """Whatever the disk has of it, in the end there is one order, of one key."""

    async def use(machine: Machine) -> None:
        assert machine.process is not None
        machine.doom(commits=1, power=True)
        with pytest.raises(Unknown, match="killed"):
            await machine.process.do(place(machine.process.node), patience=1.0)
        process = await started(machine)

        order_id = await process.do(place(process.node), patience=1.0)
        found = await process.do(process.node.database.read(files.orders), patience=1.0)
        assert list(found) == [order_id]

    assert with_a_machine(template, tmp_path, use).violations == []


def test_a_disk_counts_as_of_the_network_only_once_that_is_surely_on_it(
    template: Path, tmp_path: Path
) -> None:
    """Else another disk might be lost that is the last one."""
    journal = Journal()

    async def use(machine: Machine, observer: Observer) -> None:
        await machine.start()
        machine.doom(commits=1, power=True)  # that of its founding
        await asyncio.sleep(1.0)
        assert machine.process is None
        assert not observer.is_founded(machine)

        await started(machine)
        assert observer.is_founded(machine)

    observed(template, tmp_path, use, journal=journal)
    assert journal.violations == []


def test_a_process_that_is_held_back_does_nothing_and_then_goes_on(template: Path, tmp_path: Path) -> None:
    """Its client gives up; the order it asked for is taken once the process goes on."""

    async def use(machine: Machine) -> None:
        process = machine.process
        assert process is not None
        process.halt()
        with pytest.raises(Unknown, match="timed out"):
            await process.do(place(process.node), patience=3.0)
        assert stored(machine) == 0
        process.resume()
        await asyncio.sleep(1.0)

        assert stored(machine) == 1

    assert with_a_machine(template, tmp_path, use).violations == []


def test_a_process_that_is_held_back_can_be_killed(template: Path, tmp_path: Path) -> None:
    async def use(machine: Machine) -> None:
        process = machine.process
        assert process is not None
        process.halt()
        asking = asyncio.get_running_loop().create_task(process.do(place(process.node), patience=9.0))
        await asyncio.sleep(0.5)
        machine.crash()
        with pytest.raises(Unknown, match="killed"):
            await asking
        await machine.reaped()

        assert {asyncio.current_task()} == asyncio.all_tasks()
        await machine.start()

    assert with_a_machine(template, tmp_path, use).violations == []


def stored(machine: Machine) -> int:
    with closing(sqlite3.connect(f"file:{machine.path}?mode=ro", uri=True)) as connection:
        return len(files.orders(connection))
