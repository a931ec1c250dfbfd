"""Reading a sound file without SQLite: the same rows as with it."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.database.salvage import Summary, read_keys, read_rows
from app.database.salvage.pages import PageFile
from app.database.salvage.records import read_varint, signed, write_varint
from tests.support.damaging import (
    TABLES,
    by_pages,
    content,
    content_by_sql,
    fill,
    in_use,
    insert,
    overwrite,
    places,
)

NewFile = Callable[[], Path]


@contextmanager
def closed(path: Path) -> Iterator[sqlite3.Connection]:
    """The database as a node leaves it that stopped in order."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        yield connection


def give_up(path: Path) -> None:
    """Take from SQLite the one thing without which it reads nothing, and from no row anything."""
    overwrite(path, 0, b"no SQLite file..")


@pytest.mark.parametrize("opened", [closed, in_use])
@pytest.mark.parametrize("page_size", [512, 1024, 4096, 65536])
def test_page_by_page_a_file_has_exactly_the_rows_that_sqlite_reads(
    new_database: NewFile,
    tmp_path: Path,
    page_size: int,
    opened: Callable[[Path], AbstractContextManager[sqlite3.Connection]],
) -> None:
    path = new_database()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA page_size = {page_size}")
        connection.execute("VACUUM")
    with opened(path) as connection:
        for seed in range(2):  # the second changes pages that the first has written
            connection.execute("BEGIN")
            fill(connection, orders=60, seed=seed)
            connection.execute("COMMIT")
    expected = content_by_sql(path, workspace=tmp_path)
    assert len(expected) > 200

    found = by_pages(path)
    current = [row for row, way in found if way not in ("free", "old")]

    assert expected == set(current)
    assert len(current) == len(expected)
    assert {way for _, way in found} <= {"page", "free", "old"}


@pytest.mark.parametrize("agree", [True, False])
def test_pages_are_read_to_tell_their_size_only_where_header_and_log_disagree(
    new_database: NewFile, monkeypatch: pytest.MonkeyPatch, agree: bool
) -> None:
    """Each start after a crash opens the pages, to find commits that SQLite would skip."""
    path, sense = new_database(), PageFile._sense
    sampled: list[int] = []

    def sensed(file: PageFile, size: int, reserved: int) -> int:
        sampled.append(size)
        return sense(file, size, reserved)

    monkeypatch.setattr(PageFile, "_sense", sensed)
    with in_use(path) as connection:
        fill(connection, orders=1)
    if not agree:
        overwrite(path, 16, b"\x02\x00")  # 512

    with PageFile(path) as file:
        assert (file.page_size, bool(sampled)) == (4096, not agree)


def test_sqlite_alone_reads_a_sound_file_with_its_log(new_database: NewFile, tmp_path: Path) -> None:
    path = new_database()
    with in_use(path) as connection:
        fill(connection, orders=40)
    expected = content_by_sql(path, workspace=tmp_path)

    reading = read_rows(path, TABLES, workspace=tmp_path)
    found = list(reading)

    assert expected == set(content(found))
    assert len(found) == len(expected)
    assert {row.way for row in found} == {"sql"}
    assert reading.summary.sound
    assert sum(count for ways in reading.summary.rows.values() for count in ways.values()) == len(expected)


def test_reading_leaves_the_file_its_log_and_the_folders_as_they_are(
    new_database: NewFile, tmp_path: Path
) -> None:
    path = new_database()
    with in_use(path) as connection:
        fill(connection, orders=10)
    overwrite(path, 3 * 4096, bytes(4096))
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}

    assert list(read_rows(path, TABLES, workspace=tmp_path, everywhere=True))
    assert read_keys(path, "orders", TABLES["orders"]).named

    assert before == {file.name: file.read_bytes() for file in tmp_path.iterdir()}


def test_a_row_older_than_a_column_has_the_columns_default(new_database: NewFile, tmp_path: Path) -> None:
    path = new_database()
    with closed(path) as connection:
        fill(connection, orders=20)
        connection.execute("ALTER TABLE orders ADD COLUMN checksum_2 INTEGER NOT NULL DEFAULT 7")
        connection.execute("ALTER TABLE orders ADD COLUMN more TEXT DEFAULT '{}'")
        connection.execute("ALTER TABLE orders ADD COLUMN weight REAL DEFAULT 1")
        connection.execute("ALTER TABLE orders ADD COLUMN extra_2 TEXT NULL")
        connection.execute("UPDATE orders SET checksum_2 = 8, extra_2 = 'x' WHERE seq < 5")
    tables = {"orders": (*TABLES["orders"], "checksum_2", "more", "weight", "extra_2")}
    expected = content_by_sql(path, workspace=tmp_path, tables=tables)
    assert {row[-4:] for _, row in expected} == {(7, "{}", 1.0, None), (8, "{}", 1.0, "x")}

    give_up(path)

    assert expected == set(content(read_rows(path, tables, workspace=tmp_path)))


