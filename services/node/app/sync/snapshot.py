"""Whole rows by the page: what one node fetches from another when no event will bring it.

The donor reads each page in one transaction and keeps serving; nothing is prepared or held between pages.
"""

import hashlib
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.database import Transaction
from app.database.digest import RELATIONS, bucket_of, canonical
from app.state import customers, ledger, orders, products, users
from app.state.stock import Life
from app.sync import handshake
from app.sync.events import Head, Page, PageRequest
from app.sync.kinds import UNAPPLICABLE

PAGE_ROWS = 500

Rows = Sequence[dict[str, Any]]


@dataclass(frozen=True)
class _Source:
    """How one relation's rows are listed (by key, beyond a key), read, and merged."""

    keys: str
    keys_of_branch: str
    read: Callable[[sqlite3.Connection, str, str | None], list[dict[str, Any]]]
    merge: Callable[[Transaction, dict[str, Any], str], ledger.Merged]


def read_page(connection: sqlite3.Connection, wanted: PageRequest) -> Page:
    """The next page of a relation beyond `wanted.after`, with this node's heads of the same instant.

    `branch` narrows stock and orders to one branch's, `buckets` to ids of these digest buckets (stock, whose
    digest keys are finer than its pages, comes whole).
    """
    source = _SOURCES[wanted.relation]
    narrow = wanted.branch is not None and source.keys_of_branch
    values = {"after": wanted.after, "branch": wanted.branch, "limit": PAGE_ROWS}
    query = source.keys_of_branch if narrow else source.keys
    keys = [row[0] for row in connection.execute(f"{query} LIMIT :limit", values)]
    rows = [
        row
        for key in keys
        if not wanted.buckets or wanted.relation == "stock" or bucket_of(key) in wanted.buckets
        for row in source.read(connection, key, wanted.branch)
    ]
    before = _behind_orders(connection, rows) if wanted.relation == "orders" else {}
    return Page(
        epoch=connection.execute("SELECT epoch FROM node").fetchone()[0],
        relation=wanted.relation,
        before=before,
        rows=rows,
        next=keys[-1] if len(keys) == PAGE_ROWS else None,
        sha256=digest_of(rows, before),
        heads=handshake.heads(connection),
    )


def digest_of(rows: Rows, before: Mapping[str, Rows]) -> str:
    """SHA-256 (hex) of all rows of a page, so that a damaged page is fetched again and never merged."""
    first = [row for relation in RELATIONS for row in before.get(relation, ())]
    return hashlib.sha256(b"\n".join(canonical(row) for row in (*first, *rows))).hexdigest()


def merge_page(tx: Transaction, page: Page, *, donor: str) -> ledger.Merged:
    """Merge a page's rows as their events would. A row that cannot be applied is left out and counted among
    the forks: it contradicts what is known here, or no node could have written it."""
    merged = ledger.Merged()
    pages = [(relation, page.before.get(relation, [])) for relation in RELATIONS]
    for relation, rows in [*pages, (page.relation, page.rows)]:
        for row in rows:
            try:
                with tx.attempt():
                    merged.absorb(_SOURCES[relation].merge(tx, row, donor))
            except UNAPPLICABLE as error:
                merged.forks.append(f"{relation} {row.get('id') or row.get('product_id')}: {error!r}")
    return merged


def adopt_heads(tx: Transaction, heads: dict[str, Head], *, lives: Callable[[Life], bool]) -> None:
    """After everything a donor had was merged: count its `heads` of the chosen lives as applied here, where
    they are beyond what is known."""
    for key, head in sorted(heads.items()):
        branch, _, epoch = key.partition("@")
        life = (branch, epoch)
        if head.seq and lives(life) and life != ledger.me(tx):
            tx.connection.execute(
                "INSERT INTO positions (origin, epoch, seq, event_id) VALUES (?, ?, ?, ?)"
                " ON CONFLICT (origin, epoch) DO UPDATE SET seq = excluded.seq, event_id = excluded.event_id"
                " WHERE (excluded.seq, excluded.event_id) > (seq, event_id)",
                (*life, head.seq, head.event_id),
            )


def _behind_orders(connection: sqlite3.Connection, rows: Rows) -> dict[str, list[dict[str, Any]]]:
    """The customers and products that orders refer to and the stock they took, of the same instant.

    The pages of those relations were read before: an order taken since would show without its stock effect,
    or name a customer that is not there yet.
    """
    buyers = sorted({row["customer_id"] for row in rows})
    taken = {(line["product_id"], row["branch"]) for row in rows for line in row["lines"]}
    sold = sorted({product_id for product_id, _ in taken})
    cells = [cell for product_id in sold for cell in ledger.cells_of(connection, product_id)]
    return {
        "customers": [row for key in buyers if (row := customers.snapshot(connection, key))],
        "products": [row for key in sold if (row := products.snapshot(connection, key))],
        "stock": [cell.as_json() for cell in cells if (cell.product_id, cell.branch) in taken],
    }


def _row(
    read: Callable[[sqlite3.Connection, str], dict[str, Any] | None],
) -> Callable[[sqlite3.Connection, str, str | None], list[dict[str, Any]]]:
    def rows(connection: sqlite3.Connection, key: str, _branch: str | None) -> list[dict[str, Any]]:
        found = read(connection, key)
        return [] if found is None else [found]

    return rows


def _cells(connection: sqlite3.Connection, product_id: str, branch: str | None) -> list[dict[str, Any]]:
    cells = ledger.cells_of(connection, product_id)
    return [cell.as_json() for cell in cells if branch in (None, cell.branch)]


def _merge_cell(tx: Transaction, row: dict[str, Any], _donor: str) -> ledger.Merged:
    return ledger.merge(tx, [ledger.cell_from_json(row)])


def _merging(merge: Callable[[Transaction, dict[str, Any]], bool]) -> Callable[..., ledger.Merged]:
    return lambda tx, row, _donor: ledger.Merged(changed=merge(tx, row))


def _merge_order(tx: Transaction, row: dict[str, Any], donor: str) -> ledger.Merged:
    return ledger.Merged(changed=orders.merge(tx, row, donor=donor))


_SOURCES: dict[str, _Source] = {
    "users": _Source(
        "SELECT id FROM users WHERE id > :after ORDER BY id", "", _row(users.snapshot), _merging(users.merge)
    ),
    "customers": _Source(
        "SELECT id FROM customers WHERE id > :after ORDER BY id",
        "",
        _row(customers.snapshot),
        _merging(customers.merge),
    ),
    "products": _Source(
        "SELECT id FROM products WHERE id > :after ORDER BY id",
        "",
        _row(products.snapshot),
        _merging(products.merge),
    ),
    "stock": _Source(
        "SELECT DISTINCT product_id FROM stock WHERE product_id > :after ORDER BY product_id",
        "SELECT DISTINCT product_id FROM stock WHERE product_id > :after AND branch = :branch"
        " ORDER BY product_id",
        _cells,
        _merge_cell,
    ),
    "orders": _Source(
        "SELECT id FROM orders WHERE id > :after ORDER BY id",
        "SELECT id FROM orders WHERE id > :after AND branch = :branch ORDER BY id",
        _row(orders.snapshot),
        _merge_order,
    ),
}
