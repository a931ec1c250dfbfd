"""What is read from a damaged file, before it is verified. Every version of every row is kept in a database
of its own with the newest schema, and so are the orders that the file names."""

import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from app.database.migrations import migrate, newest_revision
from app.database.salvage import FoundRow, Keys, Summary, Value, Way, read_keys, read_rows
from app.state.registry import replicated
from app.state.registry.canonical_forms import FORMS

Version = Mapping[str, Value]
Key = tuple[Value, ...]
IsStopped = Callable[[], bool]

_CERTAIN: frozenset[Way] = frozenset(("sql", "page"))
"""The ways of finding a row that leave no doubt about its table."""

_ORDER_EVENTS = ("order_created", "order_cancelled")
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_SOURCES_NEEDED = 2
"""How many of an order's rows, lines and events must name it if its index does not. One alone may have a
damaged name."""


class Stopped(Exception):
    """Reading was stopped before its end."""


@dataclass
class Finds:
    """Everything that was read. `connection` holds the first version found of each row, and `others` the
    later ones, by table and key. `named` counts, by order, in how many ways it was certainly named."""

    connection: sqlite3.Connection
    summary: Summary
    others: dict[str, dict[Key, list[Version]]] = field(default_factory=dict)
    named: dict[str, set[str]] = field(default_factory=dict)
    perhaps: set[str] = field(default_factory=set)
    kept: list[Version] = field(default_factory=list)
    decommissioned: set[str] = field(default_factory=set)

    def keys(self) -> Keys:
        """The orders that were certainly in the file, and those that perhaps were."""
        known = {(name,) for name, by in self.named.items() if _is_enough(by)}
        perhaps = {(name,) for name in (self.perhaps | self.named.keys()) if (name,) not in known}
        return Keys(frozenset(known), frozenset(perhaps))

    def name_order(self, order_id: Value, source: str, *, surely: bool) -> None:
        """Note that something in the file names an order."""
        if not isinstance(order_id, str) or not _ID.fullmatch(order_id):
            return
        if surely:
            self.named.setdefault(order_id, set()).add(source)
        else:
            self.perhaps.add(order_id)


def _is_enough(sources: set[str]) -> bool:
    return "index" in sources or len(sources) >= _SOURCES_NEEDED


@contextmanager
def read_finds(path: Path, *, workspace: Path, is_stopped: IsStopped) -> Iterator[Finds]:
    """Read a damaged file into a database in the folder `workspace`. The file is not changed. Raises OSError
    or sqlite3.Error where it cannot be read, Stopped once `is_stopped()`."""
    schema = fresh_schema(workspace)
    scratch = workspace / "found.db"
    with closing(sqlite3.connect(scratch, isolation_level=None, check_same_thread=False)) as connection:
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("PRAGMA synchronous = OFF")
        for statement in schema:
            connection.execute(statement)
        connection.row_factory = sqlite3.Row
        finds = Finds(connection, Summary(0, 0, False, {}))
        connection.execute("BEGIN")
        _read(finds, path, workspace=workspace, schema=schema, is_stopped=is_stopped)
        for table, columns in (("orders", ("id",)), ("order_lines", ("order_id", "line"))):
            keys = read_keys(path, table, columns, schema=schema)
            # The index of the lines belongs to the lines: both may tell of an order that is undone.
            source = "index" if table == "orders" else "index of lines"
            for key in keys.named:
                finds.name_order(key[0], source, surely=True)
            for key in keys.perhaps:
                finds.name_order(key[0], source, surely=False)
        yield finds


def _read(finds: Finds, path: Path, *, workspace: Path, schema: Sequence[str], is_stopped: IsStopped) -> None:
    tables: dict[str, tuple[str, ...]] = {"events": ("kind", "entity"), "decommissioned": ("branch",)}
    tables["unknown_rows"] = ("relation", "sha256", "revision", "origin", "row")
    keys: dict[str, tuple[str, ...]] = {}
    fixed: dict[str, Version] = {"orders": {"announced": "", "seq": 0, "donor": ""}}
    for entity in replicated.entities():
        tables[entity.relation] = (*entity.form.selected, "checksum")
        keys[entity.relation] = entity.key
        if (parts := entity.parts) is not None:
            tables[parts.name] = parts.columns
            keys[parts.name] = (*parts.key, *parts.apart)
    reading = read_rows(path, tables, workspace=workspace, schema=schema)
    for found in reading:
        if is_stopped():
            raise Stopped
        _note(finds, found)
        if found.table in keys:
            row = {**found.values, **fixed.get(found.table, {})}
            _keep(finds, found.table, row, keys[found.table])
    finds.summary = reading.summary


def _note(finds: Finds, found: FoundRow) -> None:
    surely, values = found.way in _CERTAIN, found.values
    if found.table == "orders":
        finds.name_order(values.get("id"), "row", surely=surely)
    elif found.table == "order_lines":
        finds.name_order(values.get("order_id"), "lines", surely=surely)
    elif found.table == "events":
        if values.get("kind") in _ORDER_EVENTS:
            finds.name_order(values.get("entity"), "event", surely=surely)
    elif found.table == "unknown_rows":
        finds.kept.append(values)
    elif found.table == "decommissioned" and surely and isinstance(branch := values.get("branch"), str):
        finds.decommissioned.add(branch)


def _keep(finds: Finds, table: str, row: Version, key: tuple[str, ...]) -> None:
    names = [name for name, value in row.items() if value is not None]
    statement = f"INSERT OR IGNORE INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' for _ in names)})"
    try:
        kept = finds.connection.execute(statement, [row[name] for name in names]).rowcount
    except (sqlite3.IntegrityError, sqlite3.InterfaceError, OverflowError):
        return  # no node could have written it
    if not kept:
        of = tuple(row.get(name) for name in key)
        finds.others.setdefault(table, {}).setdefault(of, []).append(row)


_schemas: dict[str, tuple[str, ...]] = {}
"""By revision; making one takes half a second."""


def fresh_schema(workspace: Path) -> tuple[str, ...]:
    """The statements that make the tables of a newly migrated file. They come from such a file in
    `workspace`, since a node may write only beside its database."""
    revision = newest_revision()
    if revision not in _schemas:
        path = workspace / "empty.db"
        migrate(path, forms=FORMS)
        with closing(sqlite3.connect(path)) as connection:
            rows = connection.execute(
                "SELECT sql FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY 1"
            ).fetchall()
        _schemas[revision] = tuple(row[0] for row in rows)
    return _schemas[revision]
