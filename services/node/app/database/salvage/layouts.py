"""What the tables of a file look like: read from the CREATE TABLE statements that it keeps, or from those
that the caller knows.

A statement is understood by SQLite itself: it runs in an empty database in memory, bounded, and the tables
are asked for their columns.
"""

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache

from app.database.salvage.records import Column, Kind, Layout, Value

_KINDS: dict[str, Kind] = {
    "INT": "INTEGER",
    "INTEGER": "INTEGER",
    "REAL": "REAL",
    "TEXT": "TEXT",
    "BLOB": "BLOB",
}
_STEPS = 100_000  # of SQLite's machine; a sound statement takes some hundred

SCHEMA = Layout(
    "sqlite_master",
    (
        Column("type", "TEXT", required=True),
        Column("name", "TEXT", required=True),
        Column("tbl_name", "TEXT", required=True),
        Column("rootpage", "INTEGER", required=True),
        Column("sql", "TEXT"),
    ),
)
"""Section 2.6 of sqlite.org/fileformat2.html."""


@dataclass(frozen=True)
class Entry:
    """One line of the file's schema."""

    kind: str
    name: str
    table: str
    root: int
    sql: str | None


def as_entry(values: Sequence[Value], *, last_page: int) -> Entry | None:
    """A record of the schema as an entry; None for one that cannot be."""
    kind, name, table, root, sql = values
    if kind not in ("table", "index") or not isinstance(name, str) or not isinstance(table, str):
        return None
    if not isinstance(root, int) or not 1 < root <= last_page:
        return None
    if kind == "table" and (name != table or not isinstance(sql, str)):
        return None
    return Entry(kind, name, table, root, sql if isinstance(sql, str) else None)


@lru_cache(maxsize=256)
def table_layout(sql: str) -> Layout | None:
    """The layout of the table that a statement creates; None when SQLite does not understand it."""
    if sql.lstrip()[:12].upper() != "CREATE TABLE":
        return None
    try:
        with closing(sqlite3.connect(":memory:")) as connection:
            connection.set_progress_handler(lambda: 1, _STEPS)
            connection.execute(sql)
            (name,) = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchone()
            declared = connection.execute(f"PRAGMA table_xinfo({quoted(name)})").fetchall()
            return _layout(connection, name, declared)
    except (sqlite3.Error, sqlite3.Warning, ValueError, TypeError):
        return None


def plain_layout(name: str, columns: Sequence[str]) -> Layout:
    """The layout of a table of which only the columns are known."""
    return Layout(name, tuple(Column(column) for column in columns))


def key_layout(table: Layout) -> Layout | None:
    """The layout of the automatic index of a table's primary key: its columns, then the rowid (2.4); None for
    a table that has none."""
    if table.rowid_column is not None or not table.key:
        return None
    declared: Mapping[str, Column] = {column.name: column for column in table.columns}
    rowid = Column("rowid", "INTEGER", required=True)
    return Layout(f"sqlite_autoindex_{table.name}_1", (*(declared[name] for name in table.key), rowid))


def _layout(connection: sqlite3.Connection, name: str, declared: Sequence[tuple[object, ...]]) -> Layout:
    columns: list[Column] = []
    key: list[tuple[int, str]] = []
    aliases: list[int] = []
    for index, (_, column, kind, not_null, default, place, _hidden) in enumerate(declared):
        assert isinstance(column, str), "SQLite names every column"
        assert isinstance(place, int), "SQLite counts the columns of a key"
        value = None
        if default is not None:
            (value,) = connection.execute(f"SELECT {default}").fetchone()
        if place:
            key.append((place, column))
            if str(kind).upper() == "INTEGER":
                aliases.append(index)
        columns.append(
            Column(column, _KINDS.get(str(kind).upper(), "ANY"), bool(not_null), _converted(value, str(kind)))
        )
    rowid = aliases[0] if len(key) == len(aliases) == 1 else None
    return Layout(name, tuple(columns), rowid, tuple(column for _, column in sorted(key)))


def _converted(value: Value, kind: str) -> Value:
    return float(value) if kind.upper() == "REAL" and isinstance(value, int) else value


def quoted(name: str) -> str:
    """A name as SQL writes one."""
    return '"' + name.replace('"', '""') + '"'
