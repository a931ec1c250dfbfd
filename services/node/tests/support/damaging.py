"""Database files as nodes write them, small and with all that is hard to read, and damage done to them."""

import hashlib
import shutil
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from app.database.salvage import FoundRow, Way, read_rows
from app.database.salvage.by_pages import PageReader
from app.database.salvage.cells import TABLE_LEAF
from app.database.salvage.layouts import table_layout
from app.database.salvage.pages import PageFile
from app.database.salvage.survey import Survey

_COLUMNS = """
customers lamport stamp_node stamp_epoch id code name contact email phone city country

products lamport stamp_node stamp_epoch id sku name price_cents

stock product_id branch epoch received returned returned_frozen recovered written_off sold removed version

orders id number branch epoch announced seq donor lamport customer_id user_id status note total_cents version
    created_at idempotency_key request_hash

order_lines order_id line product_id sku name quantity unit_price_cents

audit id at actor action entity entity_id before after origin epoch version request_id
"""
TABLES: Mapping[str, Sequence[str]] = {
    table: columns for table, *columns in map(str.split, _COLUMNS.split("\n\n"))
}
Content = tuple[str, tuple[Any, ...]]


def fill(connection: sqlite3.Connection, *, orders: int, seed: int = 0) -> None:
    """Put customers, products, stock, orders with lines and audit into a migrated database. Some texts are
    longer than a page, some rows are changed and some deleted again."""
    random = Random(seed)
    products = [f"{seed:08x}-product-{number:04}" for number in range(max(4, orders // 20))]
    customers = [f"{seed:08x}-customer-{number:04}" for number in range(max(4, orders // 10))]
    for number, row_id in enumerate(customers):
        values = (number, "matriz", "e1", row_id, f"C{number}", f"Açúcar & Cia {number}", None, "a@b.c")
        insert(connection, "customers", (*values, None, "São Paulo", "BR"))
    for number, row_id in enumerate(products):
        insert(connection, "products", (number, "matriz", "e1", row_id, f"P{number}", "Feijão", number * 7))
        insert(connection, "stock", (row_id, "matriz", "e1", 1 << number % 40, 0, 0, 0, 0, number, 0, 1))
    for number in range(orders):
        order_id = f"{seed:08x}-order-{random.getrandbits(48):012x}"
        note = [None, "", "obrigado", "ligar antes " * random.randrange(1, 30), "y" * 9000][
            random.choices(range(5), weights=(20, 5, 20, 10, 1))[0]
        ]
        head = (order_id, f"M-{number}", "matriz", "e1", "e1", number, "", number)
        body = (random.choice(customers), "a-user", "placed", note, random.getrandbits(31), 1)
        at = float(number) if number % 3 else number + 0.25  # whole ones are stored as integers
        insert(connection, "orders", (*head, *body, at, f"key-{number}", ""))
        for line in range(1 + number % 3):
            product = random.choice(products)
            insert(
                connection, "order_lines", (order_id, line, product, "SKU", "Feijão", -(-number // 2) + 1, 5)
            )
        done = ("a-user", "place", "order", order_id, None, "{}" * (number % 9), "matriz", "e1", 1, "r")
        insert(connection, "audit", (None, at, *done))
        if number % 7 == 6:
            connection.execute(
                "UPDATE orders SET status = 'cancelled', version = 2, note = 'não quis' WHERE rowid ="
                " (SELECT min(rowid) + ? FROM orders)",
                (random.randrange(number),),
            )
        if number % 11 == 10:
            connection.execute(
                "DELETE FROM audit WHERE id = (SELECT min(id) + ? FROM audit)", (random.randrange(number),)
            )
    seal_orders(connection)


def seal_orders(connection: sqlite3.Connection) -> None:
    """Put each order's checksum into its column `request_hash`."""
    columns = TABLES["orders"][:-1]
    connection.create_function("seal", len(columns), lambda *values: _seal(values), deterministic=True)
    connection.execute(f"UPDATE orders SET request_hash = seal({', '.join(columns)})")


def _seal(values: Sequence[Any]) -> str:
    return hashlib.sha256(repr(tuple(values)).encode()).hexdigest()


def is_sealed(order: Mapping[str, Any]) -> bool:
    """Whether an order is as it was written: the check that a caller makes."""
    return _seal([order[column] for column in TABLES["orders"][:-1]]) == str(order["request_hash"])


def insert(connection: sqlite3.Connection, table: str, values: Sequence[Any]) -> None:
    """One row, in the order of TABLES."""
    columns = ", ".join(TABLES[table])
    marks = ", ".join("?" * len(values))
    connection.execute(f"INSERT INTO {table} ({columns}) VALUES ({marks})", values)


@contextmanager
def in_use(path: Path) -> Iterator[sqlite3.Connection]:
    """The database as a running node has it open: with a log, which is not folded in at the end."""
    live = path.with_name("live.db")
    path.rename(live)
    with closing(sqlite3.connect(live, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        yield connection
        copy(live, path)
    for left in path.parent.glob("live.db*"):
        left.unlink()


def copy(source: Path, target: Path) -> None:
    """Copy a database with the log beside it."""
    shutil.copyfile(source, target)
    if log_of(source).exists():
        shutil.copyfile(log_of(source), log_of(target))


def content_by_sql(
    path: Path, *, workspace: Path, tables: Mapping[str, Sequence[str]] = TABLES
) -> set[Content]:
    """Every row as SQLite reads it, from a copy."""
    again = workspace / "as-sqlite-reads.db"
    copy(path, again)
    found: set[Content] = set()
    with closing(sqlite3.connect(again)) as connection:
        for table, columns in tables.items():
            rows = connection.execute(f"SELECT {', '.join(columns)} FROM {table}")
            found |= {(table, row) for row in rows}
    again.unlink()
    return found


def content(rows: Iterable[FoundRow]) -> list[Content]:
    """The rows as `content_by_sql` gives them."""
    return [(row.table, tuple(row.values.values())) for row in rows]


def statements(path: Path) -> list[str]:
    """The CREATE TABLE statements of a sound file."""
    with closing(sqlite3.connect(path)) as connection:
        return [sql for (sql,) in connection.execute("SELECT sql FROM sqlite_master WHERE type = 'table'")]


def overwrite(path: Path, at: int, data: bytes) -> None:
    """Change bytes of a file in place."""
    with path.open("r+b") as file:
        file.seek(at)
        file.write(data)


def by_pages(path: Path, *, schema: Sequence[str] = ()) -> list[tuple[Content, Way]]:
    """The rows of TABLES as they are read without SQLite, and how each was found."""
    told = [layout for layout in map(table_layout, schema) if layout is not None]
    found: list[tuple[Content, Way]] = []
    with PageFile(path) as file:
        survey = Survey(file)
        known = {layout.name: layout for layout in told} | survey.layouts()
        for layout, values, way in PageReader(survey, wanted=TABLES, known=known).rows():
            named = dict(zip([column.name for column in layout.columns], values, strict=True))
            found.append(((layout.name, tuple(named[column] for column in TABLES[layout.name])), way))
    return found


def places(path: Path) -> dict[Content, set[int]]:
    """By row of a sound file, the pages that hold it: the one with its cell, and those with the rest of it.
    The tests of sound files show that all rows are found so."""
    found: dict[Content, set[int]] = {}
    with PageFile(path) as file:
        survey = Survey(file)
        layouts = survey.layouts()
        for number, owners in survey.owners.items():
            version = file.newest(number)
            data, page = survey.page(version)
            for table in owners & set(TABLES):
                for cell in page.cells if page.kind == TABLE_LEAF else ():
                    values = survey.values(version, data, cell, layouts[table])
                    assert values is not None, "a sound file has no unreadable cell"
                    named = dict(zip([c.name for c in layouts[table].columns], values, strict=True))
                    row = (table, tuple(named[column] for column in TABLES[table]))
                    found[row] = {number, *file.chain(cell)}
    return found


@dataclass(frozen=True)
class Sound:
    """A file before the damage: where its rows stand, and what its tables look like."""

    path: Path
    places: dict[Content, set[int]]
    schema: Sequence[str]

    def survey(self) -> Survey:
        """What its pages are."""
        with PageFile(self.path) as file:
            return Survey(file)

    def rows_outside(self, pages: set[int]) -> set[Content]:
        """Every row of which nothing stands in these pages."""
        return {row for row, stands in self.places.items() if not stands & pages}


def rows_of(path: Path, sound: Sound) -> list[FoundRow]:
    """Everything that is read of the file, damaged since it was sound."""
    return list(read_rows(path, TABLES, workspace=path.parent, schema=sound.schema))


def require_rows_outside(pages: set[int], sound: Sound, rows: Sequence[FoundRow]) -> None:
    """All rows that stand in no page of these are there, and nothing else but what stands in these."""
    found, outside = set(content(rows)), sound.rows_outside(pages)
    assert outside <= found, pages
    hurt = {key_of(row) for row in set(sound.places) - outside}
    assert {key_of(row) for row in found - set(sound.places)} <= hurt, pages


def key_of(row: Content) -> tuple[object, ...]:
    """Its table and what names it there."""
    table, values = row
    return table, dict(zip(TABLES[table], values, strict=True)).get("id", values[:2])


def require_only_written_rows(rows: Sequence[FoundRow], sound: Sound) -> None:
    """Among orders that pass the caller's check, each is one that was written."""
    passed = [row for row in rows if row.table == "orders" and is_sealed(row.values)]
    assert set(content(passed)) <= set(sound.places)


def log_of(path: Path) -> Path:
    """Where its log stands."""
    return path.with_name(path.name + "-wal")