@pytest.mark.parametrize("readable", [True, False])
def test_a_column_that_the_file_never_had_is_missing_in_its_rows(
    new_database: NewFile, tmp_path: Path, readable: bool
) -> None:
    path = new_database()
    with closed(path) as connection:
        fill(connection, orders=1)
    if not readable:
        give_up(path)

    (row,) = read_rows(path, {"orders": ("id", "of_next_year")}, workspace=tmp_path)

    assert list(row.values) == ["id"]


def test_where_a_row_has_several_versions_the_newest_comes_first(
    new_database: NewFile, tmp_path: Path
) -> None:
    path = new_database()
    with in_use(path) as connection:
        insert(connection, "products", (1, "matriz", "e1", "rice", "P", "Arroz", 1))
        for price in range(2, 6):
            connection.execute("UPDATE products SET price_cents = ?", (price,))

    rows = list(read_rows(path, {"products": TABLES["products"]}, workspace=tmp_path, everywhere=True))

    prices = [row.values["price_cents"] for row in rows]
    assert list(range(5, 0, -1)) == prices
    assert ["sql", *["old"] * 4] == [row.way for row in rows]


def test_of_a_row_longer_than_a_page_every_version_is_whole(new_database: NewFile, tmp_path: Path) -> None:
    """The pages with the rest of it are used again by later versions."""
    path = new_database()
    names = [letter * 20_000 for letter in "abcdef"]
    with in_use(path) as connection:
        insert(connection, "products", (1, "matriz", "e1", "rice", "P", "Arroz", 1))
        for name in names:
            connection.execute("UPDATE products SET name = ?", (name,))

    rows = list(read_rows(path, {"products": TABLES["products"]}, workspace=tmp_path, everywhere=True))

    assert [*reversed(names), "Arroz"] == [row.values["name"] for row in rows]


def test_rows_of_pages_that_were_given_up_are_found_last(new_database: NewFile, tmp_path: Path) -> None:
    path = new_database()
    with closed(path) as connection:
        connection.execute("PRAGMA secure_delete = OFF")
        fill(connection, orders=60)
        before = {row for row in content_by_sql(path, workspace=tmp_path) if row[0] == "orders"}
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute("DELETE FROM orders WHERE seq >= 10")
    left = {row for row in content_by_sql(path, workspace=tmp_path) if row[0] == "orders"}

    found = list(read_rows(path, {"orders": TABLES["orders"]}, workspace=tmp_path, everywhere=True))

    assert left == set(content(found[: len(left)]))
    given_up = content(row for row in found if row.way == "free")
    assert len(given_up) > 10
    assert set(given_up) <= before - left


@pytest.mark.whole
def test_the_index_of_the_primary_key_names_every_row(new_database: NewFile, tmp_path: Path) -> None:
    path = new_database()
    with in_use(path) as connection:
        fill(connection, orders=300)  # so many that interior pages hold keys, too
    rows = content_by_sql(path, workspace=tmp_path)

    orders = read_keys(path, "orders", TABLES["orders"])
    lines = read_keys(path, "order_lines", TABLES["order_lines"])

    assert {row[:1] for table, row in rows if table == "orders"} == orders.named
    assert {row[:2] for table, row in rows if table == "order_lines"} == lines.named
    assert not orders.perhaps
    assert not lines.perhaps


def test_a_table_without_an_index_of_its_key_has_no_keys(new_database: NewFile) -> None:
    path = new_database()

    assert not read_keys(path, "audit", TABLES["audit"]).named


def test_the_pages_of_a_row_are_told_for_each_row(new_database: NewFile, tmp_path: Path) -> None:
    """The tests of damage rely on this."""
    path = new_database()
    with closed(path) as connection:
        fill(connection, orders=80)

    found = places(path)

    assert content_by_sql(path, workspace=tmp_path) == set(found)
    assert {1, 3} <= {len(pages) for pages in found.values()}, "some rows are longer than a page"


def test_the_summary_counts_the_pages(new_database: NewFile, tmp_path: Path) -> None:
    path = new_database()
    reading = read_rows(path, {"orders": TABLES["orders"]}, workspace=tmp_path)

    assert list(reading) == []

    pages = path.stat().st_size // 4096
    assert Summary(pages=pages, damaged=0, sound=True, rows={"orders": {}}) == reading.summary


@given(number=st.integers(min_value=0, max_value=(1 << 56) - 1), before=st.binary(max_size=3))
def test_a_number_is_read_as_it_was_written(number: int, before: bytes) -> None:
    written = write_varint(number)

    assert read_varint(before + written + b"\xff", len(before)) == (number, len(before) + len(written))


@given(rowid=st.integers(min_value=-(1 << 63), max_value=(1 << 63) - 1))
def test_any_rowid_is_read_with_its_sign(rowid: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("rowid")
    path = folder / "one.db"
    with closed(path) as connection:
        connection.execute("CREATE TABLE audit (id INTEGER NOT NULL, actor TEXT, PRIMARY KEY (id)) STRICT")
        connection.execute("INSERT INTO audit VALUES (?, 'ana')", (rowid,))
    give_up(path)

    (row,) = read_rows(path, {"audit": ("id", "actor")}, workspace=folder)

    assert {"id": rowid, "actor": "ana"} == row.values
    assert signed(rowid % (1 << 64)) == rowid
