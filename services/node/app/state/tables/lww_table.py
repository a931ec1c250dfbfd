"""Tables of products and customers: one stamp for each row, and the last writer wins."""

import sqlite3
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, TypeVar

from app.database import Actor, Transaction
from app.database.digest import canonical
from app.database.mirror import Mirrored
from app.database.seals import UNREADABLE, Stored, Use, require_written, seal
from app.domain import forms, identity, text
from app.domain.errors import AlreadyExists, Invalid, NotFound
from app.domain.forms import Form, Row
from app.domain.lww import Edit, Stamp, newer
from app.domain.row_checks import Fields
from app.state.tables import row_sql

_ID_LENGTH = 36  # characters of a UUID: shorter and longer references can only be keys
_STAMP = ("lamport", "stamp_node", "stamp_epoch")
R = TypeVar("R")


@dataclass(frozen=True)
class LwwTable(Generic[R]):
    """One such table. `key` is the immutable column that ids follow from. `check` raises Invalid for values
    that no node could have written; `value` makes a record of a canonical row."""

    relation: str
    entity: str
    key: str
    identify: Callable[[str, str], str]
    check: Callable[[Fields], None]
    value: Callable[[Row], R]

    @property
    def form(self) -> Form:
        return forms.of(self.relation)

    def snapshot(self, connection: sqlite3.Connection, record_id: str, use: Use = "show") -> Row | None:
        """The row in canonical form, or None. Raises AlteredRow."""
        form = self.form
        row = connection.execute(f"{row_sql.select(form)} WHERE id = ?", (record_id,)).fetchone()
        return None if row is None else require_written(connection, _stored(form, row), use)

    def snapshots(self, connection: sqlite3.Connection, ids: Iterable[str]) -> list[Row]:
        """The snapshots of those of these records that are here, by id."""
        return [require_written(connection, stored) for stored in self.stored(connection, ids)]

    def stored(self, connection: sqlite3.Connection, ids: Iterable[str]) -> list[Stored]:
        """Those of these records that are here, by id, sound or altered."""
        form = self.form
        cursor = connection.cursor()
        cursor.row_factory = None  # plain tuples: every order brings some
        rows = cursor.execute(f"{row_sql.select(form)} {row_sql.BY_IDS}", (row_sql.listed(ids),))
        return [_stored(form, row) for row in rows.fetchall()]

    def put(self, tx: Transaction, row: Mapping[str, Any]) -> None:
        """Write a record over the stored one, without counting it in the digest."""
        form = self.form
        values = form.stored(row)
        tx.connection.execute(row_sql.upsert(form), (*values, sealed(form, row)))

    def checked(self, tx: Transaction, row: Mapping[str, Any]) -> Row:
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
    ) -> R | None:
        """The record with this key in any spelling, or else with this id; or None. `cluster` is this node's
        network, to save a query.

        No new key looks like an id. But an older version may have made one, and then it names its own record
        and not the one whose id it repeats.
        """
        row = self._found(connection, reference, cluster, use)
        return None if row is None else self.value(row)

    def find_to_copy(self, tx: Transaction, reference: str) -> R | None:
        """`find` for a command that copies from the record: by the writer's mirror."""
        return tx.find(self._by_reference, reference)

    @cached_property
    def _by_reference(self) -> Mirrored[R]:
        return Mirrored(
            self.relation,
            lambda connection, key: self.find(connection, key, use="copy"),
            self._find_many,
        )

    def _find_many(self, connection: sqlite3.Connection, references: Collection[str]) -> dict[str, R]:
        cluster = cluster_id(connection)
        ids = {reference: self.identify(cluster, reference) for reference in references}
        rows = {row.key: row for row in self.stored(connection, [*ids.values(), *references])}
        found = {reference: rows.get(ids[reference]) or rows.get(reference) for reference in references}
        return {
            reference: self.value(require_written(connection, row, "copy"))
            for reference, row in found.items()
            if row is not None
        }

    def find_all(self, connection: sqlite3.Connection, ids: Iterable[str]) -> list[R]:
        """Those of these records that are here, by id. Raises AlteredRow."""
        return [self.value(row) for row in self.snapshots(connection, ids)]

    def _found(
        self, connection: sqlite3.Connection, reference: str, cluster: str | None, use: Use = "show"
    ) -> Row | None:
        if text.fault(reference, longest=text.KEY):
            return None
        named = self.identify(cluster or cluster_id(connection), reference)
        found = self.snapshot(connection, named, use)
        if found is None and len(reference) == _ID_LENGTH:
            found = self.snapshot(connection, reference, use)
        return found

    def page(self, connection: sqlite3.Connection, after: str, limit: int) -> list[R]:
        """Up to `limit` records after the id `after`, by id."""
        form = self.form
        rows = connection.execute(
            f"{row_sql.select(form)} WHERE id > ? ORDER BY id LIMIT ?", (after, limit)
        ).fetchall()
        return [self.value(require_written(connection, _stored(form, row))) for row in rows]

    def create(self, tx: Transaction, key: str, values: Mapping[str, object], *, actor: Actor) -> R:
        """Write a new record made here and announce it. Returns it. Raises AlreadyExists, and Invalid for a
        key that looks like an id."""
        require_no_id(self.key, key)
        record_id = self.identify(tx.identity.cluster_id, key)
        if self.snapshot(tx.connection, record_id) is not None:
            raise AlreadyExists(self.entity, key)
        first = {name: None for name in self.form.columns if name not in _STAMP}
        after = {**first, **self._without_defaults(values), "id": record_id, self.key: key}
        return self.value(self._edit(tx, None, after, action="created", actor=actor))

    def update(self, tx: Transaction, reference: str, values: Mapping[str, object], *, actor: Actor) -> R:
        """Write the given values over a record's and announce it. Returns the record. Raises NotFound."""
        before = self._found(tx.connection, reference, tx.identity.cluster_id)
        if before is None:
            raise NotFound(self.entity, reference)
        after = self._without_defaults({**before, **values})
        if after == before:
            return self.value(before)
        return self.value(self._edit(tx, before, after, action="updated", actor=actor))

    def merge(self, tx: Transaction, snapshot: Mapping[str, Any]) -> bool:
        """Apply a peer's version of a record; True if the row changed. Emits nothing.

        When an edit made at this node loses, or beats another, the loser stays in the audit as
        "superseded". Raises Invalid.
        """
        ours = self._known(tx, snapshot)
        if ours is not None and ours == snapshot:  # as most are: every order brings its customer and products
            tx.advance(ours["lamport"])
            return False
        theirs = self.checked(tx, snapshot)
        tx.require_lamport(theirs["lamport"])
        tx.advance(theirs["lamport"])
        if ours is not None and not newer(_edit(ours), _edit(theirs)):
            keep_loser(tx, self.entity, loser=theirs, winner=ours)
            return False
        self._save(tx, ours, theirs)
        if ours is not None:
            keep_loser(tx, self.entity, loser=ours, winner=theirs)
        return True

    def _known(self, tx: Transaction, snapshot: Mapping[str, Any]) -> Row | None:
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

    def _without_defaults(self, values: Mapping[str, Any]) -> Row:
        defaults = {field.name: field.default for field in self.form.added}
        return {n: v for n, v in values.items() if n not in defaults or v != defaults[n]}

    def _edit(self, tx: Transaction, before: Row | None, after: Row, *, action: str, actor: Actor) -> Row:
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
        return after

    def _save(self, tx: Transaction, before: Row | None, after: Row) -> None:
        self.put(tx, after)
        tx.changed(self.relation, after["id"], before=before, after=after)


