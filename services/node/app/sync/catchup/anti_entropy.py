"""Finding what differs though it should not: digests by table, then by bucket, then the rows themselves."""

import sqlite3
from collections.abc import Mapping

from app.state.registry import replicated

Totals = dict[str, str]
"""Bucket totals in hex, keyed "relation/bucket"; an empty bucket has no entry."""


def recorded_totals(connection: sqlite3.Connection) -> Totals:
    """The bucket totals as they were kept up to date with every write."""
    rows = connection.execute("SELECT relation, bucket, total FROM digest_buckets")
    return {f"{row['relation']}/{row['bucket']}": row["total"].hex() for row in rows if any(row["total"])}


def alike(ours: Mapping[str, int], theirs: Mapping[str, int]) -> set[str]:
    """The relations whose rows two nodes write under one revision, so that their digests can be compared. Who
    names no relation (an older node) writes the first revision of all; who names some knows no other."""
    said = theirs or dict.fromkeys(ours, 1)
    return {relation for relation, revision in ours.items() if revision == said.get(relation)}


def differing(
    ours: Mapping[str, str], theirs: Mapping[str, str], *, among: set[str] | None = None
) -> dict[str, list[int]]:
    """Which buckets of which relations two nodes disagree on, of those relations that can be compared."""
    known = set(replicated.relations()) if among is None else among
    found: dict[str, list[int]] = {}
    for name in sorted({*ours, *theirs}):
        if ours.get(name) != theirs.get(name):
            relation, _, bucket = name.partition("/")
            if relation in known and bucket.isdecimal():
                found.setdefault(relation, []).append(int(bucket))
    return found
