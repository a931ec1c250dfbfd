"""Rows of relations that only newer versions know. They are kept whole and passed on until this node is
upgraded.

If several contents of one key arrive, all are kept, since only the newer version knows how they merge.
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
    """Keep a row. Returns whether it is new here. Raises Invalid for a value that is not a row."""
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
    """The relations whose rows are kept in this way."""
    return [row[0] for row in connection.execute("SELECT DISTINCT relation FROM unknown_rows ORDER BY 1")]


def page(
    connection: sqlite3.Connection, relation: str, *, after: str, limit: int
) -> tuple[list[Row], int, str | None]:
    """Up to `limit` kept rows of a relation after the key `after`; their lowest revision; and the key to
    continue from, or None."""
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
    """Whether rows are kept of a relation that this version does know, because the node was upgraded
    since."""
    return not {*relations(connection)}.isdisjoint(replicated.relations())


def merge_known(tx: Transaction) -> int:
    """Merge the kept rows of relations that this version knows. Returns how many. A row that cannot be merged
    stays."""
    merged = 0
    for entity in replicated.entities():
        found = tx.connection.execute(
            "SELECT sha256, revision, origin, row FROM unknown_rows WHERE relation = ? ORDER BY sha256",
            (entity.relation,),
        ).fetchall()
        for key, revision, origin, row in found:
            try:
                with tx.savepoint():
                    upcast = entity.upcast(json.loads(row), {entity.relation: revision})
                    entity.merge(tx, [upcast], origin)
            except (*UNREADABLE, Invalid, AlteredRow, sqlite3.IntegrityError, sqlite3.ProgrammingError):
                continue
            tx.connection.execute(
                "DELETE FROM unknown_rows WHERE relation = ? AND sha256 = ?", (entity.relation, key)
            )
            merged += 1
    return merged
