"""The event kinds: how each kind's body is read when it is sent, and applied when it arrives.

Every body is whole rows, by relation. Each kind of the first version has a layout of its own; every later
kind has `{"rows": {relation: [row, …]}}`. So a node can apply a kind that it does not know: it merges the
rows of relations it knows, and keeps the others until it is upgraded.
"""

import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.database import Transaction
from app.domain.errors import Invalid
from app.domain.forms import Row
from app.state.registry import replicated, unknown_rows
from app.state.registry.entity import Entity
from app.state.tables.stock_table import Merged
from app.sync.wire.merging import (
    ALL_FIRST,
    UNAPPLICABLE,
    Revisions,
    RowsBy,
    apply_rows,
    distinct,
    merge_together,
)
from app.sync.wire.messages import SCHEMA_VERSION, WireEvent
from app.sync.wire.source import Source, load


@dataclass(frozen=True)
class Kind:
    """One kind of event. `collect` takes the rows that an event of an entity sends, as they stand. `pack` and
    `unpack` convert them to the body's layout and back.

    Where it `coalesces`, a batch has only the newest state of an entity. It `covers` a kind if its rows
    contain everything that an earlier event of that kind, about the same entity, sends.
    """

    collect: Callable[[Source, str], RowsBy]
    pack: Callable[[RowsBy], Any]
    unpack: Callable[[Any], RowsBy]
    coalesces: bool
    covers: tuple[str, ...]

    def read(self, connection: sqlite3.Connection, entity: str) -> Any:
        """The body of an event of this entity."""
        return self.pack(self.collect(Source(connection), entity))

    def apply(self, tx: Transaction, body: Any, origin: str, revisions: Revisions = ALL_FIRST) -> Merged:
        """Merge a body from `origin`. Raises one of UNAPPLICABLE for a body that can never be applied."""
        return apply_rows(tx, self.unpack(body), origin, revisions)


def read_together(
    connection: sqlite3.Connection, states: Sequence[tuple[str, str]]
) -> list[tuple[Any, Revisions]]:
    """The bodies of events of these kinds and entities, and the revisions of their rows. However many there
    are, the kinds of the first version take one statement for each table. Raises AlteredRow."""
    source = Source(connection)
    load(source, states)
    sent = replicated.sent_revisions()
    found: list[tuple[Any, Revisions]] = []
    for name, entity in states:
        kind = KINDS.get(name)
        if kind is None:  # this node wrote it as a newer version, and went back
            found.append(read_unknown(connection, entity))
        else:
            found.append((kind.pack(kind.collect(source, entity)), sent))
    return found


def apply_unknown(tx: Transaction, body: Any, origin: str, revisions: Revisions) -> Merged:
    """Merge the body of a kind that only newer versions know. Raises Invalid where it has no `rows` by
    relation."""
    return apply_rows(tx, _unpack_rows(body, reason="unknown_to_this_version"), origin, revisions)


def read_unknown(connection: sqlite3.Connection, entity: str) -> tuple[Any, Revisions]:
    """The body of an event that this node wrote as a newer version: all rows here of its entity, in any
    relation. Only the newer version knows which of them the event was about."""
    kept, revisions = unknown_rows.of_entity(connection, entity)
    rows: dict[str, list[Row]] = {**kept}
    source = Source(connection)
    for known in replicated.entities():
        found = known.stored(connection, [entity])
        if any(not known.of_branch or row.row is None or row.row["branch"] == source.name for row in found):
            collect = _COLLECTED.get(known.relation) or _row_of(known)
            rows |= collect(source, entity)
    return {"rows": rows}, {**replicated.sent_revisions(), **revisions}


def composed(collect: Callable[[Source, str], RowsBy], *, coalesces: bool, covers: tuple[str, ...]) -> Kind:
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


def _row_of(entity: Entity) -> Callable[[Source, str], RowsBy]:
    return lambda source, key: {entity.relation: [source.one(entity.relation, key)]}


