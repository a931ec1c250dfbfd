"""Rows that are written together are those that would be written one by one."""

import sqlite3
from collections.abc import Iterator

import pytest

from app.database.many_rows import TOGETHER, write_rows

UPSERT = """
    INSERT INTO things (id, name, kind) VALUES (?, ?, 'thing')
    ON CONFLICT (id) DO UPDATE SET name = excluded.name
"""
MOST = TOGETHER[0]


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    made = sqlite3.connect(":memory:", isolation_level=None)
    made.execute("CREATE TABLE things (id INTEGER PRIMARY KEY, name TEXT NOT NULL, kind TEXT) STRICT")
    yield made
    made.close()


def names(connection: sqlite3.Connection) -> list[tuple[int, str]]:
    return connection.execute("SELECT id, name FROM things ORDER BY id").fetchall()


@pytest.mark.parametrize("count", [0, 1, *(n + more for n in (*TOGETHER, 3 * MOST) for more in (-1, 0, 1))])
def test_every_row_is_written_however_many_there_are(connection: sqlite3.Connection, count: int) -> None:
    rows = [(number, f"name {number}") for number in range(count)]
    write_rows(connection, UPSERT, rows)
    assert names(connection) == rows


def test_of_rows_with_one_key_the_last_one_stays(connection: sqlite3.Connection) -> None:
    rows = [(number % 5, f"name {number}") for number in range(3 * MOST)]
    write_rows(connection, UPSERT, rows)
    assert names(connection) == sorted(dict(rows).items())


def test_a_statement_that_inserts_nothing_is_run_for_each_row(connection: sqlite3.Connection) -> None:
    write_rows(connection, UPSERT, [(number, "before") for number in range(MOST)])
    write_rows(connection, "UPDATE things SET name = ? WHERE id = ?", [("now", n) for n in range(MOST)])
    assert names(connection) == [(number, "now") for number in range(MOST)]


@pytest.mark.parametrize("place", [0, MOST // 2, MOST, MOST + 1])
def test_a_row_that_does_not_fit_raises(connection: sqlite3.Connection, place: int) -> None:
    rows: list[tuple[int, str | None]] = [(number, "name") for number in range(MOST + 2)]
    rows[place] = (place, None)
    with pytest.raises(sqlite3.IntegrityError):
        write_rows(connection, UPSERT, rows)
