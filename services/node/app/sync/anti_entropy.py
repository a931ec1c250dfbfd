"""Finding what differs though it should not: digests by table, then by bucket, then the rows themselves."""

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from app.database import digest
from app.database.digest import Relation
from app.state import customers, ledger, orders, products, users

Totals = dict[str, str]
"""Bucket totals in hex, keyed "relation/bucket"; an empty bucket has no entry."""


def recorded_totals(connection: sqlite3.Connection) -> Totals:
    """The bucket totals as they were kept up to date with every write."""
    rows = connection.execute("SELECT relation, bucket, total FROM digest_buckets")
    return {f"{row['relation']}/{row['bucket']}": row["total"].hex() for row in rows if any(row["total"])}


def actual_totals(connection: sqlite3.Connection) -> Totals:
    """The bucket totals of the rows as they stand: a whole scan. Where they differ from the recorded ones,
    rows were changed by something else than this node's commands."""
    deltas: digest.Deltas = {}
    for relation, key, row in _rows(connection):
        digest.add_change(deltas, relation, key, before=None, after=row)
    return {
        f"{relation}/{bucket}": digest.as_bytes(total).hex()
        for (relation, bucket), total in deltas.items()
        if any(digest.as_bytes(total))
    }


def differing(ours: Mapping[str, str], theirs: Mapping[str, str]) -> dict[Relation, list[int]]:
    """Which buckets of which relations two nodes disagree on."""
    found: dict[Relation, list[int]] = {}
    for name in sorted({*ours, *theirs}):
        if ours.get(name) != theirs.get(name):
            relation, _, bucket = name.partition("/")
            known: Relation | None = next((r for r in digest.RELATIONS if r == relation), None)
            if known is not None and bucket.isdecimal():
                found.setdefault(known, []).append(int(bucket))
    return found


def _rows(connection: sqlite3.Connection) -> Iterator[tuple[Relation, str, Mapping[str, Any]]]:
    readers: dict[Relation, Callable[[sqlite3.Connection, str], Mapping[str, Any] | None]] = {
        "users": users.snapshot,
        "customers": customers.snapshot,
        "products": products.snapshot,
        "orders": orders.snapshot,
    }
    for relation, read in readers.items():
        for row in connection.execute(f"SELECT id FROM {relation}"):
            found = read(connection, row[0])
            if found is not None:
                yield relation, row[0], found
    for row in connection.execute("SELECT DISTINCT product_id FROM stock"):
        for cell in ledger.cells_of(connection, row[0]):
            yield "stock", "/".join((cell.product_id, *cell.life)), cell.as_json()
