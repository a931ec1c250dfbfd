"""Whole rows by the page: what one node fetches from another when no event will bring it.

The donor reads each page in one transaction and keeps serving. It prepares and holds nothing between pages.
"""

import hashlib
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from app.database import Transaction
from app.database.digest import bucket_of, canonical
from app.domain.forms import Row
from app.domain.life import Life
from app.state.registry import replicated, unknown_rows
from app.state.registry.entity import Entity
from app.state.tables import life_table, stock_table
from app.state.tables.stock_table import Merged
from app.sync.catchup.taken import NOTHING_REFUSED, Taken
from app.sync.log import dead_letters, positions
from app.sync.wire import kinds
from app.sync.wire.merging import UNAPPLICABLE
from app.sync.wire.messages import Head, Page, PageRequest

PAGE_KEYS = 2000
PAGE_BYTES = 1 << 20
_FIRST_KEYS = 32
_KEYS_AT_ONCE = 250
"""The most keys read between two looks at the page's size. After the first ones, so many are read as are
likely to fill the page: orders may have one line or a thousand."""

Rows = Sequence[Row]


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
    rows: list[Row] = []
    encoded: list[bytes] = []
    size = through = 0
    while through < len(keys) and size < PAGE_BYTES:
        some = keys[through : through + _next_keys(through, size)]
        through += len(some)
        chosen = [key for key in some if bucket_of(key) in buckets] if buckets else some
        found = [row for row in entity.read(connection, chosen) if _is_of(row, entity, wanted.branch)]
        if entity.relation == "stock":
            found = _own_word(connection, found, asker=wanted.epoch)
        rows += found
        encoded += map(entity.encode, found)
        size = sum(map(len, encoded))
    before = entity.behind(connection, rows)
    if "stock" in before:
        before = {**before, "stock": _own_word(connection, before["stock"], asker=wanted.epoch)}
    return Page(
        epoch=connection.execute("SELECT epoch FROM node").fetchone()[0],
        relation=wanted.relation,
        revisions=replicated.revisions(),
        before=before,
        rows=rows,
        next=keys[through - 1] if through < len(keys) or len(keys) == PAGE_KEYS else None,
        sha256=_digest(before, encoded),
        heads=positions.heads(connection),
        parked_marks=dead_letters.marks(connection) if before else None,
    )


def _next_keys(read: int, size: int) -> int:
    """How many keys to read next, after so many that gave so many bytes."""
    if read == 0:
        return _FIRST_KEYS
    return min(_KEYS_AT_ONCE, max(1, (PAGE_BYTES - size) * read // max(size, 1)))


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


def merge_page(
    tx: Transaction,
    page: Page,
    *,
    donor: str,
    is_silent: Callable[[str], bool] = lambda _: False,
    taken: Taken = NOTHING_REFUSED,
) -> Merged:
    """Merge a page's rows as their events would. `is_silent` says of a branch that it was not heard from
    lately, and `taken` is what was taken over of the donor's parked events.

    - A row that cannot be applied is left out and counted in `forks`: it contradicts a row here, or no node
      could have written it.
    - A row that refers to one that is not here is left out and counted in `waiting`. The donor got that one
      after it had read the page, so events bring it.
    - Rows of a relation that this version does not know are kept.
    - A row of another branch's living epoch is passed over: that branch itself is asked for it. But while it
    is silent, an order of it that is missing here is taken where the donor has no more events of that epoch
    than this node.
    - An order whose stock effect may be in a parked event that was refused is left out and counted in
    `waiting`: what the donor says of that life began to count in between, and another fetch brings both. If
    the donor has no more events of that life than this node, the effect is here.
    """
    merged, covers = Merged(), _covered(tx, page, donor=donor, is_silent=is_silent)
    for entity in replicated.entities():
        if told := page.before.get(entity.relation):
            _merge_rows(tx, entity, _upcast(entity, told, page, merged), donor, merged, covers=covers)
    known = replicated.find(page.relation)
    if known is None:
        _keep_rows(tx, page, donor, merged)
    else:
        rows = _upcast(known, page.rows, page, merged)
        _merge_rows(
            tx, known, rows, donor, merged, covers=covers, taken=taken if page.before else NOTHING_REFUSED
        )
    return merged


def _is_of(row: Mapping[str, Any], entity: Entity, branch: str | None) -> bool:
    return branch is None or not entity.of_branch or row["branch"] == branch


def _own_word(connection: sqlite3.Connection, cells: list[Row], *, asker: str) -> list[Row]:
    """Cells to send. What others said of the asker's own life is no evidence against it."""
    own = next((Life(cell["branch"], asker) for cell in cells if cell["epoch"] == asker), None)
    if own is None:
        return cells
    products = {cell["product_id"] for cell in cells}
    sound = set(stock_table.without_hearsay(connection, own, products))
    return [cell for cell in cells if cell["epoch"] != asker or cell["product_id"] in sound]


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
            if kept:
                merged.note_kept()


def _covered(
    tx: Transaction, page: Page, *, donor: str, is_silent: Callable[[str], bool]
) -> Callable[[Life], bool]:
    """Whether this node has received as many events of a life as the donor had when it read the page, and
    cannot ask the life's branch instead."""
    own = Head(seq=tx.counters.seq, event_id="")
    known = {**positions.heads(tx.connection), life_table.me(tx).key: own}

    def covers(life: Life) -> bool:
        if life.branch not in (tx.identity.name, donor) and not is_silent(life.branch):
            return False
        told = page.heads.get(life.key)
        return told is not None and life.key in known and told.seq <= known[life.key].seq

    return covers


def _with_effects(
    entity: Entity, rows: Rows, merged: Merged, *, covers: Callable[[Life], bool], taken: Taken
) -> Rows:
    """Those of these orders, which the donor may tell, whose effects are here. The others are counted."""
    found = []
    for row in rows:
        if taken.lacks(row) and not covers(Life(row["branch"], row["epoch"])):
            merged.waiting.append(f"{entity.relation} {row.get('id')}: what it took is parked at the donor")
        else:
            found.append(row)
    return found


def _merge_rows(
    tx: Transaction,
    entity: Entity,
    rows: Rows,
    donor: str,
    merged: Merged,
    *,
    covers: Callable[[Life], bool],
    taken: Taken = NOTHING_REFUSED,
) -> None:
    if entity.of_branch:
        rows = replicated.admissible(tx, entity, rows, covers=covers)
    if taken.refused:
        rows = _with_effects(entity, rows, merged, covers=covers, taken=taken)
    left = rows
    try:
        with tx.savepoint():
            changed, left = entity.bulk(tx, rows, donor)
            merged.changed = merged.changed or changed
    except UNAPPLICABLE:
        left = rows  # one of them does not fit: one by one tells which
    for row in left:
        try:
            with tx.savepoint():
                merged.absorb(entity.merge(tx, [row], donor))
        except UNAPPLICABLE as error:
            left_out = merged.waiting if kinds.is_waiting(error) else merged.forks
            left_out.append(f"{entity.relation} {row.get('id') or row.get('product_id')}: {error!r}")