def _upsert(entity: Entity) -> Kind:
    """The kind of an entity whose rows are sent alone. The body of one of the first version is a bare row."""
    if entity.event_kind not in _BARE:
        return composed(_row_of(entity), coalesces=True, covers=(entity.event_kind,))
    return Kind(
        collect=_row_of(entity),
        pack=lambda rows: rows[entity.relation][0],
        unpack=lambda body: {entity.relation: [body]},
        coalesces=True,
        covers=(entity.event_kind,),
    )


def _stock_of_branch(source: Source, product_ids: list[str], branch: str) -> list[Row]:
    """A branch's cells of some products, in all its lives: those that are over may hold movements that no
    peer has received."""
    return [cell for cell in source.rows("stock", product_ids) if cell["branch"] == branch]


def _collect_stock(source: Source, product_id: str) -> RowsBy:
    return {
        "products": [source.one("products", product_id)],
        "stock": _stock_of_branch(source, [product_id], source.name),
    }


def _pack_stock(rows: RowsBy) -> Any:
    return {"product": rows["products"][0], "cells": rows["stock"]}


def _unpack_stock(body: Any) -> RowsBy:
    told = _object(body, "product", "cells")
    return {"products": [told["product"]], "stock": _list("cells", told["cells"])}


def _collect_order(source: Source, order_id: str) -> RowsBy:
    """The order, its customer and its products, so that it can be applied alone."""
    order = source.one("orders", order_id)
    return {
        "customers": [source.one("customers", order["customer_id"])],
        "products": source.rows("products", {line["product_id"] for line in order["lines"]}),
        "orders": [order],
    }


def _collect_cancelled(source: Source, order_id: str) -> RowsBy:
    """What `_collect_order` takes, and the cells of the order's branch: those of the epoch that sold and of
    the one that took the cancellation. So neither effect depends on another event."""
    rows = _collect_order(source, order_id)
    ids = [product["id"] for product in rows["products"]]
    return {**rows, "stock": _stock_of_branch(source, ids, rows["orders"][0]["branch"])}


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

_COLLECTED: Mapping[str, Callable[[Source, str], RowsBy]] = {
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
    alone = {e.event_kind: _upsert(e) for e in replicated.entities() if e.event_kind not in _COMPOSED}
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


def apply_together(tx: Transaction, events: Iterable[WireEvent], *, origin: str) -> Merged:
    """Merge the bodies of many events, in a few statements for each relation. The outcome is that of `apply`
    for one after the other, since merging does not depend on the order. Raises one of UNAPPLICABLE, or
    AlteredRow, where some event needs a closer look: the caller undoes all and applies them one by one."""
    told: dict[tuple[str, int], list[Row]] = {}
    for event in events:
        kind = KINDS.get(event.kind)
        if kind is None or event.schema_version > SCHEMA_VERSION:
            raise Invalid("kind", "unknown_to_this_version")
        for relation, rows in kind.unpack(event.body).items():
            told.setdefault((relation, event.revisions.get(relation, 1)), []).extend(rows)
    known: dict[str, list[Row]] = {}
    for (relation, revision), rows in told.items():
        entity, revisions = replicated.get(relation), {relation: revision}
        if not all(isinstance(row, dict) for row in rows):
            raise Invalid(relation, "not_an_object")
        # A product comes with each of its orders: what is done with every row is done once.
        known.setdefault(relation, []).extend(entity.upcast(row, revisions) for row in distinct(rows))
    return merge_together(tx, known, origin)


def is_waiting(error: Exception) -> bool:
    """Whether the event refers to a row that is not here. That row may still arrive, and then the event
    applies."""
    return isinstance(error, sqlite3.IntegrityError) and "FOREIGN KEY" in str(error)


def try_once(tx: Transaction, origin: str, event: WireEvent) -> Merged | None:
    """Apply an event if it can be applied. None, with nothing changed, if it cannot."""
    try:
        with tx.savepoint():
            return apply(tx, event, origin=origin)
    except UNAPPLICABLE:
        return None
