"""The parked events of files: which may still apply, and which never will."""

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from app.sync.wire.messages import SCHEMA_VERSION
from tests.simulation.machines.tampering import NEWER
from tests.simulation.watching.rollbacks import CellKey

Files = Mapping[str, sqlite3.Connection]
Key = tuple[str, str, int, str]
"""Origin, epoch, seq and id of an event."""


def orders(file: sqlite3.Connection) -> dict[str, int]:
    """The versions of orders that parked events hold whole, by id: a node that can read them has them."""
    found: dict[str, int] = {}
    for body in _bodies(file):
        order = body.get("order")
        if isinstance(order, dict):
            found[order["id"]] = max(order["version"], found.get(order["id"], 0))
    return found


def cells(file: sqlite3.Connection, columns: Sequence[str]) -> dict[CellKey, tuple[int, ...]]:
    """The stock rows that parked events hold whole: the maximum of each column."""
    found: dict[CellKey, tuple[int, ...]] = {}
    for body in _bodies(file):
        for cell in filter(None, body.get("cells", ())):
            key = (cell["product_id"], cell["branch"], cell["epoch"])
            counts = tuple(cell[column] for column in columns)
            found[key] = tuple(map(max, counts, found.get(key, counts)))
    return found


def told(file: sqlite3.Connection, peer: tuple[str, str], epoch: str) -> set[int]:
    """Which seqs of its epoch a file's owner knows to be parked at a life of a peer."""
    ranges = file.execute(
        "SELECT first_seq, last_seq FROM parked_elsewhere WHERE peer = ? AND peer_epoch = ? AND epoch = ?",
        (*peer, epoch),
    )
    return {seq for first, last in ranges for seq in range(first, last + 1)}


def lost(files: Files) -> set[Key]:
    """Events that stay parked for ever. No version can apply them, the life that wrote them is over, and
    every node parks them, so that no node has them in its rows."""
    everywhere = [set(_nonsense(file)) for file in files.values()]
    over = [set(file.execute("SELECT branch, epoch FROM epochs WHERE dead = 1")) for file in files.values()]
    return {key for key in set.intersection(*everywhere) if all(key[:2] in dead for dead in over)}


def is_all_lost(files: Files, liar: str | None = None) -> bool:
    """Whether every parked event in any file stays so for ever, without those of a branch that lies."""
    forever = {key for key in lost(files) if key[0] != liar}
    query = "SELECT origin, epoch, seq, event_id FROM parked WHERE origin IS NOT ?"
    return all(set(file.execute(query, (liar,))) == forever for file in files.values())


def is_only_of(file: sqlite3.Connection, branch: str | None) -> bool:
    """Whether every parked event of a file is of this branch."""
    return file.execute("SELECT 1 FROM parked WHERE origin IS NOT ?", (branch,)).fetchone() is None


def _nonsense(file: sqlite3.Connection) -> Iterator[Key]:
    """The parked events whose kind and schema this version knows."""
    yield from file.execute(
        "SELECT origin, epoch, seq, event_id FROM parked WHERE kind NOT LIKE ?"
        " AND json_extract(body, '$.schema_version') <= ?",
        (f"%{NEWER}", SCHEMA_VERSION),
    )


def _bodies(file: sqlite3.Connection) -> Iterator[dict[str, Any]]:
    for (text,) in file.execute("SELECT body FROM parked"):
        body = json.loads(text)["body"]
        if isinstance(body, dict):
            yield body
