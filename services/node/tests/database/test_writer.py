"""The single writer: savepoints, group commit, and what becomes of a group when storage fails."""

import itertools
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

import pytest

from app.database import OutcomeUnknown, StorageFailed, StorageFull, Transaction, own_rows
from app.database.commands import Command, Outcome
from app.database.identity import begin_start
from app.database.writer import Writer
from tests.support.branch import CLUSTER

Connect = Callable[[], sqlite3.Connection]


class Refused(Exception):
    """What a command raises when its rules say no."""


class FragileConnection(sqlite3.Connection):
    """A connection whose next COMMIT fails: before it took effect (`lost`) or after (`stored`)."""

    fails: str | None = None

    def execute(self, sql: str, parameters: Any = ()) -> sqlite3.Cursor:
        if sql != "COMMIT" or self.fails is None:
            return super().execute(sql, parameters)
        super().execute("COMMIT" if self.fails == "stored" else "ROLLBACK")
        raise sqlite3.OperationalError("disk I/O error")


class Disk:
    """Connects to one file; the connections made so far can be made to fail."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.opened: list[FragileConnection] = []
        self.gone = False

    def __call__(self) -> sqlite3.Connection:
        if self.gone:
            raise sqlite3.OperationalError("unable to open database file")
        connection = sqlite3.connect(self.path, isolation_level=None, factory=FragileConnection)
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA journal_mode = WAL")
        self.opened.append(connection)
        return connection

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.path)) as connection:
            return connection.execute(query).fetchall()


@pytest.fixture
def disk(new_database: Callable[[], Path]) -> Disk:
    return Disk(new_database())


@pytest.fixture
def writer(disk: Disk) -> Iterator[Writer]:
    with closing(disk()) as connection:
        identity = begin_start(connection, cluster_id=CLUSTER, name="matriz", random=Random(1))
    times = itertools.count()
    made = Writer(disk, identity=identity, wall=lambda: float(next(times)), random=Random(2))
    yield made
    made.close()


def emit(entity: str) -> Command:
    return lambda tx: tx.emit("product_upserted", entity)


def refuse(tx: Transaction) -> None:
    """Emit twice, then be refused."""
    tx.emit("product_upserted", "a ghost")
    tx.emit("product_upserted", "another")
    raise Refused


def grow(tx: Transaction) -> None:
    """Write more than a full disk has room for."""
    tx.emit("product_upserted", "large")
    tx.connection.execute("CREATE TABLE ballast (x TEXT)")
    for _ in range(100):
        tx.connection.execute("INSERT INTO ballast VALUES (?)", ("x" * 4000,))


def void(tx: Transaction) -> None:
    """Lose the transaction, as an I/O error makes SQLite do."""
    tx.emit("product_upserted", "lost")
    tx.connection.execute("ROLLBACK")
    raise sqlite3.OperationalError("disk I/O error")


def events(disk: Disk) -> list[tuple[Any, ...]]:
    return disk.rows("SELECT seq, entity, command_end FROM events ORDER BY seq")


def groups(disk: Disk) -> int:
    return int(disk.rows("SELECT groups FROM node")[0][0])


def errors(outcomes: list[Outcome]) -> list[type | None]:
    return [None if outcome.error is None else type(outcome.error) for outcome in outcomes]


def test_a_group_is_one_commit_and_every_command_has_its_own_result(writer: Writer, disk: Disk) -> None:
    outcomes, effects = writer.run_group([emit("a"), emit("b"), lambda tx: tx.lamport])
    assert [outcome.value for outcome in outcomes] == [1, 2, 3]
    assert (effects.emitted, groups(disk)) == (True, 1)


def test_a_refused_command_leaves_no_trace_and_no_hole(writer: Writer, disk: Disk) -> None:
    outcomes, _ = writer.run_group([emit("a"), refuse, emit("b")])
    assert errors(outcomes) == [None, Refused, None]
    assert events(disk) == [(1, "a", 1), (2, "b", 1)]
    assert disk.rows("SELECT seq, lamport FROM node") == [(2, 2)]


def test_a_refused_command_that_is_alone_takes_its_writes_along(writer: Writer, disk: Disk) -> None:
    def write_and_refuse(tx: Transaction) -> None:
        tx.emit("product_upserted", "a")
        raise Refused

    assert errors(writer.run_group([write_and_refuse])[0]) == [Refused]
    assert (events(disk), groups(disk)) == ([], 0)
    assert errors(writer.run_group([emit("b")])[0]) == [None]
    assert events(disk) == [(1, "b", 1)]


def test_only_the_last_event_of_a_command_ends_it(writer: Writer, disk: Disk) -> None:
    def two(tx: Transaction) -> None:
        tx.emit("product_upserted", "a")
        tx.emit("product_upserted", "b")

    writer.run_group([two, emit("c")])
    assert events(disk) == [(1, "a", 0), (2, "b", 1), (3, "c", 1)]


def test_a_group_that_wrote_nothing_is_not_committed(writer: Writer, disk: Disk) -> None:
    outcomes, effects = writer.run_group([refuse, lambda tx: tx.connection.execute("SELECT 1").fetchone()[0]])
    assert (errors(outcomes), outcomes[1].value) == ([Refused, None], 1)
    assert (effects.emitted, groups(disk)) == (False, 0)


def test_what_a_full_disk_refuses_is_surely_not_stored_and_nobody_else_suffers(
    writer: Writer, disk: Disk
) -> None:
    writer.run_group([emit("a")])
    pages = disk.opened[-1].execute("PRAGMA page_count").fetchone()[0]
    disk.opened[-1].execute(f"PRAGMA max_page_count = {pages + 8}")
    outcomes, _ = writer.run_group([emit("b"), grow, emit("c")])
    assert errors(outcomes) == [None, StorageFull, None]
    assert events(disk) == [(1, "a", 1), (2, "b", 1), (3, "c", 1)]
    assert disk.rows("SELECT name FROM sqlite_master WHERE name = 'ballast'") == []


def fill(writer: Writer) -> Outcome:
    """Emit until that is refused; the refusal."""
    for _ in range(1000):
        (outcome,), _ = writer.run_group([emit("x" * 1000)])
        if outcome.error is not None:
            return outcome
    raise AssertionError("the disk never got full")


def test_a_limit_in_bytes_is_a_full_disk_until_it_is_lifted(writer: Writer) -> None:
    writer.limit_bytes(0)  # never below what the file has
    assert isinstance(fill(writer).error, StorageFull)
    writer.limit_bytes(None)
    assert errors(writer.run_group([grow])[0]) == [None]


def test_a_limit_in_bytes_leaves_room_up_to_it(writer: Writer, disk: Disk) -> None:
    size = disk.rows("PRAGMA page_size")[0][0]
    pages = disk.rows("PRAGMA page_count")[0][0] + 5
    writer.limit_bytes(pages * size)
    fill(writer)
    assert disk.rows("PRAGMA page_count")[0][0] == pages


def test_a_limit_in_bytes_outlives_a_commit_that_failed(writer: Writer, disk: Disk) -> None:
    writer.limit_bytes(0)
    disk.opened[-1].fails = "lost"
    assert errors(writer.run_group([emit("a")])[0]) == [StorageFailed]
    assert len(disk.opened) > 2  # the file was opened anew
    assert isinstance(fill(writer).error, StorageFull)


def test_the_writer_works_again_when_space_returns(writer: Writer, disk: Disk) -> None:
    writer.run_group([emit("a")])
    pages = disk.opened[-1].execute("PRAGMA page_count").fetchone()[0]
    disk.opened[-1].execute(f"PRAGMA max_page_count = {pages}")
    refused = [errors(writer.run_group([grow])[0]) for _ in range(3)]
    disk.opened[-1].execute("PRAGMA max_page_count = 1000000")
    assert refused == [[StorageFull]] * 3
    assert errors(writer.run_group([grow])[0]) == [None]
    assert events(disk) == [(1, "a", 1), (2, "large", 1)]


def test_a_voided_group_is_run_again_one_by_one(writer: Writer, disk: Disk) -> None:
    outcomes, effects = writer.run_group([emit("a"), void, emit("b")])
    assert errors(outcomes) == [None, StorageFailed, None]
    assert [outcomes[0].value, outcomes[2].value] == [1, 2]
    assert events(disk) == [(1, "a", 1), (2, "b", 1)]
    assert (effects.emitted, groups(disk)) == (True, 2)


def test_a_commit_that_failed_before_it_took_effect_is_done_again(writer: Writer, disk: Disk) -> None:
    disk.opened[-1].fails = "lost"
    outcomes, _ = writer.run_group([emit("a"), emit("b")])
    assert errors(outcomes) == [None, None]
    assert events(disk) == [(1, "a", 1), (2, "b", 1)]


def test_a_single_command_whose_commit_was_lost_says_so(writer: Writer, disk: Disk) -> None:
    disk.opened[-1].fails = "lost"
    assert errors(writer.run_group([emit("a")])[0]) == [StorageFailed]
    assert events(disk) == []


def test_a_commit_that_failed_after_it_took_effect_is_found_in_the_file(writer: Writer, disk: Disk) -> None:
    disk.opened[-1].fails = "stored"
    outcomes, effects = writer.run_group([emit("a"), emit("b")])
    assert errors(outcomes) == [None, None]
    assert (effects.emitted, events(disk)) == (True, [(1, "a", 1), (2, "b", 1)])


@pytest.mark.parametrize("failure", ["lost", "stored"])
def test_when_the_file_cannot_be_asked_the_outcome_is_unknown_until_it_can(
    writer: Writer, disk: Disk, failure: str
) -> None:
    disk.opened[-1].fails = failure
    disk.gone = True
    assert errors(writer.run_group([emit("a"), emit("b")])[0]) == [OutcomeUnknown, OutcomeUnknown]
    assert errors(writer.run_group([emit("c")])[0]) == [StorageFailed]  # not begun, so surely not stored
    disk.gone = False
    assert errors(writer.run_group([emit("d")])[0]) == [None]
    assert [row[1] for row in events(disk)] == (["a", "b", "d"] if failure == "stored" else ["d"])


def test_a_new_epoch_whose_commit_was_unknown_is_found_in_the_file(writer: Writer, disk: Disk) -> None:
    """An event written after it must not stand in the log of the epoch that ended."""
    disk.opened[-1].fails = "stored"
    disk.gone = True
    writer.run_group([lambda tx: tx.begin_epoch("next")])
    disk.gone = False
    writer.run_group([emit("a")])
    assert disk.rows("SELECT epoch FROM node") == disk.rows("SELECT epoch FROM events") == [("next",)]


def test_one_commands_unknown_outcome_is_not_the_others(writer: Writer, disk: Disk) -> None:
    def lose_the_disk(tx: Transaction) -> None:
        tx.emit("product_upserted", "b")
        disk.opened[-1].fails = "lost"
        disk.gone = True

    outcomes, effects = writer.run_group([emit("a"), void, lose_the_disk])
    assert errors(outcomes) == [None, StorageFailed, OutcomeUnknown]
    assert effects.emitted


def test_counters_are_read_from_the_file_never_from_memory(writer: Writer, disk: Disk) -> None:
    writer.run_group([emit("a")])
    with closing(disk()) as other:
        other.row_factory = sqlite3.Row
        other.execute("UPDATE node SET lamport = 40, seq = 7")
        row = other.execute(f"SELECT {own_rows.selected('node')} FROM node").fetchone()
        other.execute("UPDATE node SET checksum = ?", (own_rows.seal_of("node", row),))
    assert writer.run_group([emit("b"), lambda tx: tx.lamport])[0] == [
        Outcome(value=8, wrote=True),
        Outcome(value=42),
    ]


def test_a_reading_that_failed_half_way_keeps_no_later_command_from_writing(
    writer: Writer, disk: Disk
) -> None:
    """Its cursor lives on in the error, and with it the instant that it read."""
    writer.run_group([emit("first"), emit("second")])
    kept: list[sqlite3.Cursor] = []

    def read_half(tx: Transaction) -> None:
        kept.append(tx.connection.execute("SELECT seq FROM events"))
        kept[0].fetchone()
        raise Refused

    writer.run_group([read_half])
    with closing(sqlite3.connect(disk.path)) as tool, tool:
        tool.execute("UPDATE events SET kind = 'changed'")

    writer.run_group([emit("third")])
    outcomes, _ = writer.run_group([emit("fourth")])
    assert errors(outcomes) == [None]
