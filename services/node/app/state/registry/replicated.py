"""The registry of what is replicated: one declaration for each entity; every list of them derives from it.

Code that goes through all replicated rows uses the registry, and so needs no table's name: digest, events,
pages, repair, a new epoch's announcements, /status.
"""

import sqlite3
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from app.database import Transaction
from app.domain import forms, testimony
from app.domain.errors import Invalid
from app.domain.forms import Row
from app.domain.life import Life
from app.domain.order import Order
from app.domain.stock import Cell
from app.domain.testimony import Word
from app.state.registry.entity import Entity, Parts, Rows
from app.state.tables import (
    cell_json,
    cell_rows,
    customers,
    life_table,
    order_effects,
    order_pages,
    order_rows,
    orders,
    products,
    stock_table,
    user_rows,
    users,
)
from app.state.tables.lww_table import LwwTable
from app.state.tables.lww_table import sealed as records_sealed
from app.state.tables.stock_table import Merged


def _nothing(_life: Life) -> bool:
    return False


def _every_of(relation: str) -> str:
    return f"SELECT id FROM {relation} ORDER BY id"


def of_records(records: LwwTable[Any]) -> Entity:
    """The entity of a table of records, where the last writer wins by the row's stamp."""

    def merge(tx: Transaction, rows: Rows, _donor: str) -> Merged:
        merged = Merged()
        for row in rows:
            merged.changed = records.merge(tx, row) or merged.changed
        return merged

    def unlike(tx: Transaction, rows: Rows, _donor: str) -> tuple[bool, Rows]:
        """Leaves the records that differ from those here. Most records that come with orders do not."""
        known = {row["id"]: row for row in records.snapshots(tx.connection, [str(r.get("id")) for r in rows])}
        return False, [row for row in rows if known.get(str(row.get("id"))) != row]

    return Entity(
        relation=records.relation,
        key=("id",),
        event_kind=f"{records.entity}_upserted",
        announced=_every_of(records.relation),
        stored=records.stored,
        merge=merge,
        bulk=unlike,
        checked=records.checked,
        put=records.put,
        seal=lambda row: records_sealed(records.form, row),
    )


def _merge_users(tx: Transaction, rows: Rows, _donor: str) -> Merged:
    merged = Merged()
    for row in rows:
        merged.changed = users.merge(tx, row) or merged.changed
    return merged


def _nothing_plain(_tx: Transaction, rows: Rows, _donor: str) -> tuple[bool, Rows]:
    return False, rows


def _merge_cells(tx: Transaction, rows: Rows, _donor: str) -> Merged:
    return stock_table.merge(tx, [cell_json.cell_from_json(row) for row in rows])


def _unlike_cells(tx: Transaction, rows: Rows, _donor: str) -> tuple[bool, Rows]:
    """Leaves the cells that differ from those here, and those that only others told until now."""
    products = list({str(row.get("product_id")) for row in rows})
    unsure = stock_table.hearsay_of(tx.connection, products)
    heard = {(product, *life) for product, lives in unsure.items() for life in lives}
    known = cell_rows.read(tx.connection, products)
    same = {key: cell for cell in known if (key := _key_of(cell)) not in heard}
    return False, [row for row in rows if same.get(_key_of(row)) != row]


def _key_of(cell: Row) -> tuple[str, ...]:
    """A cell's key. Other values get some texts as their key."""
    return tuple(str(cell.get(name)) for name in ("product_id", "branch", "epoch"))


def _put_cell(tx: Transaction, row: Row) -> None:
    cell_rows.put(tx, cell_json.cell_from_json(row))
    tx.effects.stock.add(row["product_id"])
    tx.effects.replaced = True


def _merge_orders(tx: Transaction, rows: Rows, donor: str) -> Merged:
    merged = Merged()
    for row in rows:
        merged.changed = orders.merge(tx, row, donor=donor) or merged.changed
    return merged


def _plain_orders(tx: Transaction, rows: Rows, donor: str) -> tuple[bool, Rows]:
    written, left = order_pages.merge(tx, rows, donor=donor)
    return written > 0, left


def _behind_orders(connection: sqlite3.Connection, rows: Rows) -> dict[str, list[Row]]:
    """The customers and products that orders refer to, and the stock they took, of the same instant.

    The pages of those relations were read before. An order placed since then would otherwise show without its
    effect on the stock, or name a customer that is not here yet.
    """
    taken = {(line["product_id"], row["branch"]) for row in rows for line in row["lines"]}
    sold = sorted({product_id for product_id, _ in taken})
    found = {
        "customers": sorted({row["customer_id"] for row in rows}),
        "products": sold,
        "stock": sold,
    }
    before = {relation: get(relation).read(connection, keys) for relation, keys in found.items()}
    cells = [cell for cell in before["stock"] if (cell["product_id"], cell["branch"]) in taken]
    return {**before, "stock": cells}


