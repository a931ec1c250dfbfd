"""Verifies the rows of a damaged file: a node wrote those that fit their seals."""

import json
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from itertools import islice, product
from pathlib import Path
from random import Random
from typing import Any

from app.database import Identity, Transaction
from app.database.deferred import CommandRows
from app.database.node_row import Counters
from app.database.salvage import SalvageReport, Value, salvage_report
from app.database.seals import UNSEALED, Stored
from app.domain.errors import Invalid
from app.domain.forms import Row
from app.state.registry import replicated
from app.state.registry.entity import Entity, Parts
from app.state.salvage.finds import Finds, IsStopped, Key, Version, read_finds

KEYS_AT_ONCE = 200
"""How many page keys' rows one command merges, so that the writer is never held up for long."""

WORK = "salvage-"
"""The first part of the names of folders in which files are worked on."""

_MOST_TRIES = 4096
"""How many combinations of versions of a row and its parts are tried for one that fits its seal."""

_UNREADABLE = (Invalid, KeyError, TypeError, ValueError, AttributeError, OverflowError)


@dataclass(frozen=True)
class Comparison:
    """What became of the orders that a file is known to have held, compared with what the network has now."""

    orders: SalvageReport

    @property
    def lost(self) -> list[str]:
        """The orders that are nowhere now, sorted: those without a verified row, and those whose rows verify
        but refer to rows that no node has."""
        return sorted(str(key[0]) for key in self.orders.lost | self.orders.back)

    @property
    def doubtful(self) -> list[str]:
        return sorted(str(key[0]) for key in self.orders.doubtful)


class VerifiedRows:
    """The verified rows of one file, and what is known of the others. `read` and `verified` count rows by
    relation. `sealed` says that the file's rows have seals. In an older file without seals, a row counts if a
    node could have written it."""

    def __init__(self, finds: Finds, *, identity: Identity) -> None:
        self._finds = finds
        self._connection = finds.connection
        self._tx = _only_to_check(self._connection, identity)
        self._parts: dict[str, dict[Key, list[Version]]] = {}
        self.summary = finds.summary
        self.sealed = self._has_seals()
        self.read = {e.relation: sum(finds.summary.rows[e.relation].values()) for e in replicated.entities()}
        self.verified: dict[str, int] = {}
        for entity in replicated.entities():
            self.verified[entity.relation] = self._settle(entity)
        self.decommissioned = frozenset(finds.decommissioned)
        self.kept = [row for row in finds.kept if _is_as_kept(row)]

    def page(self, entity: Entity, *, after: str) -> tuple[Sequence[Row], str | None]:
        """The verified rows of the next page keys after `after`, and the key to continue from, or None."""
        keys = entity.page_keys(self._connection, after=after, limit=KEYS_AT_ONCE)
        rows = [stored.row for stored in entity.stored(self._connection, keys) if stored.row is not None]
        return rows, keys[-1] if len(keys) == KEYS_AT_ONCE else None

    def outcome(self, present: sqlite3.Connection) -> Comparison:
        """What became of the file's orders, compared with the `present` database."""
        keys = self._finds.keys()
        verified = {(key,) for key in replicated.get("orders").page_keys(self._connection)}
        every: list[Key] = [*keys.named, *keys.perhaps, *verified]
        held = _held(present, every)
        report = salvage_report(
            self.summary, keys=keys, verified=verified, altered=frozenset[Key](), held=held
        )
        return Comparison(report)

    def _has_seals(self) -> bool:
        """Whether any row has a seal. A file without a readable row counts as sealed."""
        relations = [entity.relation for entity in replicated.entities()]
        found = [
            self._connection.execute(f"SELECT MIN(checksum = {UNSEALED}) FROM {relation}").fetchone()[0]
            for relation in relations
        ]
        return 0 in found or found == [None] * len(found)

    def _settle(self, entity: Entity) -> int:
        """Keep only the verified rows of an entity, each in the first version that verifies. Returns how
        many."""
        count, unsound = 0, list[Stored]()
        for stored in entity.every(self._connection):
            if self._is_written(entity, stored):
                count += 1
            else:
                unsound.append(stored)
        for key in self._keys_of(entity, unsound):
            if self._find_version(entity, key):
                count += 1
            else:
                self._remove(entity.relation, entity.key, key)
        return count

    def _keys_of(self, entity: Entity, unsound: Sequence[Stored]) -> list[Key]:
        wanted = {stored.key for stored in unsound}
        joined = " || '/' || ".join(entity.key)
        rows = self._connection.execute(f"SELECT {joined}, {', '.join(entity.key)} FROM {entity.relation}")
        return [tuple(row[1:]) for row in rows if row[0] in wanted] if wanted else []

    def _is_written(self, entity: Entity, stored: Stored) -> bool:
        if self.sealed:
            return stored.is_sound
        try:
            return stored.row is not None and bool(entity.checked(self._tx, stored.row))
        except _UNREADABLE:
            return False

    def _find_version(self, entity: Entity, key: Key) -> bool:
        """Put together the first version of a row that verifies. Returns whether there is one."""
        others = self._finds.others
        first = self._rows(entity.relation, entity.key, key)
        mains = [*first, *others.get(entity.relation, {}).get(key, [])]
        parts = entity.parts
        choices = self._choices(parts, key) if parts is not None else []
        for main, *chosen in islice(product(mains, *choices), _MOST_TRIES):
            assert main is not None, "only parts can be absent"
            self._remove(entity.relation, entity.key, key)
            self._insert(entity.relation, main)
            if parts is not None:
                self._remove(parts.name, parts.key, key)
                for part in chosen:
                    if part is not None:
                        self._insert(parts.name, part)
            if any(
                self._is_written(entity, stored)
                for stored in entity.stored(self._connection, [str(key[0])])
                if stored.key == "/".join(map(str, key))
            ):
                return True
        return False

    def _choices(self, parts: Parts, key: Key) -> list[list[Version | None]]:
        """For each part of a row: its versions, the newest known first, and last that the part was
        missing."""
        by: dict[Key, list[Version | None]] = {}
        for version in [*self._rows(parts.name, parts.key, key), *self._other_parts(parts).get(key, [])]:
            by.setdefault(tuple(version.get(name) for name in parts.apart), []).append(version)
        return [[*versions, None] for versions in by.values()]

    def _other_parts(self, parts: Parts) -> dict[Key, list[Version]]:
        """The versions of parts that were found later, by the row they belong to."""
        if parts.name not in self._parts:
            by: dict[Key, list[Version]] = {}
            for key, versions in self._finds.others.get(parts.name, {}).items():
                by.setdefault(key[: len(parts.key)], []).extend(versions)
            self._parts[parts.name] = by
        return self._parts[parts.name]

    def _rows(self, table: str, names: Sequence[str], key: Key) -> list[Version]:
        where = " AND ".join(f"{name} = ?" for name in names)
        return [dict(row) for row in self._connection.execute(f"SELECT * FROM {table} WHERE {where}", key)]

    def _remove(self, table: str, names: Sequence[str], key: Key) -> None:
        self._connection.execute(
            f"DELETE FROM {table} WHERE {' AND '.join(f'{name} = ?' for name in names)}", key
        )

    def _insert(self, table: str, row: Mapping[str, Value]) -> None:
        names = [name for name, value in row.items() if value is not None]
        self._connection.execute(
            f"INSERT OR IGNORE INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' for _ in names)})",
            [row[name] for name in names],
        )


