"""Tables of products and customers: one stamp for each row, and the last writer wins."""

import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.database import Actor, Transaction
from app.database.digest import canonical
from app.database.seals import UNREADABLE, Stored, Use, require_written, seal
from app.domain import forms, text
from app.domain.errors import AlreadyExists, NotFound
from app.domain.forms import Form
from app.domain.lww import Edit, Stamp, newer
from app.domain.row_checks import Fields
from app.state.tables import row_sql

_ID_LENGTH = 36  # characters of a UUID: shorter and longer references can only be keys
_STAMP = ("lamport", "stamp_node", "stamp_epoch")


@dataclass(frozen=True)
class LwwTable:
    """One such table. `key` is the immutable column that ids follow from. `check` raises Invalid for values
    that no node could have written."""

    relation: str
    entity: str
    key: str
    identify: Callable[[str, str], str]
    check: Callable[[Fields], None]

    @property
    def form(self) -> Form:
        return forms.of(self.relation)

    @property
    def shown(self) -> tuple[str, ...]:
        """The fields that clients see: all but the stamp and the fields that this version does not know."""
        form = self.form
        stored = (*form.columns, *(field.name for field in form.added))
        return tuple(name for name in stored if name not in _STAMP)

    def snapshot(
        self, connection: sqlite3.Connection, record_id: str, use: Use = "show"
    ) -> dict[str, Any] | None:
        """The row in canonical form, or None. Raises AlteredRow."""
        form = self.form
        row = connection.execute(f"{row_sql.select(form)} WHERE id = ?", (record_id,)).fetchone()
        return None if row is None else require_written(connection, _stored(form, row), use)

    def snapshots(self, connection: sqlite3.Connection, ids: Iterable[str]) -> list[dict[str, Any]]:
        """The snapshots of those of these records that are here, by id."""
        return [require_written(connection, stored) for stored in self.stored(connection, ids)]

    def stored(self, connection: sqlite3.Connection, ids: Iterable[str]) -> list[Stored]:
        """Those of these records that are here, by id, sound or altered."""
        form = self.form
        rows = connection.execute(f"{row_sql.select(form)} {row_sql.BY_IDS}", (row_sql.listed(ids),))
        return [_stored(form, row) for row in rows]

    def put(self, tx: Transaction, row: Mapping[str, Any]) -> None:
        """Write a record over the stored one, without counting it in the digest."""
        form = self.form
        values = form.stored(row)
        tx.connection.execute(row_sql.upsert(form), (*values, sealed(form, row)))

    def checked(self, tx: Transaction, row: Mapping[str, Any]) -> dict[str, Any]:
        """A peer's record in canonical form. Raises Invalid for one that no node could have written."""
        fields = Fields(self.entity, row, self.form.columns)
        fields.require_id(self.identify, tx.identity.cluster_id, self.key)
        fields.stamp(*_STAMP)
        self.check(fields)
        return {**{name: row[name] for name in self.form.columns}, **self.form.checked_beyond(row)}

    def find(
        self,
        connection: sqlite3.Connection,
        reference: str,
        *,
        cluster: str | None = None,
        use: Use = "show",
    ) -> dict[str, Any] | None:
        """The record with this id, or else with this key in any spelling; or None. `cluster` is this node's
        network, to save a query."""
        if text.fault(reference, longest=text.KEY):
            return None
        found = self.snapshot(connection, reference, use) if len(reference) == _ID_LENGTH else None
        named = self.identify(cluster or cluster_id(connection), reference)
        return found or self.snapshot(connection, named, use)

    def page(self, connection: sqlite3.Connection, after: str, limit: int) -> list[dict[str, Any]]:
        """Clients' views of up to `limit` records after the id `after`, by id."""
        form = self.form
        rows = connection.execute(
            f"{row_sql.select(form)} WHERE id > ? ORDER BY id LIMIT ?", (after, limit)
        ).fetchall()
        return [self.view(require_written(connection, _stored(form, row))) for row in rows]

    def view(self, row: Mapping[str, Any]) -> dict[str, Any]:
        defaults = {field.name: field.default for field in self.form.added}
        return {name: row.get(name, defaults.get(name)) for name in self.shown}

    def create(self, tx: Transaction, key: str, values: Mapping[str, Any], *, actor: Actor) -> dict[str, Any]:
        """Write a new record made here and announce it. Raises AlreadyExists."""
        record_id = self.identify(tx.identity.cluster_id, key)
        if self.snapshot(tx.connection, record_id) is not None:
            raise AlreadyExists(self.entity, key)
        first = {name: None for name in self.form.columns if name not in _STAMP}
        after = {**first, **self._without_defaults(values), "id": record_id, self.key: key}
        return self._edit(tx, None, after, action="created", actor=actor)

    def update(
        self, tx: Transaction, reference: str, values: Mapping[str, Any], *, actor: Actor
    ) -> dict[str, Any]:
        """Write the given values over a record's and announce it. Raises NotFound."""
        before = self.find(tx.connection, reference, cluster=tx.identity.cluster_id)
        if before is None:
            raise NotFound(self.entity, reference)
        after = self._without_defaults({**before, **values})
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
        theirs = self.checked(tx, snapshot)
        tx.witness(theirs["lamport"])
        if ours is not None and not newer(_edit(ours), _edit(theirs)):
            keep_loser(tx, self.entity, loser=theirs, winner=ours)
            return False
        self._save(tx, ours, theirs)
        if ours is not None:
            keep_loser(tx, self.entity, loser=ours, winner=theirs)
        return True

    def _known(self, tx: Transaction, snapshot: Mapping[str, Any]) -> dict[str, Any] | None:
        """The record here with the id of a peer's record, or None. An altered one is restored first, if the
        peer's is exactly the row that was written."""
        record_id = snapshot.get("id") if isinstance(snapshot, Mapping) else None
        found = self.stored(tx.connection, [record_id]) if isinstance(record_id, str) else []
        if not found:
            return None
        if not found[0].is_sound:
            theirs = self.checked(tx, snapshot)
            if sealed(self.form, theirs) == found[0].written:
                self.put(tx, theirs)
                return theirs
        return require_written(tx.connection, found[0])

    def _without_defaults(self, values: Mapping[str, Any]) -> dict[str, Any]:
        defaults = {field.name: field.default for field in self.form.added}
        return {n: v for n, v in values.items() if n not in defaults or v != defaults[n]}

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
        self.put(tx, after)
        tx.changed(self.relation, after["id"], before=before, after=after)


def sealed(form: Form, row: Mapping[str, Any]) -> int:
    """The seal of a record."""
    return seal([*(row[name] for name in form.columns), *forms.sealed_beyond(form.beyond(row))])


def _stored(form: Form, values: Sequence[Any]) -> Stored:
    """A record as it was selected, its seal last."""
    key = values[0] if isinstance(values[0], str) else repr(values[0])
    try:
        row = form.row(values[:-1])
        return Stored(form.relation, key, row, values[-1], sealed(form, row))
    except UNREADABLE:
        return Stored(form.relation, key, None, values[-1], 0)


def cluster_id(connection: sqlite3.Connection) -> str:
    """The network this database belongs to."""
    return str(connection.execute("SELECT cluster_id FROM node").fetchone()[0])


def keep_loser(tx: Transaction, entity: str, *, loser: dict[str, Any], winner: dict[str, Any]) -> None:
    """Keep the losing version of an edit in the audit, once, if either of the two was made here.

    Nothing is kept if this node's audit shows that it had the loser and edited it on purpose. A peer without
    that edit keeps sending the old version with its orders.
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
