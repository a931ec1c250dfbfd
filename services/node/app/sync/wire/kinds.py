"""The event kinds: how each kind's body is read when it is sent, and applied when it arrives.

Every body is whole rows, by relation. Each kind of the first version has a layout of its own; every later
kind has `{"rows": {relation: [row, …]}}`. So a node can apply a kind that it does not know: it merges the
rows of relations it knows, and keeps the others until it is upgraded.
"""

import sqlite3
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from app.database import AlteredRow, Transaction
from app.domain.errors import Invalid
from app.domain.forms import Row
from app.state.registry import replicated, unknown_rows
from app.state.registry.entity import Entity
from app.state.tables.stock_table import Merged
from app.sync.wire.messages import SCHEMA_VERSION, WireEvent

UNAPPLICABLE = (Invalid, sqlite3.IntegrityError)
"""The errors of a body that its sender caused: no node could have written it, or it contradicts rows here.
Every other error is a mistake of this program. Then nothing is parked, and the whole batch or page fails."""

RowsBy = Mapping[str, list[Row]]
"""Rows by relation."""

Revisions = Mapping[str, int]
"""The revision of the form of each relation's rows. A relation that is not named has revision 1."""

ALL_FIRST: Revisions = MappingProxyType({})


@dataclass(frozen=True)
class Kind:
    """One kind of event. `collect` reads the rows that an event of an entity sends, as they stand. `pack` and
    `unpack` convert them to the body's layout and back.

    Where it `coalesces`, a batch has only the newest state of an entity. It `covers` a kind if its rows
    contain everything that an earlier event of that kind, about the same entity, sends.
    """

    collect: Callable[[sqlite3.Connection, str], RowsBy]
    pack: Callable[[RowsBy], Any]
    unpack: Callable[[Any], RowsBy]
    coalesces: bool
    covers: tuple[str, ...]

    def read(self, connection: sqlite3.Connection, entity: str) -> Any:
        """The body of an event of this entity."""
        return self.pack(self.collect(connection, entity))

    def apply(self, tx: Transaction, body: Any, origin: str, revisions: Revisions = ALL_FIRST) -> Merged:
        """Merge a body from `origin`. Raises one of UNAPPLICABLE for a body that can never be applied."""
        return apply_rows(tx, self.unpack(body), origin, revisions)


def apply_rows(tx: Transaction, rows: RowsBy, origin: str, revisions: Revisions) -> Merged:
    """Merge the rows that `origin` sent, referred ones first, and keep those of unknown relations. Raises one
    of UNAPPLICABLE."""
    merged = Merged()
    for entity in replicated.entities():
        told = [entity.upcast(row, revisions) for row in rows.get(entity.relation, ())]
        if entity.of_branch:
            _require_of_branch(entity, told, origin)
        if told:
            merged.absorb(entity.merge(tx, told, origin))
    for relation in rows.keys() - set(replicated.relations()):
        for row in rows[relation]:
            kept = unknown_rows.keep(tx, relation, row, revision=revisions.get(relation, 1), origin=origin)
            merged.changed = merged.changed or kept
    return merged


def _require_of_branch(entity: Entity, rows: Iterable[Any], origin: str) -> None:
    for row in rows:
        if not isinstance(row, Mapping):
            raise Invalid(entity.relation, "not_an_object")
        if row.get("branch") != origin:
            raise Invalid(entity.relation, "of_another_branch")


def apply_unknown(tx: Transaction, body: Any, origin: str, revisions: Revisions) -> Merged:
    """Merge the body of a kind that only newer versions know. Raises Invalid where it has no `rows` by
    relation."""
    return apply_rows(tx, _unpack_rows(body, reason="unknown_to_this_version"), origin, revisions)


def read_unknown(connection: sqlite3.Connection, entity: str) -> tuple[Any, Revisions]:
    """The body of an event that this node wrote as a newer version: all rows here of its entity, in any
    relation. Only the newer version knows which of them the event was about."""
    kept, revisions = unknown_rows.of_entity(connection, entity)
    rows: dict[str, list[Row]] = {**kept}
    name = connection.execute("SELECT name FROM node").fetchone()[0]
    for known in replicated.entities():
        found = known.stored(connection, [entity])
        if any(not known.of_branch or row.row is None or row.row["branch"] == name for row in found):
            collect = _COLLECTED.get(known.relation) or _rows_of(known)
            rows |= collect(connection, entity)
    return {"rows": rows}, {**replicated.told_revisions(), **revisions}


def telling(
    collect: Callable[[sqlite3.Connection, str], RowsBy], *, coalesces: bool, covers: tuple[str, ...]
) -> Kind:
    """A kind whose body has its rows by relation. All kinds but those of the first version are like that."""
    return Kind(
        collect=collect,
        pack=lambda rows: {"rows": dict(rows)},
        unpack=lambda body: _unpack_rows(body, reason="no_rows"),
        coalesces=coalesces,
        covers=covers,
    )


def _unpack_rows(body: Any, *, reason: str) -> RowsBy:
    rows = body.get("rows") if isinstance(body, Mapping) else None
    if not isinstance(rows, Mapping) or not all(isinstance(told, list) for told in rows.values()):
        raise Invalid("kind", reason)
    return rows


def _object(body: Any, *names: str) -> Mapping[str, Any]:
    """A body that has these fields. Raises Invalid."""
    if not isinstance(body, Mapping):
        raise Invalid("body", "not_an_object")
    for name in names:
        if name not in body:
            raise Invalid(name, "missing")
    return body


def _list(name: str, rows: Any) -> list[Row]:
    if not isinstance(rows, list):
        raise Invalid(name, "not_a_list")
    return rows


