"""Finds where two nodes' rows differ: digests by relation, then by bucket, then the rows themselves."""

import sqlite3
from collections.abc import Mapping

from app.state.registry import replicated

Totals = dict[str, str]
"""Bucket totals in hex, keyed "relation/bucket". An empty bucket has no entry."""


def recorded_totals(connection: sqlite3.Connection) -> Totals:
    """The bucket totals, as every write keeps them up to date."""
    rows = connection.execute("SELECT relation, bucket, total FROM digest_buckets")
    return {f"{row['relation']}/{row['bucket']}": row["total"].hex() for row in rows if any(row["total"])}


def alike(ours: Mapping[str, int], theirs: Mapping[str, int]) -> set[str]:
    """The relations that two nodes write under the same revision; only their digests can be compared.

    An older node reports no revisions at all: then every relation counts as revision 1. A node that reports
    some has no other relations.
    """
    said = theirs or dict.fromkeys(ours, 1)
    return {relation for relation, revision in ours.items() if revision == said.get(relation)}


def differing(
    ours: Mapping[str, str], theirs: Mapping[str, str], *, among: set[str] | None = None
) -> dict[str, list[int]]:
    """The buckets on which two nodes disagree, by relation. Relations not in `among` are left out; None
    stands for all that this version has."""
    known = set(replicated.relations()) if among is None else among
    found: dict[str, list[int]] = {}
    for name in sorted({*ours, *theirs}):
        if ours.get(name) != theirs.get(name):
            relation, _, bucket = name.partition("/")
            if relation in known and bucket.isdecimal():
                found.setdefault(relation, []).append(int(bucket))
    return found
