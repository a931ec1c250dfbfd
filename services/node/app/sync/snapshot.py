"""Whole rows by the page: what one node fetches from another when no event will bring it.

The donor reads each page in one transaction and keeps serving; nothing is prepared or held between pages.
"""

import hashlib
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.database import Transaction
from app.database.digest import RELATIONS, Relation, bucket_of, canonical
from app.state import cell_pages, customers, ledger, order_pages, orders, products, users
from app.sync import handshake, parking
from app.sync.events import Page, PageRequest
from app.sync.kinds import UNAPPLICABLE

PAGE_KEYS = 2000
PAGE_BYTES = 1 << 20
_KEYS_AT_ONCE = 250  # between two looks at the page's size

Rows = Sequence[dict[str, Any]]
Bulk = Callable[[Transaction, Rows, str], tuple[bool, Rows]]
"""Merges what is plain of a relation's rows; whether anything changed, and the rows that are left."""


@dataclass(frozen=True)
class _Source:
    """How one relation's keys are listed, and how the rows of some keys are read and merged: `bulk` first,
    then `merge` one by one."""

    keys: str
    read: Callable[[sqlite3.Connection, Sequence[str]], list[dict[str, Any]]]
    merge: Callable[[Transaction, dict[str, Any], str], ledger.Merged]
    bulk: Bulk
    encode: Callable[[dict[str, Any]], bytes] = canonical
    of_branch: bool = False


def read_page(connection: sqlite3.Connection, wanted: PageRequest) -> Page:
    """The next page of a relation beyond `wanted.after`, with this node's heads of the same instant.

    `branch` narrows stock and orders to one branch's, `buckets` to ids of these digest buckets (stock, whose
    digest keys are finer than its pages, comes whole). A page ends at about PAGE_BYTES.
    """
    source = _SOURCES[wanted.relation]
    keys = _keys(connection, source, wanted)
    buckets = frozenset(wanted.buckets if wanted.relation != "stock" else ())
    rows: list[dict[str, Any]] = []
    encoded: list[bytes] = []
    size = through = 0
    while through < len(keys) and size < PAGE_BYTES:
        some = keys[through : through + _KEYS_AT_ONCE]
        through += len(some)
        chosen = [key for key in some if bucket_of(key) in buckets] if buckets else some
        found = [row for row in source.read(connection, chosen) if _is_of(row, source, wanted.branch)]
        rows += found
        encoded += map(source.encode, found)
        size = sum(map(len, encoded))
    before = _behind_orders(connection, rows) if wanted.relation == "orders" else {}
    return Page(
        epoch=connection.execute("SELECT epoch FROM node").fetchone()[0],
        relation=wanted.relation,
        before=before,
        rows=rows,
        next=keys[through - 1] if through < len(keys) or len(keys) == PAGE_KEYS else None,
        sha256=_digest(before, encoded),
        heads=handshake.heads(connection),
    )


def is_whole(page: Page) -> bool:
    """Whether a page arrived as its donor read it: a damaged one is fetched again and never merged."""
    if page.relation == "orders" and page.sha256 == _digest(page.before, map(order_pages.encode, page.rows)):
        return True
    return page.sha256 == _digest(page.before, map(canonical, page.rows))


def merge_page(tx: Transaction, page: Page, *, donor: str) -> ledger.Merged:
    """Merge a page's rows as their events would. A row that cannot be applied is left out and counted among
    the forks: it contradicts what is known here, or no node could have written it. One that refers to what
    is not here is `waiting`: that came to the donor after its page had been read, and comes by events."""
    merged = ledger.Merged()
    for relation in RELATIONS:
        if page.before.get(relation):
            _merge_rows(tx, relation, page.before[relation], donor, merged)
    known = next((relation for relation in RELATIONS if relation == page.relation), None)
    if known is not None:
        _merge_rows(tx, known, page.rows, donor, merged)
    return merged


def _keys(connection: sqlite3.Connection, source: _Source, wanted: PageRequest) -> list[str]:
    narrow = " AND branch = :branch" if source.of_branch and wanted.branch is not None else ""
    values = {"after": wanted.after, "branch": wanted.branch, "limit": PAGE_KEYS}
    return [row[0] for row in connection.execute(source.keys.format(narrow=narrow), values)]


def _is_of(row: Mapping[str, Any], source: _Source, branch: str | None) -> bool:
    return branch is None or not source.of_branch or row["branch"] == branch


def _digest(before: Mapping[str, Rows], encoded: Iterable[bytes]) -> str:
    first = [canonical(row) for relation in RELATIONS for row in before.get(relation, ())]
    return hashlib.sha256(b"\n".join((*first, *encoded))).hexdigest()


