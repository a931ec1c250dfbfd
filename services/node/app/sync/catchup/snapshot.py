"""Whole rows by the page: what one node fetches from another when no event will bring it.

The donor reads each page in one transaction and keeps serving. It prepares and holds nothing between pages.
"""

import hashlib
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from app.database import Transaction
from app.database.digest import bucket_of, canonical
from app.state.registry import replicated, unknown_rows
from app.state.registry.entity import Entity
from app.state.tables.stock_table import Merged
from app.sync.log import positions
from app.sync.wire import kinds
from app.sync.wire.kinds import UNAPPLICABLE
from app.sync.wire.messages import Page, PageRequest

PAGE_KEYS = 2000
PAGE_BYTES = 1 << 20
_KEYS_AT_ONCE = 250  # between two looks at the page's size

Rows = Sequence[dict[str, Any]]


def read_page(connection: sqlite3.Connection, wanted: PageRequest) -> Page:
    """The next page of a relation after `wanted.after`, with this node's heads of the same instant. A page
    ends at about PAGE_BYTES.

    `branch` limits stock and orders to one branch's rows. `buckets` limits a page to the keys of these digest
    buckets. Stock ignores `buckets`, because its digest keys are finer than its pages.
    """
    entity = replicated.find(wanted.relation)
    if entity is None:
        return _unknown_page(connection, wanted)
    keys = entity.page_keys(connection, after=wanted.after, branch=wanted.branch, limit=PAGE_KEYS)
    buckets = frozenset(wanted.buckets if len(entity.key) == 1 else ())
    rows: list[dict[str, Any]] = []
    encoded: list[bytes] = []
    size = through = 0
    while through < len(keys) and size < PAGE_BYTES:
        some = keys[through : through + _KEYS_AT_ONCE]
        through += len(some)
        chosen = [key for key in some if bucket_of(key) in buckets] if buckets else some
        found = [row for row in entity.read(connection, chosen) if _is_of(row, entity, wanted.branch)]
        rows += found
        encoded += map(entity.encode, found)
        size = sum(map(len, encoded))
    before = entity.behind(connection, rows)
    return Page(
        epoch=connection.execute("SELECT epoch FROM node").fetchone()[0],
        relation=wanted.relation,
        revisions=replicated.revisions(),
        before=before,
        rows=rows,
        next=keys[through - 1] if through < len(keys) or len(keys) == PAGE_KEYS else None,
        sha256=_digest(before, encoded),
        heads=positions.heads(connection),
    )


def _unknown_page(connection: sqlite3.Connection, wanted: PageRequest) -> Page:
    """A page of rows of a relation that only newer versions know."""
    rows, revision, following = unknown_rows.page(
        connection, wanted.relation, after=wanted.after, limit=PAGE_KEYS
    )
    return Page(
        epoch=connection.execute("SELECT epoch FROM node").fetchone()[0],
        relation=wanted.relation,
        revisions={wanted.relation: revision},
        rows=rows,
        next=following,
        sha256=_digest({}, map(canonical, rows)),
        heads=positions.heads(connection),
    )


def is_whole(page: Page) -> bool:
    """Whether a page arrived as its donor read it. A damaged page is fetched again and never merged."""
    entity = replicated.find(page.relation)
    if entity is not None and page.sha256 == _digest(page.before, map(entity.encode, page.rows)):
        return True
    return page.sha256 == _digest(page.before, map(canonical, page.rows))


def merge_page(tx: Transaction, page: Page, *, donor: str) -> Merged:
    """Merge a page's rows as their events would.

    - A row that cannot be applied is left out and counted in `forks`: it contradicts a row here, or no node
      could have written it.
    - A row that refers to one that is not here is left out and counted in `waiting`. The donor got that one
      after it had read the page, so events bring it.
    - Rows of a relation that this version does not know are kept.
    """
    merged = Merged()
    for entity in replicated.entities():
        if told := page.before.get(entity.relation):
            _merge_rows(tx, entity, _upcast(entity, told, page, merged), donor, merged)
    known = replicated.find(page.relation)
    if known is None:
        _keep_rows(tx, page, donor, merged)
    else:
        _merge_rows(tx, known, _upcast(known, page.rows, page, merged), donor, merged)
    return merged


def _is_of(row: Mapping[str, Any], entity: Entity, branch: str | None) -> bool:
    return branch is None or not entity.of_branch or row["branch"] == branch


def _digest(before: Mapping[str, Rows], encoded: Iterable[bytes]) -> str:
    first = [canonical(row) for relation in replicated.relations() for row in before.get(relation, ())]
    return hashlib.sha256(b"\n".join((*first, *encoded))).hexdigest()


def _upcast(entity: Entity, rows: Rows, page: Page, merged: Merged) -> Rows:
    """A page's rows in this version's form. Rows that no version could have written are left out."""
    found = []
    for row in rows:
        try:
            found.append(entity.upcast(row, page.revisions))
        except UNAPPLICABLE as error:
            merged.forks.append(f"{entity.relation} {row.get('id')}: {error!r}")
    return found


def _keep_rows(tx: Transaction, page: Page, donor: str, merged: Merged) -> None:
    revision = page.revisions.get(page.relation, 1)
    for row in page.rows:
        try:
            kept = unknown_rows.keep(tx, page.relation, row, revision=revision, origin=donor)
        except UNAPPLICABLE as error:
            merged.forks.append(f"{page.relation} {row.get('id')}: {error!r}")
        else:
            merged.changed = merged.changed or kept


def _merge_rows(tx: Transaction, entity: Entity, rows: Rows, donor: str, merged: Merged) -> None:
    left = rows
    try:
        with tx.attempt():
            changed, left = entity.bulk(tx, rows, donor)
            merged.changed = merged.changed or changed
    except UNAPPLICABLE:
        left = rows  # one of them does not fit: one by one tells which
    for row in left:
        try:
            with tx.attempt():
                merged.absorb(entity.merge(tx, [row], donor))
        except UNAPPLICABLE as error:
            left_out = merged.waiting if kinds.is_waiting(error) else merged.forks
            left_out.append(f"{entity.relation} {row.get('id') or row.get('product_id')}: {error!r}")
