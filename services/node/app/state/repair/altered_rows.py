"""The list of altered rows: those that do not fit their seals and that no peer could confirm."""

import sqlite3
from collections.abc import Collection, Mapping
from typing import Any

from app.database import Actor, AlteredRow, Transaction
from app.database.file import reading_somehow
from app.database.seals import Stored
from app.domain.forms import Row
from app.state.registry import replicated
from app.state.registry.entity import Entity
from app.state.repair.checking import NOT_WRITTEN, Trouble, recount, rows_of


def list_altered(tx: Transaction, trouble: Trouble, *, asked: int, why: str) -> list[str]:
    """List the altered rows of a bucket as they stand. Returns their keys. `asked` counts the peers that were
    asked and could not mend them; `why` holds each one's answer."""
    entity = replicated.get(trouble.relation)
    altered = [row for row in rows_of(tx.connection, entity, trouble) if not row.is_sound]
    forget(tx, trouble, [])
    for stored in altered:
        valid = _is_valid(tx, entity, stored)
        tx.connection.execute(
            "INSERT OR REPLACE INTO altered_rows (relation, row_key, bucket, found, valid, asked, why, since)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (stored.relation, stored.key, trouble.bucket, stored.found, valid, asked, why, tx.now),
        )
    return [stored.key for stored in altered]


def forget_sound(tx: Transaction) -> None:
    """Take the rows off the list that were written again since, and so fit their seals."""
    for relation, bucket, key in tx.connection.execute(
        "SELECT relation, bucket, row_key FROM altered_rows"
    ).fetchall():
        entity = replicated.find(relation)
        trouble = Trouble(relation, bucket, (), False, pages=(entity.page_key_of(key),) if entity else ())
        stored = _at(tx.connection, entity, trouble.pages) if entity else []
        if not any(row.key == key and not row.is_sound for row in stored):
            tx.connection.execute(
                "DELETE FROM altered_rows WHERE relation = ? AND row_key = ?", (relation, key)
            )


def accept(tx: Transaction, *, actor: Actor) -> dict[str, int]:
    """Accept every listed row with its present content, on an admin's decision. Returns `{accepted, left}`,
    two counts.

    Units may then be sold by an accepted row of stock, so a wrong number can oversell. Rows that no node
    could have written are left.
    """
    listed: dict[tuple[str, int], dict[str, str]] = {}
    for relation, key, bucket, why in tx.connection.execute(
        "SELECT relation, row_key, bucket, why FROM altered_rows ORDER BY relation, row_key"
    ):
        listed.setdefault((relation, bucket), {})[key] = why
    accepted = 0
    for (relation, bucket), reasons in listed.items():
        entity = replicated.get(relation)
        trouble = Trouble(relation, bucket, (), False)
        stored = [row for row in rows_of(tx.connection, entity, trouble) if row.key in reasons]
        taken = [row for row in stored if _is_taken(tx, entity, row, why=reasons[row.key], actor=actor)]
        if taken:
            forget(tx, trouble, reasons.keys() - {row.key for row in taken})
            recount(tx, entity, trouble)
            accepted += len(taken)
    return {"accepted": accepted, "left": sum(map(len, listed.values())) - accepted}


def forget(tx: Transaction, trouble: Trouble, left: Collection[str]) -> None:
    """Take the rows of the bucket off the list, except those in `left`."""
    listed = tx.connection.execute(
        "SELECT row_key FROM altered_rows WHERE relation = ? AND bucket = ?",
        (trouble.relation, trouble.bucket),
    ).fetchall()
    for (key,) in listed:
        if key not in left:
            tx.connection.execute(
                "DELETE FROM altered_rows WHERE relation = ? AND row_key = ?", (trouble.relation, key)
            )


def _is_taken(tx: Transaction, entity: Entity, stored: Stored, *, why: str, actor: Actor) -> bool:
    """Accept a row with its present content if a node could have written it; otherwise nobody can know its
    content."""
    if stored.row is None:
        return False
    try:
        with tx.savepoint():
            entity.put(tx, entity.checked(tx, stored.row))
    except (AlteredRow, *NOT_WRITTEN, sqlite3.IntegrityError):
        return False
    tx.audit(
        actor,
        action="accepted_altered",
        entity=entity.relation,
        entity_id=stored.key,
        before={"why": why},
        after=_without_secrets(stored.row),
        version=tx.lamport,
    )
    return True


def _is_valid(tx: Transaction, entity: Entity, stored: Stored) -> bool:
    """Whether a node could have written the row."""
    try:
        entity.checked(tx, stored.row)
    except NOT_WRITTEN:
        return False
    return True


def _without_secrets(row: Mapping[str, Any]) -> Row:
    return {name: value for name, value in row.items() if name != "password_hash"}


def _at(connection: sqlite3.Connection, entity: Entity, pages: Collection[str]) -> list[Stored]:
    """The rows under some page keys, as they stand now."""
    with reading_somehow(connection):
        return entity.stored(connection, pages)
