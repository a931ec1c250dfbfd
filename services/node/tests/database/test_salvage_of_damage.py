"""Reading damaged files: what damage has not touched comes back, and nothing raises."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.database.salvage import read_keys, read_rows
from app.database.salvage.cells import INTERIOR, TABLE_LEAF
from app.database.salvage.pages import PageFile
from tests.support.damaging import (
    TABLES,
    Sound,
    by_pages,
    content,
    copy,
    fill,
    log_of,
    overwrite,
    places,
    require_only_written_rows,
    require_rows_outside,
    rows_of,
    statements,
)

PAGE = 4096


@pytest.fixture(scope="module")
def stopped(empty_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Sound:
    """A file without a log."""
    path = tmp_path_factory.mktemp("stopped") / "node.db"
    shutil.copyfile(empty_file, path)
    with closing(sqlite3.connect(path)) as connection, connection:
        fill(connection, orders=80)
    return Sound(path, places(path), statements(path))


@pytest.fixture
def damaged(tmp_path: Path) -> Path:
    return tmp_path / "damaged.db"


@pytest.mark.whole
def test_whichever_page_is_zeroed_all_rows_of_the_others_come_back(stopped: Sound, damaged: Path) -> None:
    for page in range(1, stopped.path.stat().st_size // PAGE + 1):
        copy(stopped.path, damaged)
        overwrite(damaged, (page - 1) * PAGE, bytes(PAGE))

        require_rows_outside({page}, stopped, rows_of(damaged, stopped))


@pytest.mark.parametrize("table", TABLES)
def test_with_the_root_of_a_table_gone_its_other_pages_are_known_by_their_rows(
    stopped: Sound, damaged: Path, table: str
) -> None:
    root = stopped.survey().entries[table].root
    copy(stopped.path, damaged)
    overwrite(damaged, (root - 1) * PAGE, Random(table).randbytes(PAGE))

    require_rows_outside({root}, stopped, rows_of(damaged, stopped))


def test_a_page_without_a_root_is_of_the_table_whose_columns_it_has_all(damaged: Path) -> None:
    """A record of the second could be one of the first that is older than its last column."""
    with closing(sqlite3.connect(damaged)) as connection, connection:
        connection.execute("CREATE TABLE first (a INTEGER NOT NULL, b TEXT NOT NULL, c TEXT) STRICT")
        connection.execute("CREATE TABLE second (a INTEGER NOT NULL, b TEXT NOT NULL) STRICT")
        for number in range(100):
            connection.execute("INSERT INTO first VALUES (?, ?, NULL)", (number, "b" * 200))
            connection.execute("INSERT INTO second VALUES (?, ?)", (100 + number, "b" * 200))
        roots = connection.execute("SELECT rootpage FROM sqlite_master").fetchall()
    for (root,) in roots:
        overwrite(damaged, (root - 1) * PAGE, bytes(PAGE))

    tables = {"first": ("a", "b", "c"), "second": ("a", "b")}
    rows = list(read_rows(damaged, tables, workspace=damaged.parent))

    assert {row.way for row in rows} == {"loose"}
    expected = [("second" if number >= 100 else "first", number) for number in range(200)]
    assert sorted((row.table, row.values["a"]) for row in rows) == expected


def test_with_every_interior_page_gone_every_row_comes_back(stopped: Sound, damaged: Path) -> None:
    interior = {number for number, kind in enumerate(stopped.survey().kinds) if kind in INTERIOR}
    assert len(interior) > 3
    copy(stopped.path, damaged)
    for number in interior:
        overwrite(damaged, (number - 1) * PAGE, bytes(PAGE))

    assert set(stopped.places) == set(content(rows_of(damaged, stopped)))


@pytest.mark.parametrize("length", [16, 100, PAGE])
def test_with_the_header_overwritten_every_row_comes_back(stopped: Sound, damaged: Path, length: int) -> None:
    copy(stopped.path, damaged)
    overwrite(damaged, 0, Random(length).randbytes(length))

    reading = read_rows(damaged, TABLES, workspace=damaged.parent)

    assert set(stopped.places) == set(content(reading))
    assert not reading.summary.sound


def test_with_the_files_own_schema_gone_the_callers_serves(stopped: Sound, damaged: Path) -> None:
    copy(stopped.path, damaged)
    with PageFile(stopped.path) as file:
        schema_pages = [n for n in range(1, file.count + 1) if b"CREATE " in file.content(file.newest(n))]
    for number in schema_pages:
        overwrite(damaged, (number - 1) * PAGE, bytes(PAGE))
    orders = {row for row in stopped.places if row[0] == "orders"}

    # Without a schema a table is known by how many columns it has: later migrations added two.
    every_column = (*TABLES["orders"], "extra", "checksum")
    by_count = content(read_rows(damaged, {"orders": every_column}, workspace=damaged.parent))

    assert set(stopped.places) == set(content(rows_of(damaged, stopped)))
    assert orders <= {(table, values[: len(TABLES["orders"])]) for table, values in by_count}


def test_with_a_column_misnamed_in_the_files_schema_the_callers_serves(stopped: Sound, damaged: Path) -> None:
    copy(stopped.path, damaged)
    data = damaged.read_bytes()
    overwrite(damaged, data.index(b"price_cents INTEGER", data.index(b"CREATE TABLE products")), b"prise")

    assert set(stopped.places) == set(content(rows_of(damaged, stopped)))


def test_with_a_table_misnamed_in_its_own_statement_the_callers_serves(stopped: Sound, damaged: Path) -> None:
    copy(stopped.path, damaged)
    data = damaged.read_bytes()
    overwrite(damaged, data.index(b"products", data.index(b"CREATE TABLE products")), b"p\xffo")

    assert set(stopped.places) == set(content(rows_of(damaged, stopped)))


def test_records_are_found_in_pages_that_no_longer_say_where_they_are(stopped: Sound, damaged: Path) -> None:
    copy(stopped.path, damaged)
    for number, kind in enumerate(stopped.survey().kinds):
        if kind == TABLE_LEAF:
            overwrite(damaged, (number - 1) * PAGE + 100 * (number == 1), b"\xff" * 8)

    rows = rows_of(damaged, stopped)

    assert set(stopped.places) <= set(content(rows))
    assert {row.way for row in rows} == {"carved"}
    require_only_written_rows(rows, stopped)


def test_of_a_damaged_page_the_other_cells_are_read(stopped: Sound, damaged: Path) -> None:
    copy(stopped.path, damaged)
    data = damaged.read_bytes()
    hit = next(row for row in stopped.places if row[0] == "order_lines" and row[1][1] == 2)
    key = str(hit[1][0]).encode() + b"\x02"
    overwrite(damaged, data.index(key) - 10, b"\xff" * 10)  # its lengths and types

    found = set(content(rows_of(damaged, stopped)))

    assert set(stopped.places) - {hit} <= found
    assert hit not in found


def test_a_text_that_is_no_utf8_is_read_with_marks_in_its_place(stopped: Sound, damaged: Path) -> None:
    copy(stopped.path, damaged)
    at = damaged.read_bytes().index("Açúcar & Cia 3".encode())
    overwrite(damaged, at, b"\xff\xfe\xff")

    rows = rows_of(damaged, stopped)

    (odd,) = [row for row in rows if "\ufffd" in str(row.values.get("name"))]
    assert odd.way == "sql"
    assert str(odd.values["name"]).endswith("car & Cia 3")
    assert stopped.rows_outside({at // PAGE + 1}) <= set(content(rows))


def test_keys_are_named_though_every_page_of_the_table_is_gone(stopped: Sound, damaged: Path) -> None:
    copy(stopped.path, damaged)
    survey = stopped.survey()
    for number, owners in survey.owners.items():
        if owners == {"order_lines"}:
            overwrite(damaged, (number - 1) * PAGE, bytes(PAGE))
    expected = {row[:2] for table, row in stopped.places if table == "order_lines"}

    keys = read_keys(damaged, "order_lines", TABLES["order_lines"])
    assert expected == keys.named

    root = survey.entries["sqlite_autoindex_order_lines_1"].root
    overwrite(damaged, (root - 1) * PAGE, bytes(PAGE))
    keys = read_keys(damaged, "order_lines", TABLES["order_lines"])
    assert not keys.named
    assert keys.perhaps <= expected
    assert len(keys.perhaps) > len(expected) - 10, "the root itself held a few"


def test_a_chain_of_pages_in_a_circle_is_refused(stopped: Sound, damaged: Path) -> None:
    longest = max(stopped.places.values(), key=len)
    kinds = stopped.survey().kinds
    chain = [page for page in longest if not kinds[page]]
    assert len(chain) > 1
    copy(stopped.path, damaged)
    for page in chain:
        overwrite(damaged, (page - 1) * PAGE, page.to_bytes(4, "big"))

    assert stopped.rows_outside(set(chain)) == {row for row, _ in by_pages(damaged)}
    assert stopped.rows_outside(set(chain)) <= set(content(rows_of(damaged, stopped)))


@pytest.mark.parametrize(
    "first", [0, *(pytest.param(n, marks=pytest.mark.whole) for n in range(20, 320, 20))]
)
def test_random_bytes_over_random_pages_hide_no_row_of_other_pages(
    stopped: Sound, damaged: Path, first: int
) -> None:
    clean = stopped.path.read_bytes()
    for seed in range(first, first + 20):
        random = Random(seed)
        data, hit = bytearray(clean), set[int]()
        for _ in range(random.randrange(1, 6)):
            page, at = random.randrange(len(clean) // PAGE), random.choice((0, random.randrange(PAGE)))
            length = min(random.choice((1, 3, 16, 200, PAGE)), PAGE - at)
            start = page * PAGE + at
            data[start : start + length] = random.choice((bytes(length), random.randbytes(length)))
            hit.add(page + 1)
        damaged.write_bytes(data)

        rows = rows_of(damaged, stopped)

        missing = stopped.rows_outside(hit) - set(content(rows))
        assert not missing, seed
        require_only_written_rows(rows, stopped)
        read_keys(damaged, "orders", TABLES["orders"])


@given(data=st.binary(max_size=3000), log=st.binary(max_size=300), head=st.booleans())
@settings(max_examples=150)
def test_any_bytes_at_all_raise_nothing(
    data: bytes, log: bytes, head: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.db"
    path.write_bytes(b"SQLite format 3\0" * head + data)
    log_of(path).write_bytes(b"\x37\x7f\x06\x82" * head + log)

    rows = list(read_rows(path, {"orders": ("id", "note")}, workspace=path.parent))
    read_keys(path, "orders", ("id", "note"))

    assert all(row.table == "orders" for row in rows)


@pytest.mark.parametrize("left", [0, 1, 99, PAGE, 20 * PAGE + 1])
def test_of_a_file_that_ends_early_the_rest_is_read(stopped: Sound, damaged: Path, left: int) -> None:
    damaged.write_bytes(stopped.path.read_bytes()[:left])
    cut = set(range(left // PAGE + 1, 1000))

    require_rows_outside(cut, stopped, rows_of(damaged, stopped))
