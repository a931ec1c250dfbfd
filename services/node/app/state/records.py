"""Products and customers alike: rows under one stamp each, last writer wins."""

import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from app.database import Actor, Transaction
from app.database.digest import canonical
from app.state import text
from app.state.catalogue import Edit, Stamp, newer
from app.state.errors import AlreadyExists, NotFound
from app.state.fields import Fields

_ID_LENGTH = 36  # characters of a UUID: shorter and longer references can only be keys
_STAMP = ("lamport", "stamp_node", "stamp_epoch")


@dataclass(frozen=True)
class Records:
    """One such table. `key` is the immutable column its ids follow from, `values` are all the others, and
    `check` raises Invalid for values no node could have written."""

    relation: Literal["customers", "products"]
    entity: str
    key: str
    values: tuple[str, ...]
    identify: Callable[[str, str], str]
    check: Callable[[Fields], None]

    @cached_property
    def columns(self) -> tuple[str, ...]:
        return ("id", self.key, *self.values, *_STAMP)

    def snapshot(self, connection: sqlite3.Connection, record_id: str) -> dict[str, Any] | None:
        row = connection.execute(self._by_id, (record_id,)).fetchone()
        return None if row is None else dict(zip(self.columns, row, strict=True))

    @cached_property
    def _by_id(self) -> str:
        return f"SELECT {', '.join(self.columns)} FROM {self.relation} WHERE id = ?"

    def snapshots(self, connection: sqlite3.Connection, ids: Iterable[str]) -> list[dict[str, Any]]:
        """The snapshots of those of these records that are here, by id."""
        rows = connection.execute(
            f"SELECT {', '.join(self.columns)} FROM {self.relation}"
            " WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id",
            (json.dumps(list(ids)),),
        )
        return [dict(row) for row in rows]

    def find(
        self, connection: sqlite3.Connection, reference: str, *, cluster: str | None = None
    ) -> dict[str, Any] | None:
        """The record with this id, or else with this key in any spelling. `cluster` is this node's network,
        where the caller knows it anyway."""
        if text.fault(reference, longest=text.KEY):
            return None
        found = self.snapshot(connection, reference) if len(reference) == _ID_LENGTH else None
        return found or self.snapshot(connection, self.identify(cluster or cluster_id(connection), reference))

    def page(self, connection: sqlite3.Connection, after: str, limit: int) -> list[dict[str, Any]]:
        """Clients' views of up to `limit` records whose id is beyond `after`, by id."""
        rows = connection.execute(
            f"SELECT * FROM {self.relation} WHERE id > ? ORDER BY id LIMIT ?", (after, limit)
        )
        return [self.view(row) for row in rows]

    def view(self, row: Mapping[str, Any] | sqlite3.Row) -> dict[str, Any]:
        return {name: row[name] for name in ("id", self.key, *self.values)}

    def create(self, tx: Transaction, key: str, values: Mapping[str, Any], *, actor: Actor) -> dict[str, Any]:
        """Write a new record made here and announce it. Raises AlreadyExists."""
        record_id = self.identify(tx.identity.cluster_id, key)
        if self.snapshot(tx.connection, record_id) is not None:
            raise AlreadyExists(self.entity, key)
        after = {"id": record_id, self.key: key, **{name: values.get(name) for name in self.values}}
        return self._edit(tx, None, after, action="created", actor=actor)

    def update(
        self, tx: Transaction, reference: str, values: Mapping[str, Any], *, actor: Actor
    ) -> dict[str, Any]:
        """Write the given values over a record's and announce it. Raises NotFound."""
        before = self.find(tx.connection, reference, cluster=tx.identity.cluster_id)
        if before is None:
            raise NotFound(self.entity, reference)
        after = {**before, **values}
        if after == before:
            return self.view(before)
        return self._edit(tx, before, after, action="updated", actor=actor)

    def merge(self, tx: Transaction, snapshot: Mapping[str, Any]) -> bool:
        """Apply a peer's version of a record; True if the row changed. Emits nothing.

        When an edit made at this node loses, or beats another, the loser stays in the audit as
        "superseded". Raises Invalid.
        """
        ours = self._known(tx, snapshot)
        if ours is not None and ours == snapshot:  # as most are: every order brings its customer and products
            tx.witness(ours["lamport"])
            return False
        theirs = self._checked(tx, snapshot)
        tx.witness(theirs["lamport"])
        if ours is not None and not newer(_edit(ours), _edit(theirs)):
            keep_loser(tx, self.entity, loser=theirs, winner=ours)
            return False
        self._save(tx, ours, theirs)
        if ours is not None:
            keep_loser(tx, self.entity, loser=ours, winner=theirs)
        return True

    def _known(self, tx: Transaction, snapshot: object) -> dict[str, Any] | None:
        """The record that is here under a peer's record's id, if it has one."""
        record_id = snapshot.get("id") if isinstance(snapshot, Mapping) else None
        return self.snapshot(tx.connection, record_id) if isinstance(record_id, str) else None

    def _checked(self, tx: Transaction, snapshot: Mapping[str, Any]) -> dict[str, Any]:
        fields = Fields(self.entity, snapshot, self.columns)
        fields.require_id(self.identify, tx.identity.cluster_id, self.key)
        fields.stamp(*_STAMP)
        self.check(fields)
        return {name: snapshot[name] for name in self.columns}

    def _edit(
        self,
        tx: Transaction,
        before: dict[str, Any] | None,
        after: dict[str, Any],
        *,
        action: str,
        actor: Actor,
    ) -> dict[str, Any]:
        stamp = {"lamport": tx.lamport, "stamp_node": tx.identity.name, "stamp_epoch": tx.identity.epoch}
        after = {**after, **stamp}
        self._save(tx, before, after)
        tx.emit(f"{self.entity}_upserted", after["id"])
        tx.audit(
            actor,
            action=action,
            entity=self.entity,
            entity_id=after["id"],
            before=before,
            after=after,
            version=tx.lamport,
        )
        return self.view(after)

    def _save(self, tx: Transaction, before: dict[str, Any] | None, after: dict[str, Any]) -> None:
        names = ", ".join(self.columns)
        marks = ", ".join("?" for _ in self.columns)
        changes = ", ".join(f"{name} = excluded.{name}" for name in self.columns[1:])
        tx.connection.execute(
            f"INSERT INTO {self.relation} ({names}) VALUES ({marks})"
            f" ON CONFLICT (id) DO UPDATE SET {changes}",
            [after[name] for name in self.columns],
        )
        tx.changed(self.relation, after["id"], before=before, after=after)


def cluster_id(connection: sqlite3.Connection) -> str:
    """The network this database belongs to."""
    return str(connection.execute("SELECT cluster_id FROM node").fetchone()[0])


def keep_loser(tx: Transaction, entity: str, *, loser: dict[str, Any], winner: dict[str, Any]) -> None:
    """Keep the losing version of an edit made here, or beaten by one made here, in the audit, once.

    Nothing is kept when this node's audit shows that it knew the loser and edited it on purpose: a peer that
    has not heard of that edit yet keeps sending the old version with its orders.
    """
    if tx.identity.name not in (loser["stamp_node"], winner["stamp_node"]):
        return
    known = tx.connection.execute(
        "SELECT 1 FROM audit WHERE entity = ? AND entity_id = ? AND before = ?",
        (entity, loser["id"], canonical(loser).decode()),
    ).fetchone()
    if known is None:
        tx.audit(
            Actor(user_id=winner["stamp_node"], request_id=""),
            action="superseded",
            entity=entity,
            entity_id=loser["id"],
            before=loser,
            after=winner,
            version=winner["lamport"],
        )


def _edit(row: Mapping[str, Any]) -> Edit:
    return Edit(Stamp(row["lamport"], row["stamp_node"], row["stamp_epoch"]), canonical(row))
