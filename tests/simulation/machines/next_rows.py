"""What the next version of the node adds to its rows, and writes: one more field on each entity, one more
entity, and one more kind of events."""

import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from app.database.additions import AddedColumn, AddedTable, add, taking_away
from app.domain import forms, identity, text
from app.domain.forms import Added, Form, Row
from app.domain.lww import Stamp
from app.domain.order import Order
from app.domain.records import Record
from app.domain.row_checks import Fields, Natural, Text
from app.domain.stock import Cell
from app.domain.user import User
from app.state.registry import replicated
from app.state.registry.entity import Entity
from app.state.tables.lww_table import LwwTable
from app.sync.wire import kinds
from app.sync.wire.kinds import Kind
from app.sync.wire.source import Source

SUPPLIERS = "suppliers"
REPRICED = "product_repriced"

_TEXT = Text(text.NAME, optional=True)
_ADDED: Mapping[str, tuple[AddedColumn, Added]] = {
    "users": (AddedColumn("users", "badge", "TEXT", None), Added("badge", None, _TEXT)),
    "customers": (AddedColumn("customers", "tax_id", "TEXT", None), Added("tax_id", None, _TEXT)),
    "products": (AddedColumn("products", "unit", "TEXT", "piece"), Added("unit", "piece", Text(text.NAME))),
    "stock": (AddedColumn("stock", "moves", "INTEGER", 0), Added("moves", 0, Natural())),
    "orders": (AddedColumn("orders", "channel", "TEXT", "till"), Added("channel", "till", Text(text.NAME))),
    "order_lines": (AddedColumn("order_lines", "lot", "TEXT", None), Added("lot", None, _TEXT)),
}
_COLUMNS = ("id", "code", "name", "lamport", "stamp_node", "stamp_epoch")
_TABLE = (
    f"CREATE TABLE {SUPPLIERS} (id TEXT NOT NULL PRIMARY KEY, code TEXT NOT NULL, name TEXT NOT NULL,"
    " lamport INTEGER NOT NULL, stamp_node TEXT NOT NULL, stamp_epoch TEXT NOT NULL, extra TEXT,"
    " checksum INTEGER NOT NULL DEFAULT 0) STRICT"
)
DOWN = taking_away([*(column for column, _ in _ADDED.values()), AddedTable(SUPPLIERS, _COLUMNS)])
"""How this version opens a file of the next one."""


def _check(fields: Fields) -> None:
    fields.text("name", longest=text.NAME)


def _supplier_id(cluster_id: str, code: str) -> str:
    return identity.customer_id(cluster_id, f"supplier {code}")


@dataclass(frozen=True, slots=True)
class Supplier(Record):
    """Whom the company buys from."""

    relation: ClassVar[str] = SUPPLIERS
    id: str
    code: str
    name: str
    stamp: Stamp
    beyond: Mapping[str, Any] = field(default_factory=dict)


RECORDS = LwwTable(
    relation=SUPPLIERS,
    entity="supplier",
    key="code",
    identify=_supplier_id,
    check=_check,
    value=Supplier.from_row,
)
FORMS: Mapping[str, Form] = {
    **{
        relation: replace(
            forms.THIS_VERSION[relation],
            revision=forms.THIS_VERSION[relation].revision + 1,
            added=(*forms.THIS_VERSION[relation].added, field),
        )
        for relation, (_, field) in _ADDED.items()
    },
    SUPPLIERS: Form(relation=SUPPLIERS, revision=1, columns=_COLUMNS),
}
ENTITIES: tuple[Entity, ...] = (*replicated.entities(), replicated.of_records(RECORDS))


def _repriced(source: Source, product_id: str) -> dict[str, list[Row]]:
    return {"products": source.rows("products", [product_id])}


KINDS: Mapping[str, Kind] = {
    "supplier_upserted": kinds._upsert(ENTITIES[-1]),
    REPRICED: kinds.composed(_repriced, coalesces=True, covers=(REPRICED,)),
}
"""The kinds that only the next version knows."""


def upgrade(connection: sqlite3.Connection) -> None:
    """What the next version's migration does, in the transaction that is open."""
    add(connection.execute, [column for column, _ in _ADDED.values()])
    connection.execute(_TABLE)


def with_badge(made: User) -> User:
    return replace(made, beyond={"badge": f"badge of {made.username}"})


def with_moves(cell: Cell) -> Cell:
    return replace(cell, beyond={**cell.beyond, "moves": cell.version})


def with_field(relation: str, row: Row, lamport: int) -> Row:
    """A customer or product as it is edited by the next version."""
    field = _ADDED[relation][1].name
    return {**row, field: f"{field} at {lamport}"}


def with_channel(order: Order) -> Order:
    """An order as the next version takes it, and its lines."""
    lines = [replace(line, beyond={**line.beyond, "lot": f"lot {line.line}"}) for line in order.lines]
    return replace(order, lines=tuple(lines), beyond={**order.beyond, "channel": channel_of(order.id)})


def channel_of(order_id: str) -> str:
    return f"web {order_id[-4:]}"


def channels(file: sqlite3.Connection) -> Iterator[tuple[str, str | None]]:
    """Each order's channel in a file of either version, by its id."""
    yield from _field(file, "orders", "channel")


def suppliers(file: sqlite3.Connection) -> dict[str, str]:
    """Every supplier's name by its code, in a file of either version; of several the last one edited."""
    if _has(file, SUPPLIERS):
        return dict(file.execute(f"SELECT code, name FROM {SUPPLIERS} ORDER BY code").fetchall())
    return dict(
        file.execute(
            "SELECT json_extract(row, '$.code'), json_extract(row, '$.name') FROM unknown_rows"
            " WHERE relation = ? ORDER BY json_extract(row, '$.code'), json_extract(row, '$.lamport'),"
            " json_extract(row, '$.stamp_node'), json_extract(row, '$.stamp_epoch')",
            (SUPPLIERS,),
        ).fetchall()
    )


def _field(file: sqlite3.Connection, table: str, name: str) -> Iterator[tuple[str, str | None]]:
    columns = {row[1] for row in file.execute(f"PRAGMA table_info({table})")}
    value = name if name in columns else f"json_extract(extra, '$.{name}')"
    yield from file.execute(f"SELECT id, {value} FROM {table}")


def _has(file: sqlite3.Connection, table: str) -> bool:
    return file.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (table,)).fetchone() is not None