@contextmanager
def verified_rows(
    path: Path, *, identity: Identity, prefix: str = WORK, is_stopped: IsStopped = lambda: False
) -> Iterator[VerifiedRows]:
    """Read and verify what a damaged file of this node holds. The file is not changed; copies are in a folder
    beside it, which is removed afterwards. Raises OSError or sqlite3.Error, and Stopped."""
    with (
        tempfile.TemporaryDirectory(dir=path.parent, prefix=prefix) as folder,
        read_finds(path, workspace=Path(folder), is_stopped=is_stopped) as finds,
    ):
        yield VerifiedRows(finds, identity=identity)


def remove_left_over(folder: Path) -> None:
    """Remove the working folders that a killed process left in the node's folder."""
    for left in folder.glob(f"{WORK}*"):
        shutil.rmtree(left, ignore_errors=True)


def _held(present: sqlite3.Connection, keys: Sequence[Key]) -> set[Key]:
    held: set[Key] = set()
    names = [str(key[0]) for key in keys]
    for start in range(0, len(names), 500):
        listed = json.dumps(names[start : start + 500])
        query = "SELECT id FROM orders WHERE id IN (SELECT value FROM json_each(?))"
        held.update((row[0],) for row in present.execute(query, (listed,)))
    return held


def _is_as_kept(row: Mapping[str, Any]) -> bool:
    """Whether a row of a relation that only newer versions know is as it was kept: its key is its digest."""
    text, key = row.get("row"), row.get("sha256")
    return isinstance(text, str) and sha256(text.encode("utf-8", "replace")).hexdigest() == key


def _only_to_check(connection: sqlite3.Connection, identity: Identity) -> Transaction:
    """A transaction that has the network's id, for checking rows. It writes nothing."""
    counters = Counters(lamport=0, seq=0, order_counter=0, founded=0)
    rows = CommandRows(connection)
    return Transaction(rows, identity=identity, counters=counters, now=0.0, random=Random(0))