def _merge_rows(tx: Transaction, relation: Relation, rows: Rows, donor: str, merged: ledger.Merged) -> None:
    source = _SOURCES[relation]
    left = rows
    try:
        with tx.attempt():
            changed, left = source.bulk(tx, rows, donor)
            merged.changed = merged.changed or changed
    except UNAPPLICABLE:
        left = rows  # one of them does not fit: one by one tells which
    for row in left:
        try:
            with tx.attempt():
                merged.absorb(source.merge(tx, row, donor))
        except UNAPPLICABLE as error:
            left_out = merged.waiting if parking.is_waiting(error) else merged.forks
            left_out.append(f"{relation} {row.get('id') or row.get('product_id')}: {error!r}")


def _behind_orders(connection: sqlite3.Connection, rows: Rows) -> dict[str, list[dict[str, Any]]]:
    """The customers and products that orders refer to and the stock they took, of the same instant.

    The pages of those relations were read before: an order taken since would show without its stock effect,
    or name a customer that is not there yet.
    """
    taken = {(line["product_id"], row["branch"]) for row in rows for line in row["lines"]}
    sold = sorted({product_id for product_id, _ in taken})
    cells = cell_pages.read(connection, sold)
    return {
        "customers": customers.snapshots(connection, sorted({row["customer_id"] for row in rows})),
        "products": products.snapshots(connection, sold),
        "stock": [cell for cell in cells if (cell["product_id"], cell["branch"]) in taken],
    }


def _read_users(connection: sqlite3.Connection, ids: Sequence[str]) -> list[dict[str, Any]]:
    return [row for key in ids if (row := users.snapshot(connection, key)) is not None]


def _nothing_plain(_tx: Transaction, rows: Rows, _donor: str) -> tuple[bool, Rows]:
    return False, rows


def _unlike(
    read: Callable[[sqlite3.Connection, Iterable[str]], list[dict[str, Any]]],
) -> Bulk:
    """Leaves only the records that are not here as they are: most of those that come with orders are."""

    def bulk(tx: Transaction, rows: Rows, _donor: str) -> tuple[bool, Rows]:
        known = {row["id"]: row for row in read(tx.connection, [str(row.get("id")) for row in rows])}
        return False, [row for row in rows if known.get(row.get("id")) != row]

    return bulk


def _unlike_cells(tx: Transaction, rows: Rows, _donor: str) -> tuple[bool, Rows]:
    """Leaves only the cells that are not here as they are."""
    known = cell_pages.read(tx.connection, {str(row.get("product_id")) for row in rows})
    same = {(cell["product_id"], cell["branch"], cell["epoch"]): cell for cell in known}
    return False, [
        row for row in rows if same.get((row.get("product_id"), row.get("branch"), row.get("epoch"))) != row
    ]


def _merge_orders(tx: Transaction, rows: Rows, donor: str) -> tuple[bool, Rows]:
    written, left = order_pages.merge(tx, rows, donor=donor)
    return written > 0, left


def _merge_cell(tx: Transaction, row: dict[str, Any], _donor: str) -> ledger.Merged:
    return ledger.merge(tx, [ledger.cell_from_json(row)])


def _merging(merge: Callable[[Transaction, dict[str, Any]], bool]) -> Callable[..., ledger.Merged]:
    return lambda tx, row, _donor: ledger.Merged(changed=merge(tx, row))


def _merge_order(tx: Transaction, row: dict[str, Any], donor: str) -> ledger.Merged:
    return ledger.Merged(changed=orders.merge(tx, row, donor=donor))


_SOURCES: dict[str, _Source] = {
    "users": _Source(
        keys="SELECT id FROM users WHERE id > :after ORDER BY id LIMIT :limit",
        read=_read_users,
        merge=_merging(users.merge),
        bulk=_nothing_plain,
    ),
    "customers": _Source(
        keys="SELECT id FROM customers WHERE id > :after ORDER BY id LIMIT :limit",
        read=customers.snapshots,
        merge=_merging(customers.merge),
        bulk=_unlike(customers.snapshots),
    ),
    "products": _Source(
        keys="SELECT id FROM products WHERE id > :after ORDER BY id LIMIT :limit",
        read=products.snapshots,
        merge=_merging(products.merge),
        bulk=_unlike(products.snapshots),
    ),
    "stock": _Source(
        keys="SELECT DISTINCT product_id FROM stock WHERE product_id > :after{narrow}"
        " ORDER BY product_id LIMIT :limit",
        read=cell_pages.read,
        merge=_merge_cell,
        bulk=_unlike_cells,
        of_branch=True,
    ),
    "orders": _Source(
        keys="SELECT id FROM orders WHERE id > :after{narrow} ORDER BY id LIMIT :limit",
        read=order_pages.read,
        merge=_merge_order,
        bulk=_merge_orders,
        encode=order_pages.encode,
        of_branch=True,
    ),
}
