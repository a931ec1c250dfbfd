"""A digest of the replicated tables. It is kept up to date with every write, never scanned.

Each bucket of a table holds the sum modulo 2^256 of the SHA-256 of its canonical rows (AdHash; Bellare and
Micciancio 1997). So a changed row costs one subtraction and one addition, and the order of changes does not
matter. It tells honest replicas apart; it does not protect against a forger.
"""

import json
import sqlite3
from collections.abc import Collection, Iterable, Mapping
from functools import cache, lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from app.database.many_rows import write_rows

if TYPE_CHECKING:
    from hashlib import _Hash as Hash

Row = Mapping[str, Any]
Bucket = tuple[str, int]
Totals = dict[Bucket, int]
Deltas = dict[Bucket, int]

MODULUS = 1 << 256
"""Totals are counted modulo this number."""

_WRITE_TOTAL = """
    INSERT INTO digest_buckets (relation, bucket, total) VALUES (?, ?, ?)
    ON CONFLICT (relation, bucket) DO UPDATE SET total = excluded.total
"""
# Of the buckets in a JSON list of [relation, bucket]: one look-up for each, whatever else the table has.
_TOTALS = """
    SELECT d.relation, d.bucket, d.total FROM json_each(?) AS wanted CROSS JOIN digest_buckets d
    WHERE d.relation = json_extract(wanted.value, '$[0]') AND d.bucket = json_extract(wanted.value, '$[1]')
"""

_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode


def canonical(row: Row) -> bytes:
    """The row as bytes: the same for equal rows on every node and every Python."""
    return _encode(row).encode()


def add_change(
    deltas: Deltas, relation: str, key: str, *, before: Row | bytes | int | None, after: Row | bytes | None
) -> int:
    """Add to `deltas` the change of the row's bucket when `before` is replaced by `after` (None = no row).
    Both may be a row's canonical bytes, and `before` its fingerprint. Returns the fingerprint of the row now,
    0 for none."""
    bucket = (relation, bucket_of(key))
    now = fingerprint_of(relation, after) if type(after) is bytes else _fingerprint(relation, after)
    was = before if type(before) is int else _fingerprint(relation, before)
    deltas[bucket] = deltas.get(bucket, 0) + now - was
    return now


def _fingerprint(relation: str, row: Row | bytes | int | None) -> int:
    if not row:
        return 0
    if isinstance(row, int):
        return row
    return fingerprint_of(relation, row if isinstance(row, bytes) else canonical(row))


def add_rows(deltas: Deltas, relation: str, rows: Iterable[tuple[str, bytes]]) -> None:
    """Add rows that were not there before, of which the key and the canonical bytes are known already."""
    for key, encoded in rows:
        # Past its cache, which would forget the rows that change again and again for these.
        bucket = (relation, bucket_of.__wrapped__(key))
        deltas[bucket] = deltas.get(bucket, 0) + fingerprint_of(relation, encoded)


@lru_cache(maxsize=10_000)  # the same products are sold again and again
def bucket_of(key: str) -> int:
    """Which of its relation's 256 buckets a row with this key counts in."""
    return sha256(key.encode()).digest()[0]


def total_of(relation: str, encoded: Iterable[bytes]) -> int:
    """The total of a bucket that holds these rows and no other."""
    return sum(fingerprint_of(relation, row) for row in encoded) % MODULUS


def as_bytes(total: int) -> bytes:
    """A bucket's total as it is stored: 32 bytes, modulo 2^256."""
    return (total % MODULUS).to_bytes(32, "big")


def fingerprint_of(relation: str, encoded: bytes) -> int:
    """What one row adds to its bucket's total: the SHA-256 of its canonical bytes."""
    hashed = _begun(relation).copy()  # quicker than a new one with all that it hashes
    hashed.update(encoded)
    return int.from_bytes(hashed.digest(), "big")


@cache
def _begun(relation: str) -> "Hash":
    """The hash of what stands before each row of a relation."""
    return sha256(b"%b\0" % relation.encode())


def flush(connection: sqlite3.Connection, deltas: Deltas, known: Mapping[Bucket, int]) -> Totals:
    """Write the collected changes into the bucket totals, inside the caller's transaction. Totals that are
    `known` are not read. Returns those that were written."""
    changed = {bucket: change for bucket, change in deltas.items() if change}
    unknown = [bucket for bucket in changed if bucket not in known]
    before = {**known, **read_totals(connection, unknown)} if unknown else known
    written = {bucket: (before.get(bucket, 0) + change) % MODULUS for bucket, change in changed.items()}
    rows = [(*bucket, total.to_bytes(32, "big")) for bucket, total in written.items()]
    write_rows(connection, _WRITE_TOTAL, rows)
    return written


def read_totals(connection: sqlite3.Connection, buckets: Collection[Bucket]) -> Totals:
    """Those of these totals that are there."""
    found = connection.execute(_TOTALS, (json.dumps(list(buckets)),))
    return {(row[0], row[1]): int.from_bytes(row[2], "big") for row in found}


def read_every_total(connection: sqlite3.Connection) -> Totals:
    """All totals that are there."""
    found = connection.execute("SELECT relation, bucket, total FROM digest_buckets")
    return {(relation, bucket): int.from_bytes(total, "big") for relation, bucket, total in found}


def write_total(connection: sqlite3.Connection, relation: str, bucket: int, total: int) -> None:
    """Set a bucket's total, inside the caller's transaction."""
    connection.execute(_WRITE_TOTAL, (relation, bucket, as_bytes(total)))


def read_total(connection: sqlite3.Connection, relation: str, bucket: int) -> int:
    """One bucket's total as it was kept up to date with every write."""
    found = connection.execute(
        "SELECT total FROM digest_buckets WHERE relation = ? AND bucket = ?", (relation, bucket)
    ).fetchone()
    return int.from_bytes(found[0], "big") if found else 0


def read_digests(connection: sqlite3.Connection) -> tuple[str, dict[str, str]]:
    """SHA-256 (hex) over all bucket totals, equal on two nodes when their replicated rows are equal; and the
    same for each relation that has rows."""
    whole = sha256()
    parts: dict[str, Any] = {}
    rows = connection.execute("SELECT relation, bucket, total FROM digest_buckets ORDER BY relation, bucket")
    for relation, bucket, total in rows:
        if any(total):  # a bucket that was emptied again counts as one never filled
            said = f"{relation}\0{bucket}\0".encode() + total
            whole.update(said)
            parts.setdefault(relation, sha256()).update(said)
    return whole.hexdigest(), {relation: part.hexdigest() for relation, part in parts.items()}
