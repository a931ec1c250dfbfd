"""Moves out rows that no command wrote: somebody inserted them, or something altered their keys.

A copy of the row goes to the audit (`moved_out`), and the row is deleted, in one transaction. The copy is not
kept in `unknown_rows`, because peers get those and merge them as rows.
"""

import sqlite3
from collections import deque
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from functools import partial
from math import isfinite
from typing import Any

from app.database import Actor, Transaction
from app.database.digest import bucket_of
from app.database.file import decoded_somehow, is_undecodable
from app.database.pieces import BEFORE_ALL, Pieces, at_once
from app.domain.forms import Row
from app.state.registry import replicated
from app.state.registry.entity import Entity, Table

KEYS = 5000  # read in one piece: some milliseconds

ACTION = "moved_out"
_SECRETS = frozenset({"password_hash"})


def look_for_broken_keys() -> Pieces[bool]:
    """Find out whether there are rows whose keys are not UTF-8. No command writes such a key, and no query
    finds a row by it."""
    for table in (table for entity in replicated.entities() for table in _tables(entity)):
        is_broken = yield from _look_through(table)
        if is_broken:
            return True
    return False


def move_out_broken_keys(tx: Transaction) -> list[str]:
    """Move those rows out. Returns their buckets as `relation/bucket`. No total counts them: the row that had
    the key before is missing in its own bucket, and is restored there."""
    moved: list[str] = []
    for entity in reversed(replicated.entities()):  # what refers to a row goes before it
        for table in _tables(entity):
            if at_once(_look_through(table), tx.connection):
                keys = [
                    _moved(tx, entity, table, number, why="its key is no text")
                    for number in _broken(tx.connection, table)
                ]
                moved += [f"{entity.relation}/{bucket_of(key)}" for key in keys if key is not None]
    return moved


def move_out(tx: Transaction, entity: Entity, keys: Collection[str]) -> list[str]:
    """Move out the rows with these keys, which the recorded total proves to be unwritten (`buckets.plan`).
    Returns the keys of those that stay.

    A row stays if other rows refer to it. It also stays if this node's audit, or its list of own cells, shows
    that this node wrote one under the key: then the total is damaged as well.
    """
    table = Table(entity.relation, entity.key)
    return [
        key
        for key in keys
        if _is_named(tx.connection, entity, key)
        or (number := _number(tx.connection, table, key)) is None
        or _moved(tx, entity, table, number, why="no total counts it") is None
    ]


def move_out_row(tx: Transaction, entity: Entity, key: str, *, why: str) -> bool:
    """Move out the row with this key. Returns False if other rows refer to it. A row that the digest counts
    is to be counted out by the caller."""
    table = Table(entity.relation, entity.key)
    number = _number(tx.connection, table, key)
    return number is not None and _moved(tx, entity, table, number, why=why) is not None


def _tables(entity: Entity) -> Iterator[Table]:
    yield Table(entity.relation, entity.key)
    if entity.parts is not None:
        yield entity.parts


def _is_named(connection: sqlite3.Connection, entity: Entity, key: str) -> bool:
    kind = entity.event_kind.partition("_")[0]  # the audit's name for the entity
    written = connection.execute(
        "SELECT 1 FROM audit WHERE entity IN (?, ?) AND entity_id = ? AND action != ?",
        (kind, entity.relation, key, ACTION),
    ).fetchone()
    return written is not None or key in entity.due(connection)


def _number(connection: sqlite3.Connection, table: Table, key: str) -> int | None:
    names = " || '/' || ".join(table.key)
    found = connection.execute(f"SELECT rowid FROM {table.name} WHERE {names} = ?", (key,)).fetchone()
    return None if found is None else int(found[0])


def _look_through(table: Table) -> Pieces[bool]:
    last: int | None = BEFORE_ALL
    while last is not None:
        is_broken, last = yield partial(_look_on, table=table, after=last)
        if is_broken:
            return True
    return False


def _look_on(connection: sqlite3.Connection, table: Table, after: int) -> tuple[bool, int | None]:
    """Whether one of the next rows after the row number `after` has a key that is not UTF-8; and the last row
    number looked at, None where there is none."""
    query = (
        f"SELECT rowid, {', '.join(table.key)} FROM {table.name} NOT INDEXED"
        " WHERE rowid > ? ORDER BY rowid LIMIT ?"
    )
    with _texts_as(connection, str):
        try:
            looked_at = deque(connection.execute(query, (after, KEYS)), maxlen=1)
        except sqlite3.OperationalError as error:
            if not is_undecodable(error):
                raise
            return True, None
    return False, looked_at[0][0] if looked_at else None


def _broken(connection: sqlite3.Connection, table: Table) -> list[int]:
    with _texts_as(connection, bytes):
        rows = connection.execute(f"SELECT rowid, {', '.join(table.key)} FROM {table.name} NOT INDEXED")
        return [number for number, *key in rows if not all(isinstance(_plain(part), str) for part in key)]


def _moved(tx: Transaction, entity: Entity, table: Table, number: int, *, why: str) -> str | None:
    """Move one row out with its parts. Returns its key, or None if other rows refer to it."""
    connection, parts = tx.connection, entity.parts
    with _texts_as(connection, bytes):
        (row,) = connection.execute(f"SELECT * FROM {table.name} WHERE rowid = ?", (number,))
        copy, copies = _copied(row), []
        key = "/".join(decoded_somehow(row[name]) for name in table.key)
        of_it = f"({{}}) IN (SELECT {', '.join(table.key)} FROM {table.name} WHERE rowid = ?)"
        if parts is not None and parts != table:
            of_it = of_it.format(", ".join(parts.key))
            rows = connection.execute(f"SELECT * FROM {parts.name} WHERE {of_it}", (number,))
            copies = [_copied(part) for part in rows]
            copy[parts.name] = copies
    try:
        with tx.savepoint():
            if copies and parts is not None:
                connection.execute(f"DELETE FROM {parts.name} WHERE {of_it}", (number,))
            connection.execute(f"DELETE FROM {table.name} WHERE rowid = ?", (number,))
            tx.effects.users |= entity.relation == "users"
            tx.effects.replaced = True
            connection.execute(
                "DELETE FROM altered_rows WHERE relation = ? AND row_key = ?", (entity.relation, key)
            )
            tx.audit(
                Actor(user_id=tx.identity.name, request_id=""),
                action=ACTION,
                entity=table.name,
                entity_id=key,
                before=copy,
                after={"bucket": bucket_of(key), "why": why},
                version=tx.lamport,
            )
    except sqlite3.IntegrityError:
        return None
    return key


def _copied(row: sqlite3.Row) -> Row:
    """The columns of a row in JSON, without secrets."""
    return {name: _plain(row[name]) for name in row.keys() if name not in _SECRETS}  # noqa: SIM118  # a sqlite3.Row yields values


def _plain(value: Any) -> Any:
    """A value of SQLite in JSON. Bytes that are not a text become hex."""
    if isinstance(value, float) and not isfinite(value):
        return repr(value)
    if not isinstance(value, bytes):
        return value
    try:
        return value.decode()
    except UnicodeDecodeError:
        return {"hex": value.hex()}


@contextmanager
def _texts_as(connection: sqlite3.Connection, kind: type[str] | type[bytes]) -> Iterator[None]:
    before = connection.text_factory
    connection.text_factory = kind
    try:
        yield
    finally:
        connection.text_factory = before