def require_no_id(field: str, key: str) -> None:
    """Check the key of a new record. Raises Invalid, with the field's name, if it could be taken for an id:
    a reference to the record that has this id would mean two."""
    if identity.looks_like_an_id(key):
        raise Invalid(field, "looks_like_an_id")


def sealed(form: Form, row: Mapping[str, Any]) -> int:
    """The seal of a record."""
    return seal([*(row[name] for name in form.columns), *forms.sealed_beyond(form.beyond(row))])


def _stored(form: Form, values: Sequence[Any]) -> Stored:
    """A record as it was selected, its seal last."""
    key = values[0] if isinstance(values[0], str) else repr(values[0])
    first = len(form.columns)
    try:
        if len(values) == first + 2 and values[first] is None:  # as most are: this revision's fields alone
            columns = values[:first]
            return Stored(
                form.relation, key, dict(zip(form.columns, columns, strict=True)), values[-1], seal(columns)
            )
        row = form.row(values[:-1])
        return Stored(form.relation, key, row, values[-1], sealed(form, row))
    except UNREADABLE:
        return Stored(form.relation, key, None, values[-1], 0)


def cluster_id(connection: sqlite3.Connection) -> str:
    """The network this database belongs to."""
    return str(connection.execute("SELECT cluster_id FROM node").fetchone()[0])


def keep_loser(tx: Transaction, entity: str, *, loser: Row, winner: Row) -> None:
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