_THIS_VERSION: tuple[Entity, ...] = (
    Entity(
        relation="users",
        key=("id",),
        event_kind="user_upserted",
        announced=_every_of("users"),
        stored=user_rows.stored,
        merge=_merge_users,
        bulk=_nothing_plain,
        checked=users.checked,
        put=user_rows.put,
        seal=lambda row: user_rows.sealed(forms.of("users"), row),
    ),
    of_records(customers.CUSTOMERS),
    of_records(products.PRODUCTS),
    Entity(
        relation="stock",
        key=("product_id", "branch", "epoch"),
        event_kind="stock_update",
        announced="SELECT DISTINCT product_id FROM stock JOIN node ON stock.branch = node.name"
        " ORDER BY product_id",
        stored=cell_rows.stored,
        merge=_merge_cells,
        bulk=_unlike_cells,
        checked=lambda _tx, row: cell_json.cell_from_json(row).as_json(),
        put=_put_cell,
        seal=lambda row: cell_rows.sealed(cell_json.cell_from_json(row)),
        due=cell_rows.due,
        of_branch=True,
        runs_ahead=True,
        heard=stock_table.hearsay_buckets,
        parts=Parts(
            "stock_grants",
            ("product_id", "branch", "epoch"),
            apart=("to_branch", "to_epoch"),
            values=lambda: ("to_branch", "to_epoch", "quantity"),
        ),
    ),
    Entity(
        relation="orders",
        key=("id",),
        event_kind="order_created",
        announced=None,  # `orders.announce_again` does
        stored=order_rows.stored,
        merge=_merge_orders,
        bulk=_plain_orders,
        checked=lambda _tx, row: Order.from_json(row).as_json(),
        put=order_rows.put,
        seal=order_rows.sealed,
        encode=order_rows.encode,
        of_branch=True,
        behind=_behind_orders,
        parts=Parts(
            "order_lines",
            ("order_id",),
            apart=("line",),
            values=lambda: forms.of("order_lines").selected,
        ),
    ),
)


def entities() -> tuple[Entity, ...]:
    """All replicated entities, in an order in which they can be fetched: a row comes after the rows it refers
    to."""
    return _THIS_VERSION


def relations() -> tuple[str, ...]:
    """The replicated relations, in that order."""
    return tuple(entity.relation for entity in entities())


def find(relation: str) -> Entity | None:
    """The entity of a relation, or None for one that this version does not know."""
    return next((entity for entity in entities() if entity.relation == relation), None)


def get(relation: str) -> Entity:
    """The entity of a relation. Raises Invalid for one that this version does not know."""
    entity = find(relation)
    if entity is None:
        raise Invalid("relation", "unknown_to_this_version")
    return entity


def revisions() -> dict[str, int]:
    """The revision of each relation's canonical form in this version. An order's form includes its lines."""
    lines = forms.of("order_lines").revision - 1
    return {e.relation: e.form.revision + (lines if e.relation == "orders" else 0) for e in entities()}


def sent_revisions() -> dict[str, int]:
    """The revisions to send with rows: those that are not 1."""
    return {relation: revision for relation, revision in revisions().items() if revision > 1}


def admissible(
    tx: Transaction, entity: Entity, rows: Rows, *, covers: Callable[[Life], bool] = _nothing
) -> Rows:
    """Those rows of a branch's relation that the speaker may tell (app.domain.testimony). Rows that name no
    life stay, for their own check to refuse. Cells of stock are weighed when they are merged: this node's own
    must be compared first.

    `covers` says of a life that the speaker claims to have no more of it than this node, and that the branch
    cannot be asked. Then an order that is missing here is taken from anybody. But an order that is here
    changes by the word of its branch only: the claim may be false, and the change would show without its
    effect on the stock. So would the order itself, of a speaker that is still fetching rows of that branch:
    it is taken only if the stock rows here have room for it.
    """
    if entity.relation == "stock":
        return rows
    weighed: dict[tuple[Life, bool], bool] = {}
    found = [row for row in rows if _is_admissible(tx, row, covers, weighed)]
    lost = () if covers is _nothing else _told_by_nobody_else(tx, found, covers)
    if not lost:
        return found
    left_out = {id(row) for row in lost} - {id(row) for row in order_effects.fitting(tx.connection, lost)}
    return [row for row in found if id(row) not in left_out]


def _told_by_nobody_else(tx: Transaction, rows: Rows, covers: Callable[[Life], bool]) -> Rows:
    """Those admissible orders that are missing here, and which the speaker may tell only because nobody who
    knows more can be asked."""
    counts: dict[Life, bool] = {}
    found = []
    for row in rows:
        if not isinstance(row, Mapping) or not isinstance(row.get("branch"), str):
            continue
        life = Life(row["branch"], str(row.get("epoch")))
        if life not in counts:
            counts[life] = covers(life) and life_table.word_on(tx, life) is Word.REFUSED
        if counts[life] and not orders.is_here(tx.connection, row.get("id")):
            found.append(row)
    return found


def _is_admissible(
    tx: Transaction, row: Any, covers: Callable[[Life], bool], weighed: dict[tuple[Life, bool], bool]
) -> bool:
    """`weighed` keeps what the word of the speaker is worth on each life, for the other rows."""
    if not isinstance(row, Mapping):
        return True
    branch, epoch = row.get("branch"), row.get("epoch")
    if not (isinstance(branch, str) and isinstance(epoch, str)):
        return True
    life, is_changed = Life(branch, epoch), row.get("version") != 1
    if life == life_table.me(tx) and not orders.was_taken_here(tx.connection, row.get("id")):
        return False
    if covers(life) and not (is_changed and orders.is_here(tx.connection, row.get("id"))):
        return True
    if (life, is_changed) not in weighed:
        weighed[life, is_changed] = testimony.may_tell_order(
            life_table.word_on(tx, life),
            is_changed=is_changed,
            has_all_lives=branch == tx.identity.name or branch in tx.decommissioned or tx.stands_in(branch),
        )
    return weighed[life, is_changed]


def cells_from(rows: Iterable[Any], revisions: Mapping[str, int]) -> list[Cell]:
    """Stock cells from a peer that writes these revisions. Raises Invalid for one that no node could have
    written."""
    stock = get("stock")
    return [cell_json.cell_from_json(stock.upcast(row, revisions)) for row in rows]