def _one(relation: str, connection: sqlite3.Connection, key: str) -> Row:
    return _told(replicated.get(relation), connection, key)[0]


def _told(entity: Entity, connection: sqlite3.Connection, key: str) -> list[Row]:
    """The rows that an event of this key sends. Raises AlteredRow where there is none, because no command
    deletes one."""
    rows = entity.read(connection, [key])
    if not rows:
        raise AlteredRow(entity.relation, key)
    return rows


def _rows_of(entity: Entity) -> Callable[[sqlite3.Connection, str], RowsBy]:
    return lambda connection, key: {entity.relation: _told(entity, connection, key)}


def _upsert(entity: Entity) -> Kind:
    """The kind of an entity whose rows are sent alone. The body of one of the first version is a bare row."""
    if entity.told_by not in _BARE:
        return telling(_rows_of(entity), coalesces=True, covers=(entity.told_by,))
    return Kind(
        collect=_rows_of(entity),
        pack=lambda rows: rows[entity.relation][0],
        unpack=lambda body: {entity.relation: [body]},
        coalesces=True,
        covers=(entity.told_by,),
    )


def _stock_of_branch(connection: sqlite3.Connection, product_ids: list[str], branch: str) -> list[Row]:
    """A branch's cells of some products, in all its lives: those that are over may hold movements that no
    peer has received."""
    cells = replicated.get("stock").read(connection, product_ids)
    return [cell for cell in cells if cell["branch"] == branch]


def _collect_stock(connection: sqlite3.Connection, product_id: str) -> RowsBy:
    name = connection.execute("SELECT name FROM node").fetchone()[0]
    return {
        "products": [_one("products", connection, product_id)],
        "stock": _stock_of_branch(connection, [product_id], name),
    }


def _pack_stock(rows: RowsBy) -> Any:
    return {"product": rows["products"][0], "cells": rows["stock"]}


def _unpack_stock(body: Any) -> RowsBy:
    told = _object(body, "product", "cells")
    return {"products": [told["product"]], "stock": _list("cells", told["cells"])}


def _collect_order(connection: sqlite3.Connection, order_id: str) -> RowsBy:
    """The order, its customer and its products, so that it can be applied alone."""
    order = _one("orders", connection, order_id)
    ids = sorted({line["product_id"] for line in order["lines"]})
    return {
        "customers": [_one("customers", connection, order["customer_id"])],
        "products": replicated.get("products").read(connection, ids),
        "orders": [order],
    }


def _collect_cancelled(connection: sqlite3.Connection, order_id: str) -> RowsBy:
    """The same, and its branch's cells: those of the epoch that sold and of the one that took the
    cancellation, so that neither effect depends on another event."""
    rows = _collect_order(connection, order_id)
    ids = [product["id"] for product in rows["products"]]
    return {**rows, "stock": _stock_of_branch(connection, ids, rows["orders"][0]["branch"])}


def _pack_order(rows: RowsBy) -> Any:
    cells = {"cells": rows["stock"]} if "stock" in rows else {}
    return {
        "order": rows["orders"][0],
        "customer": rows["customers"][0],
        "products": rows["products"],
        **cells,
    }


def _unpack_order(body: Any) -> RowsBy:
    told = _object(body, "order", "customer", "products")
    return {
        "customers": [told["customer"]],
        "products": _list("products", told["products"]),
        "stock": _list("cells", told.get("cells", [])),
        "orders": [told["order"]],
    }


_BARE = ("user_upserted", "customer_upserted", "product_upserted")

_COLLECTED: Mapping[str, Callable[[sqlite3.Connection, str], RowsBy]] = {
    "stock": _collect_stock,
    "orders": _collect_cancelled,
}
"""What a relation's rows are sent with, where they are not sent alone."""

_COMPOSED: dict[str, Kind] = {
    "order_created": Kind(
        collect=_collect_order,
        pack=_pack_order,
        unpack=_unpack_order,
        coalesces=False,
        covers=("order_created",),
    ),
    "order_cancelled": Kind(
        collect=_collect_cancelled,
        pack=_pack_order,
        unpack=_unpack_order,
        coalesces=False,
        covers=("order_created", "order_cancelled"),
    ),
    "stock_update": Kind(
        collect=_collect_stock,
        pack=_pack_stock,
        unpack=_unpack_stock,
        coalesces=True,
        covers=("stock_update", "product_upserted"),
    ),
}


def _declared() -> dict[str, Kind]:
    """The composed kinds, and one for each entity whose rows are sent alone."""
    alone = {e.told_by: _upsert(e) for e in replicated.entities() if e.told_by not in _COMPOSED}
    return {**_COMPOSED, **alone}


KINDS: dict[str, Kind] = _declared()


def apply(tx: Transaction, event: WireEvent, *, origin: str) -> Merged:
    """Merge an event's body as its kind says. Raises one of UNAPPLICABLE for what cannot be applied."""
    if event.schema_version > SCHEMA_VERSION:
        raise Invalid("schema_version", "newer_than_this_version")
    kind = KINDS.get(event.kind)
    if kind is None:
        return apply_unknown(tx, event.body, origin, event.revisions)
    return kind.apply(tx, event.body, origin, event.revisions)


def is_waiting(error: Exception) -> bool:
    """Whether the event refers to a row that is not here. That row may still arrive, and then the event
    applies."""
    return isinstance(error, sqlite3.IntegrityError) and "FOREIGN KEY" in str(error)


def try_once(tx: Transaction, origin: str, event: WireEvent) -> Merged | None:
    """Apply an event if it can be applied. None, with nothing changed, if it cannot."""
    try:
        with tx.attempt():
            return apply(tx, event, origin=origin)
    except UNAPPLICABLE:
        return None
