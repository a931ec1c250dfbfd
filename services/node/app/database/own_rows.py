"""Seals of a node's own rows: its identity, its log, its peers' cursors, its positions, and its parked
events.

No peer has such a row, so none can restore it. A row that does not fit its seal is not used.
app.sync.log.own_rows_repair replaces its content by a weaker claim that is certainly true. A file that has
lost its identity or its counters is damaged (`require_knows_itself`).
"""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from app.database.errors import DamagedDatabase
from app.database.file import ask, decoded_somehow, read_somehow, reading_somehow
from app.database.pieces import BEFORE_ALL, Pieces
from app.database.seals import BETWEEN, seal, seal_joined

_COUNTERS = ("lamport", "seq", "order_counter", "groups")
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "node": ("cluster_id", "name", "epoch", "starts", "founded", *_COUNTERS),
    "events": ("epoch", "seq", "event_id", "kind", "entity", "lamport", "created_at", "command_end"),
    "cursors": ("peer", "peer_epoch", "epoch", "acknowledged"),
    "positions": ("origin", "epoch", "seq", "event_id"),
    "parked": ("origin", "epoch", "seq", "event_id", "kind", "entity", "body"),
}
"""The columns that a seal covers, in this order. The others are for people, or are computed anew."""

REPLACED = ("events", "cursors", "positions", "parked")
"""The tables in which a node can do without an altered row."""


def sealed(table: str, *values: Any) -> int:
    """The seal of a row with these values of the table's sealed columns."""
    assert len(values) == len(COLUMNS[table])
    return seal(values)


def selected(table: str) -> str:
    """SQL: the columns by which `is_sound` judges a row."""
    return ", ".join((*COLUMNS[table], "checksum"))


def into(table: str, *others: str) -> str:
    """SQL: what follows INSERT, for a row with its seal. The values are those of its sealed columns, then the
    seal, then those of the `others`."""
    names = (*COLUMNS[table], "checksum", *others)
    return f"INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' for _ in names)})"


def seal_of(table: str, row: sqlite3.Row) -> int:
    """The seal of the present content of a row that was read with the columns `selected`."""
    return seal(row[name] for name in COLUMNS[table])


def is_sound(table: str, row: sqlite3.Row) -> bool:
    """Whether a row, read with the columns `selected`, is what this node wrote."""
    return bool(row["checksum"] == seal_of(table, row))


def is_sound_event(row: sqlite3.Row) -> bool:
    """As `is_sound` of an event, without a look at the type of each value: a batch has thousands. False may
    also mean that a value has a type that no node writes; then `is_sound` decides."""
    epoch, seq, event_id, kind, entity, lamport, created_at, command_end, checksum = row
    try:
        joined = BETWEEN.join(
            (epoch, repr(seq), event_id, kind, entity, repr(lamport), repr(created_at), repr(command_end))
        )
    except TypeError:
        return False
    return bool(checksum == seal_joined(joined))


def knows_itself(connection: sqlite3.Connection) -> bool:
    """Whether a file's `node` row is sound. A missing row counts as sound, and so does one of a schema
    without its seal. Rows must come as sqlite3.Row, and texts must be decoded with marks."""
    if "checksum" not in {row["name"] for row in connection.execute("PRAGMA table_info(node)")}:
        return True
    rows = connection.execute(f"SELECT {selected('node')} FROM node").fetchall()
    return all(is_sound("node", row) for row in rows)


def require_knows_itself(path: Path) -> None:
    """Raise DamagedDatabase for a file that has lost its identity or its counters; otherwise raise as
    `opening_error` says."""

    def knows(connection: sqlite3.Connection) -> bool:
        connection.row_factory = sqlite3.Row
        connection.text_factory = decoded_somehow
        return knows_itself(connection)

    if not ask(path, knows):
        raise DamagedDatabase(f"{path} is damaged: it does not know whose it is any more")


def find(
    connection: sqlite3.Connection, table: str, condition: str, values: Sequence[Any]
) -> sqlite3.Row | None:
    """The row that meets a condition, if it is sound; None for an altered one, too."""
    query = f"SELECT {selected(table)} FROM {table} WHERE {condition}"
    row: sqlite3.Row | None = read_somehow(connection, lambda: connection.execute(query, values).fetchone())
    return row if row is not None and is_sound(table, row) else None


def every_sound(connection: sqlite3.Connection, table: str) -> list[sqlite3.Row]:
    """The sound rows of a table, by their key."""
    order = ", ".join(COLUMNS[table][:2])
    query = f"SELECT {selected(table)} FROM {table} ORDER BY {order}"
    rows = read_somehow(connection, lambda: connection.execute(query).fetchall())
    return [row for row in rows if is_sound(table, row)]


def altered(connection: sqlite3.Connection, table: str) -> Iterator[tuple[int, sqlite3.Row]]:
    """The row numbers of altered rows, with their present content. It reads the table itself, since an index
    may lead elsewhere. Texts must be decoded with marks."""
    for number, row in _numbered(connection, table, BEFORE_ALL, -1):
        if not is_sound(table, row):
            yield number, row


def look_through(table: str, *, rows: int) -> Pieces[bool]:
    """Find out whether a row of a table is altered, reading so many `rows` in one piece."""
    after: int | None = BEFORE_ALL
    while after is not None:
        is_altered, after = yield partial(_look_on, table=table, after=after, limit=rows)
        if is_altered:
            return True
    return False


def _look_on(connection: sqlite3.Connection, table: str, after: int, limit: int) -> tuple[bool, int | None]:
    """Whether one of the next `limit` rows is altered, and the number of the last one, None for none."""
    last: int | None = None
    with reading_somehow(connection):
        for last, row in _numbered(connection, table, after, limit):
            if not is_sound(table, row):
                return True, last
    return False, last


def _numbered(
    connection: sqlite3.Connection, table: str, after: int, limit: int
) -> Iterator[tuple[int, sqlite3.Row]]:
    query = f"SELECT rowid, {selected(table)} FROM {table} NOT INDEXED WHERE rowid > ? ORDER BY rowid LIMIT ?"
    return ((row["rowid"], row) for row in connection.execute(query, (after, limit)))
