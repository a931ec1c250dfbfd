"""The registry of what is replicated: one declaration an entity, from which every list of them derives.

Whoever goes through all replicated rows (digest, events, pages, repair, a new epoch's announcements, /status)
asks here. Nothing else in the node knows a replicated table by name.
"""

import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.database import Transaction, digest
from app.database.digest import bucket_of, canonical
from app.database.seals import UNSEALED, Stored, is_listed, require_written
from app.state import (
    cell_rows,
    customers,
    forms,
    ledger,
    order_pages,
    order_rows,
    orders,
    products,
    users,
)
from app.state.errors import Invalid
from app.state.forms import Form, Row
from app.state.ledger import Merged
from app.state.records import Records
from app.state.records import sealed as records_sealed
from app.state.stock import Cell

Rows = Sequence[Row]
Bulk = Callable[[Transaction, Rows, str], tuple[bool, Rows]]
"""Merges what is plain of some rows from a donor; whether anything changed, and the rows that are left."""

Behind = Callable[[sqlite3.Connection, Rows], dict[str, list[Row]]]
"""The rows of other relations that come before some rows: what they refer to, and what they took."""

_KEYS_AT_ONCE = 500


def _nothing_behind(_connection: sqlite3.Connection, _rows: Rows) -> dict[str, list[Row]]:
    return {}


@dataclass(frozen=True)
class Entity:
    """What is replicated of one table.

    - `key`: the columns of its primary key; joined with "/" they are its rows' key in the digest. Pages go by
      the first of them.
    - `told_by`: the kind of the events that tell what stands under a page key (app.sync.kinds), and
      `announced` lists the page keys that a new epoch tells again; None where it does that by itself, some at
      a time.
    - `stored` reads the rows of page keys as they stand; `merge` takes in rows from a peer, `bulk` first
      where they come by the page; `checked` gives a peer's row in canonical form or raises Invalid; `put`
      writes a row in place of what stands there and counts it nowhere.
    - `of_branch`: its rows belong to the branch they name; nobody else speaks for them. `behind` gives the
      rows of other relations that have to come before a page of them; `runs_ahead` says that a row may reach
      a node before its event does, as a grant's reply brings one.
    """

    relation: str
    key: tuple[str, ...]
    told_by: str
    announced: str | None
    stored: Callable[[sqlite3.Connection, Iterable[str]], list[Stored]]
    merge: Callable[[Transaction, Rows, str], Merged]
    bulk: Bulk
    checked: Callable[[Transaction, Any], Row]
    put: Callable[[Transaction, Row], None]
    seal: Callable[[Row], int]
    encode: Callable[[Row], bytes] = canonical
    of_branch: bool = False
    behind: Behind = _nothing_behind
    runs_ahead: bool = False

    @property
    def form(self) -> Form:
        return forms.of(self.relation)

    def key_of(self, row: Mapping[str, Any]) -> str:
        """A row's key in the digest."""
        return "/".join(str(row[name]) for name in self.key)

    def page_keys(
        self, connection: sqlite3.Connection, *, after: str = "", branch: str | None = None, limit: int = -1
    ) -> list[str]:
        """Up to `limit` keys by which pages go, beyond `after`, in order; of one branch's rows if it is
        named."""
        column = self.key[0]
        narrow = " AND branch = :branch" if self.of_branch and branch is not None else ""
        distinct = "DISTINCT " if len(self.key) > 1 else ""
        query = (
            f"SELECT {distinct}{column} FROM {self.relation} WHERE {column} > :after{narrow}"
            f" ORDER BY {column} LIMIT :limit"
        )
        values = {"after": after, "branch": branch, "limit": limit}
        return [row[0] for row in connection.execute(query, values)]

    def read(self, connection: sqlite3.Connection, keys: Iterable[str]) -> list[Row]:
        """The rows of these page keys, to be told to peers. Raises AlteredRow for one that is not what was
        written; one of stock of which that is known for good is left out, since counts are merged by maximum
        and nobody could take it back."""
        found = self.stored(connection, keys)
        if self.relation == "stock":
            found = [row for row in found if row.is_sound or not is_listed(connection, row)]
        return [require_written(connection, stored, "tell") for stored in found]

    def every(self, connection: sqlite3.Connection) -> Iterator[Stored]:
        """Every row as it stands, in a scan of the whole table."""
        keys = self.page_keys(connection)
        for start in range(0, len(keys), _KEYS_AT_ONCE):
            yield from self.stored(connection, keys[start : start + _KEYS_AT_ONCE])

    def in_bucket(self, connection: sqlite3.Connection, bucket: int) -> list[Stored]:
        """Every row of one digest bucket as it stands."""
        names = " || '/' || ".join(self.key)
        wanted = dict.fromkeys(
            page_key
            for key, page_key in connection.execute(f"SELECT {names}, {self.key[0]} FROM {self.relation}")
            if bucket_of(key) == bucket
        )
        return [row for row in self.stored(connection, wanted) if bucket_of(row.key) == bucket]

    def upcast(self, row: Any, revisions: Mapping[str, int]) -> Any:
        """A row from a peer that writes these revisions (1 where it does not say) as this version's."""
        revision = revisions.get(self.relation, 1)
        return self.form.upcast(row, revision) if isinstance(row, dict) else row


