"""The event kinds: how each one's body is read when it is sent, and applied when it arrives."""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from app.database import Transaction
from app.state import customers, ledger, orders, products, users
from app.state.errors import Invalid

# What a body can fail with that no retry mends: malformed shapes and broken constraints.
UNAPPLICABLE = (
    Invalid,
    KeyError,
    TypeError,
    AttributeError,
    ValueError,
    OverflowError,
    sqlite3.IntegrityError,
    sqlite3.ProgrammingError,
)


@dataclass(frozen=True)
class Kind:
    """`read` gives the entity's whole state as it stands; `apply` merges one from `origin`, raising
    Invalid (or a constraint error) for what can never be applied. Where `coalesces`, only the newest
    state in a batch is sent. `covers` are the kinds whose earlier events of the same entity say nothing that
    this one's whole state does not."""

    read: Callable[[sqlite3.Connection, str], dict[str, Any]]
    apply: Callable[[Transaction, dict[str, Any], str], ledger.Merged]
    coalesces: bool
    covers: tuple[str, ...]


def _read_stock(connection: sqlite3.Connection, product_id: str) -> dict[str, Any]:
    """This branch's cells of the product: the present life's, and those of lives that are over, which may
    hold movements that no peer has heard of."""
    name = connection.execute("SELECT name FROM node").fetchone()[0]
    return {
        "product": products.snapshot(connection, product_id),
        "cells": _cells_of_branch(connection, product_id, name),
    }


def _apply_stock(tx: Transaction, body: dict[str, Any], origin: str) -> ledger.Merged:
    products.merge(tx, body["product"])
    return _merge_cells(tx, body["cells"], origin)


def _read_cancelled(connection: sqlite3.Connection, order_id: str) -> dict[str, Any]:
    """The order's whole body, and its branch's cells: those of the epoch that sold and of the one that
    took the cancellation, so that neither effect depends on another event."""
    body = orders.body(connection, order_id)
    branch = body["order"]["branch"]
    cells = [_cells_of_branch(connection, product["id"], branch) for product in body["products"]]
    return {**body, "cells": [cell for listed in cells for cell in listed]}


def _cells_of_branch(connection: sqlite3.Connection, product_id: str, branch: str) -> list[dict[str, Any]]:
    return [cell.as_json() for cell in ledger.cells_of(connection, product_id) if cell.branch == branch]


def _apply_order(tx: Transaction, body: dict[str, Any], origin: str) -> ledger.Merged:
    if body["order"]["branch"] != origin:
        raise Invalid("order", "of_another_branch")
    customers.merge(tx, body["customer"])
    for product in body["products"]:
        products.merge(tx, product)
    merged = _merge_cells(tx, body.get("cells", []), origin)
    orders.merge(tx, body["order"], donor=origin)
    return merged


def _merge_cells(tx: Transaction, documents: list[Any], origin: str) -> ledger.Merged:
    cells = [ledger.cell_from_json(document) for document in documents]
    if any(cell.branch != origin for cell in cells):
        raise Invalid("stock", "of_another_branch")
    return ledger.merge(tx, cells)


def _upsert(
    name: str,
    read: Callable[[sqlite3.Connection, str], dict[str, Any] | None],
    merge: Callable[[Transaction, dict[str, Any]], bool],
) -> Kind:
    def whole(connection: sqlite3.Connection, entity: str) -> dict[str, Any]:
        row = read(connection, entity)
        assert row is not None, "replicated rows are never deleted"
        return row

    def apply(tx: Transaction, body: dict[str, Any], _origin: str) -> ledger.Merged:
        return ledger.Merged(changed=merge(tx, body))

    return Kind(read=whole, apply=apply, coalesces=True, covers=(name,))


KINDS: dict[str, Kind] = {
    "order_created": Kind(read=orders.body, apply=_apply_order, coalesces=False, covers=("order_created",)),
    "order_cancelled": Kind(
        read=_read_cancelled, apply=_apply_order, coalesces=False, covers=("order_created", "order_cancelled")
    ),
    "stock_update": Kind(
        read=_read_stock, apply=_apply_stock, coalesces=True, covers=("stock_update", "product_upserted")
    ),
    "product_upserted": _upsert("product_upserted", products.snapshot, products.merge),
    "customer_upserted": _upsert("customer_upserted", customers.snapshot, customers.merge),
    "user_upserted": _upsert("user_upserted", users.snapshot, users.merge),
}
