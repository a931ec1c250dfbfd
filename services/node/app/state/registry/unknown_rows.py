"""Rows of relations that only newer versions know: kept whole and passed on until this node is upgraded.

Of one key every content that came is kept, since only the newer version knows how they merge.
"""

import json
import sqlite3
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from app.database import AlteredRow, Transaction
from app.database.digest import canonical
from app.database.seals import UNREADABLE
from app.domain.errors import Invalid
from app.domain.forms import Row
from app.state.registry import replicated

MOST_BYTES = 262_144
"""The longest unknown row: a peer must not fill the disk with one."""


def keep(tx: Transaction, relation: str, row: Any, *, revision: int, origin: str) -> bool:
    """Keep a row; whether it is new here. Raises Invalid for what is no row."""
    if not isinstance(row, Mapping) or not relation.isidentifier():
        raise Invalid(relation, "not_an_object")
    try:
        encoded = canonical(row)
    except ValueError as error:
        raise Invalid(relation, "malformed") from error
    if len(encoded) > MOST_BYTES:
        raise Invalid(relation, "too_long")
    added = tx.connection.execute(
        "INSERT OR IGNORE INTO unknown_rows (relation, sha256, revision, origin, row) VALUES (?, ?, ?, ?, ?)",
        (relation, sha256(encoded).hexdigest(), revision, origin, encoded.decode()),
    )
    return added.rowcount > 0


def relations(connection: sqlite3.Connection) -> list[str]:
    """The relations of which such rows are kept."""
    return [row[0] for row in connection.execute("SELECT DISTINCT relation FROM unknown_rows ORDER BY 1")]


def page(
    connection: sqlite3.Connection, relation: str, *, after: str, limit: int
) -> tuple[list[Row], int, str | None]:
    """Up to `limit` kept rows of a relation beyond the key `after`; the lowest revision among them, and the
    key to go on from, or None."""
    found = connection.execute(
        "SELECT sha256, revision, row FROM unknown_rows WHERE relation = ? AND sha256 > ?"
        " ORDER BY sha256 LIMIT ?",
        (relation, after, limit),
    ).fetchall()
    rows = [json.loads(row[2]) for row in found]
    return rows, min((row[1] for row in found), default=1), found[-1][0] if len(found) == limit else None


def of_entity(connection: sqlite3.Connection, entity: str) -> tuple[dict[str, list[Row]], dict[str, int]]:
    """The kept rows whose `id` is this entity, by relation, and the lowest revision of each relation."""
    rows: dict[str, list[Row]] = {}
    revisions: dict[str, int] = {}
    for relation, revision, row in connection.execute(
        "SELECT relation, revision, row FROM unknown_rows WHERE json_extract(row, '$.id') = ?"
        " ORDER BY relation, sha256",
        (entity,),
    ):
        rows.setdefault(relation, []).append(json.loads(row))
        revisions[relation] = min(revision, revisions.get(relation, revision))
    return rows, revisions


def has_known(connection: sqlite3.Connection) -> bool:
    """Whether rows are kept of a relation that this version does know: it was upgraded since."""
    return not {*relations(connection)}.isdisjoint(replicated.relations())


def merge_known(tx: Transaction) -> int:
    """Merge the kept rows of relations that this version does know; how many. What cannot be merged stays."""
    merged = 0
    for entity in replicated.entities():
        found = tx.connection.execute(
            "SELECT sha256, revision, origin, row FROM unknown_rows WHERE relation = ? ORDER BY sha256",
            (entity.relation,),
        ).fetchall()
        for key, revision, origin, row in found:
            try:
                with tx.attempt():
                    upcast = entity.upcast(json.loads(row), {entity.relation: revision})
                    entity.merge(tx, [upcast], origin)
            except (*UNREADABLE, Invalid, AlteredRow, sqlite3.IntegrityError, sqlite3.ProgrammingError):
                continue
            tx.connection.execute(
                "DELETE FROM unknown_rows WHERE relation = ? AND sha256 = ?", (entity.relation, key)
            )
            merged += 1
    return merged