def _every_of(relation: str) -> str:
    return f"SELECT id FROM {relation} ORDER BY id"


def of_records(records: Records) -> Entity:
    """The entity of a table of records: last writer wins by the row's stamp."""

    def merge(tx: Transaction, rows: Rows, _donor: str) -> Merged:
        merged = Merged()
        for row in rows:
            merged.changed = records.merge(tx, row) or merged.changed
        return merged

    def unlike(tx: Transaction, rows: Rows, _donor: str) -> tuple[bool, Rows]:
        """Most records that come with orders are here as they are."""
        known = {row["id"]: row for row in records.snapshots(tx.connection, [str(r.get("id")) for r in rows])}
        return False, [row for row in rows if known.get(row.get("id")) != row]

    return Entity(
        relation=records.relation,
        key=("id",),
        told_by=f"{records.entity}_upserted",
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
    return ledger.merge(tx, [ledger.cell_from_json(row) for row in rows])


def _unlike_cells(tx: Transaction, rows: Rows, _donor: str) -> tuple[bool, Rows]:
    """Leaves only the cells that are not here as they are."""
    known = cell_rows.read(tx.connection, {str(row.get("product_id")) for row in rows})
    same = {(cell["product_id"], cell["branch"], cell["epoch"]): cell for cell in known}
    return False, [
        row for row in rows if same.get((row.get("product_id"), row.get("branch"), row.get("epoch"))) != row
    ]


def _put_cell(tx: Transaction, row: Row) -> None:
    cell_rows.put(tx, ledger.cell_from_json(row))
    tx.effects.stock.add(row["product_id"])


def _merge_orders(tx: Transaction, rows: Rows, donor: str) -> Merged:
    merged = Merged()
    for row in rows:
        merged.changed = orders.merge(tx, row, donor=donor) or merged.changed
    return merged


def _plain_orders(tx: Transaction, rows: Rows, donor: str) -> tuple[bool, Rows]:
    written, left = order_pages.merge(tx, rows, donor=donor)
    return written > 0, left


def _behind_orders(connection: sqlite3.Connection, rows: Rows) -> dict[str, list[Row]]:
    """The customers and products that orders refer to and the stock they took, of the same instant.

    The pages of those relations were read before: an order taken since would show without its stock effect,
    or name a customer that is not there yet.
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
        told_by="user_upserted",
        announced=_every_of("users"),
        stored=users.stored,
        merge=_merge_users,
        bulk=_nothing_plain,
        checked=users.checked,
        put=users.put,
        seal=lambda row: users.sealed(forms.of("users"), row),
    ),
    of_records(customers.CUSTOMERS),
    of_records(products.PRODUCTS),
    Entity(
        relation="stock",
        key=("product_id", "branch", "epoch"),
        told_by="stock_update",
        announced="SELECT DISTINCT product_id FROM stock JOIN node ON stock.branch = node.name"
        " ORDER BY product_id",
        stored=cell_rows.stored,
        merge=_merge_cells,
        bulk=_unlike_cells,
        checked=lambda _tx, row: ledger.cell_from_json(row).as_json(),
        put=_put_cell,
        seal=lambda row: cell_rows.sealed(ledger.cell_from_json(row)),
        of_branch=True,
        runs_ahead=True,
    ),
    Entity(
        relation="orders",
        key=("id",),
        told_by="order_created",
        announced=None,  # `orders.announce_again` does
        stored=order_rows.stored,
        merge=_merge_orders,
        bulk=_plain_orders,
        checked=lambda _tx, row: orders.checked(row),
        put=order_rows.put,
        seal=order_rows.sealed,
        encode=order_rows.encode,
        of_branch=True,
        behind=_behind_orders,
    ),
)


def entities() -> tuple[Entity, ...]:
    """Everything replicated, in an order in which it can be fetched: what a row refers to comes before it."""
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
    """The revision of each relation's canonical form in this version. An order's counts its lines' too."""
    lines = forms.of("order_lines").revision - 1
    return {e.relation: e.form.revision + (lines if e.relation == "orders" else 0) for e in entities()}


def told_revisions() -> dict[str, int]:
    """The revisions to say with rows: those that are not the first."""
    return {relation: revision for relation, revision in revisions().items() if revision > 1}


def cells_from(rows: Iterable[Any], revisions: Mapping[str, int]) -> list[Cell]:
    """Stock cells from a peer that writes these revisions. Raises Invalid for one that no node could have
    written."""
    stock = get("stock")
    return [ledger.cell_from_json(stock.upcast(row, revisions)) for row in rows]


class CanonicalForms:
    """This version's canonical forms, as opening a file needs them (app.database.forms)."""

    @property
    def revisions(self) -> Mapping[str, int]:
        return revisions()

    def recompute(
        self, connection: sqlite3.Connection, relations: Collection[str], progress: Callable[[str, int], None]
    ) -> None:
        """Make seals for the rows of these relations that a migration left without, and their bucket totals
        under this version's form where the file's are of another. A row that is not what was written keeps
        its seal, so that the next scrub finds it."""
        for entity in entities():
            if entity.relation in relations:
                _recompute(connection, entity, progress)


FORMS = CanonicalForms()


def _recompute(connection: sqlite3.Connection, entity: Entity, progress: Callable[[str, int], None]) -> None:
    known = connection.execute(
        "SELECT revision FROM canonical_forms WHERE relation = ?", (entity.relation,)
    ).fetchone()
    recount = (known[0] if known else 1) != revisions()[entity.relation]
    where = " AND ".join(f"{name} = ?" for name in entity.key)
    seal = f"UPDATE {entity.relation} SET checksum = ? WHERE {where}"
    totals: dict[int, int] = {}
    unsealed: list[tuple[Any, ...]] = []
    for number, stored in enumerate(entity.every(connection), start=1):
        if stored.row is None:
            continue
        if stored.written == UNSEALED:
            unsealed.append((stored.found, *(stored.row[name] for name in entity.key)))
        if recount:
            bucket = bucket_of(stored.key)
            fingerprint = digest.fingerprint_of(entity.relation, entity.encode(stored.row))
            totals[bucket] = totals.get(bucket, 0) + fingerprint
        if number % _KEYS_AT_ONCE == 0:
            connection.executemany(seal, unsealed)
            unsealed.clear()
            progress(entity.relation, number)
    connection.executemany(seal, unsealed)
    if recount:
        connection.execute("DELETE FROM digest_buckets WHERE relation = ?", (entity.relation,))
        for bucket, total in totals.items():
            digest.write_total(connection, entity.relation, bucket, total)
