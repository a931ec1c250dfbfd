"""This version's canonical forms, and how a file with rows of other revisions is brought to them."""

import sqlite3
from collections.abc import Collection, Mapping
from typing import Any

from app.database import digest
from app.database.forms import Progress
from app.database.seals import UNREADABLE, UNSEALED, Stored
from app.state.registry import replicated
from app.state.registry.entity import Entity

_ROWS_AT_ONCE = 500


class CanonicalForms:
    """The canonical forms, as opening a file needs them (app.database.forms)."""

    @property
    def revisions(self) -> Mapping[str, int]:
        return replicated.revisions()

    def recompute(
        self, connection: sqlite3.Connection, relations: Collection[str], progress: Progress
    ) -> None:
        """Seal the rows of these relations that a migration left unsealed. Compute their bucket totals where
        the file's are of another revision.

        An altered row keeps its seal, and a row with a text that is not UTF-8 gets none. So the next scrub
        finds both.
        """
        before = connection.text_factory
        connection.text_factory = _decoded
        try:
            for entity in replicated.entities():
                if entity.relation in relations:
                    _recompute(connection, entity, progress)
        finally:
            connection.text_factory = before


FORMS = CanonicalForms()


def _recompute(connection: sqlite3.Connection, entity: Entity, progress: Progress) -> None:
    known = connection.execute(
        "SELECT revision FROM canonical_forms WHERE relation = ?", (entity.relation,)
    ).fetchone()
    recount = (known[0] if known else 1) != replicated.revisions()[entity.relation]
    where = " AND ".join(f"{name} = ?" for name in entity.key)
    seal = f"UPDATE {entity.relation} SET checksum = ? WHERE {where}"
    totals: dict[int, int] = {}
    unsealed: list[tuple[Any, ...]] = []
    for number, stored in enumerate(entity.every(connection), start=1):
        is_unsealed = stored.written == UNSEALED
        encoded = _encoded(entity, stored) if recount or is_unsealed else None
        if encoded is not None and stored.row is not None and is_unsealed:
            unsealed.append((stored.found, *(stored.row[name] for name in entity.key)))
        if recount and _is_text(stored.key):
            bucket = digest.bucket_of(stored.key)
            totals[bucket] = totals.get(bucket, 0) + _counted(entity, stored.key, encoded)
        if number % _ROWS_AT_ONCE == 0:
            connection.executemany(seal, unsealed)
            unsealed.clear()
            progress(entity.relation, number)
    connection.executemany(seal, unsealed)
    if recount:
        connection.execute("DELETE FROM digest_buckets WHERE relation = ?", (entity.relation,))
        for bucket, total in totals.items():
            digest.write_total(connection, entity.relation, bucket, total)


def _counted(entity: Entity, key: str, encoded: bytes | None) -> int:
    return entity.placeholder(key) if encoded is None else digest.fingerprint_of(entity.relation, encoded)


def _is_text(key: str) -> bool:
    """Whether a key is UTF-8. No command writes a row under another key, so no total counts such a row."""
    return not any("\ud800" <= character <= "\udfff" for character in key)


def _encoded(entity: Entity, stored: Stored) -> bytes | None:
    """A row's canonical bytes, or None for one that has none."""
    try:
        return None if stored.row is None else entity.encode(stored.row)
    except UNREADABLE:
        return None


def _decoded(raw: bytes) -> str:
    """A text whose bytes need not be UTF-8. One that is not has no canonical bytes."""
    return raw.decode("utf-8", "surrogateescape")
