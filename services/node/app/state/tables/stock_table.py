"""The stock table: reading cells, and the only place that writes them."""

import json
import sqlite3
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.database import Transaction
from app.database.identity import LIVING_CURSORS, present_life
from app.domain import (
    forms,
    stock,
    text,
)
from app.domain.errors import Invalid, NotFound
from app.domain.forms import COUNTS
from app.domain.life import Life
from app.domain.row_checks import Fields
from app.domain.stock import Cell
from app.state.tables import (
    cell_rows,
    membership,
    orders,
    products,
)


@dataclass
class Merged:
    """What merging received cells did. `forks` cannot come from the history that is known here, so their life
    is over; `ahead` are cells of this very life that a peer knows better, or otherwise, than this node does:
    its file was rolled back; `waiting` are of products that are not here yet."""

    changed: bool = False
    forks: list[str] = field(default_factory=list)
    ahead: list[str] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)

    def absorb(self, other: "Merged") -> None:
        """Add what another merge did."""
        self.changed = self.changed or other.changed
        self.forks += other.forks
        self.ahead += other.ahead
        self.waiting += other.waiting


def cells_of(connection: sqlite3.Connection, product_id: str) -> list[Cell]:
    """Every life's cell of a product, by branch and epoch. Raises AlteredRow for one that is not what was
    written, unless that is known for good."""
    return cell_rows.cells(connection, product_id)


def cells_to_spend(tx: Transaction, product_id: str) -> list[Cell]:
    """The same for a command that spends rights by them. Raises AlteredRow for any that is not what was
    written, and where this life's own is gone: nobody knows what it should say, so no unit is sold by it."""
    found = cell_rows.cells(tx.connection, product_id, spending=True)
    if all(cell.life != me(tx) for cell in found):
        cell_rows.require_never_written(tx.connection, product_id)
    return found


def own_cell(cells: Iterable[Cell], life: Life, product_id: str) -> Cell:
    """This life's cell among `cells`, or an empty one that was never written."""
    found = next((cell for cell in cells if cell.life == life), None)
    return found or Cell(product_id=product_id, branch=life.branch, epoch=life.epoch)


def usable_rights(connection: sqlite3.Connection, cells: Sequence[Cell], life: Life) -> int:
    """Units that this node's own `life` may spend now by these cells of one product: its rights, less what a
    stock count recovered and not every member has acknowledged yet."""
    rights = stock.rights_of(life, cells)
    own = next((cell for cell in cells if cell.life == life), None)
    return rights if own is None else rights - unusable(connection, own.product_id, own)


def unusable(connection: sqlite3.Connection, product_id: str, own: Cell) -> int:
    """How much of the own cell's `recovered` must not be spent yet."""
    if own.recovered == 0:
        return 0
    row = connection.execute(
        "SELECT usable, seq, members FROM recoveries WHERE product_id = ? AND epoch = ?",
        (product_id, own.epoch),
    ).fetchone()
    if row is None:
        return 0
    # A state that is superseded in its batch stands at an earlier event of it: any that is parked may be it.
    acknowledged = {
        found["peer"]: found["acknowledged"]
        for found in connection.execute(
            f"SELECT peer, MAX(acknowledged) AS acknowledged FROM {LIVING_CURSORS} c WHERE epoch = :epoch"
            " AND NOT EXISTS (SELECT 1 FROM parked_elsewhere p WHERE p.peer = c.peer"
            " AND p.peer_epoch = c.peer_epoch AND p.epoch = c.epoch AND p.first_seq <= :seq) GROUP BY peer",
            {"epoch": own.epoch, "seq": row["seq"]},
        )
    }
    members = json.loads(row["members"])
    silent = {member for member in members if acknowledged.get(member, 0) < row["seq"]}
    everywhere = not silent or silent <= membership.done(connection, others=members)
    return 0 if everywhere else own.recovered - int(row["usable"])


def versions(connection: sqlite3.Connection, life: Life) -> dict[str, int]:
    """How many movements of each product a life made, as known here, by product."""
    rows = connection.execute(
        "SELECT product_id, version FROM stock WHERE branch = ? AND epoch = ? ORDER BY product_id", life
    )
    return {row["product_id"]: row["version"] for row in rows}


def without_altered(connection: sqlite3.Connection, life: Life, product_ids: Sequence[str]) -> list[str]:
    """Those of these products of which a life's row is what was written: a damaged number must not end a
    life."""
    if not product_ids:
        return []
    altered = {stored.key for stored in cell_rows.stored(connection, product_ids) if not stored.is_sound}
    return [product for product in product_ids if "/".join((product, *life)) not in altered]


def dead_lives(connection: sqlite3.Connection) -> set[Life]:
    """Every life known to be over."""
    return {Life(*row) for row in connection.execute("SELECT branch, epoch FROM epochs WHERE dead = 1")}


def living_epochs(connection: sqlite3.Connection, branch: str) -> list[str]:
    """A branch's epochs that are not known to be over."""
    rows = connection.execute(
        "SELECT epoch FROM epochs WHERE branch = ? AND dead = 0 ORDER BY epoch", (branch,)
    )
    return [row[0] for row in rows]


def living(connection: sqlite3.Connection, lives: Iterable[Life]) -> list[Life]:
    """Those of `lives` that are not known to be over: nobody should be given rights that nobody could use."""
    dead = dead_lives(connection)
    return [life for life in lives if life not in dead]


def me(tx: Transaction) -> Life:
    """The life this transaction may write cells of."""
    return Life(tx.identity.name, tx.identity.epoch)


def move(tx: Transaction, before: Cell, after: Cell) -> None:
    """Write a movement of this node's own cell and put it in the outbox."""
    assert after.life == me(tx), "only its own branch, in its own epoch, writes a cell"
    _save(tx, before if before.version else None, after)
    cell_rows.mark(tx, after)
    tx.emit("stock_update", after.product_id)


def merge(tx: Transaction, cells: Sequence[Cell]) -> Merged:
    """Merge a peer's view of cells, field by field; this node's own cell is compared, never changed. One that
    is known for good not to be what was written is neither: nothing follows from what it says.

    A life of which two views cannot come from one history was lived twice: its disk went back to an older
    copy of itself, or was copied. It is over, for all that hear of it, and then no news any more.
    """
    merged = Merged()
    known, altered = cell_rows.to_merge(tx.connection, dict.fromkeys(cell.product_id for cell in cells))
    for theirs in cells:
        learn_life(tx, theirs.life)
        for life in theirs.granted:
            learn_life(tx, life)
        if (theirs.product_id, theirs.life) in altered:
            continue
        ours = known.get((theirs.product_id, theirs.life))
        if ours == theirs and theirs.beyond == ours.beyond:
            continue
        if theirs.life == me(tx):
            if ours is None or theirs.version > ours.version or stock.is_fork(ours, theirs):
                merged.ahead.append(theirs.product_id)
            continue
        if ours and stock.is_fork(ours, theirs) and not is_over(tx, theirs.life):
            merged.forks.append(f"{theirs.product_id} of {theirs.life.key}")
            learn_life(tx, theirs.life, dead=True)
        after = stock.merge(ours, theirs) if ours else theirs
        if ours is None or after != ours or after.beyond != ours.beyond:
            _save(tx, ours, after)
            known[after.product_id, after.life] = after
            merged.changed = True
    return merged


def learn_life(tx: Transaction, life: Life, *, dead: bool = False) -> None:
    """Remember a life; every other life of this node's own branch is over, and stays so."""
    over = dead or (life.branch == tx.identity.name and life.epoch != tx.identity.epoch)
    tx.learn_life(life, over=over)


def is_over(tx: Transaction, life: Life) -> bool:
    """Whether a life is known to be over; each of a decommissioned branch is, also one never heard of."""
    known = tx.lives.get(life)
    return life.branch in tx.gone if known is None else known


def learn_deaths(tx: Transaction, told: Iterable[Life]) -> None:
    """Remember lives that a peer knows to be over. This node's own present one is not among them: whether it
    is over, and what follows, is decided elsewhere."""
    for life in told:
        if life != me(tx):
            learn_life(tx, life, dead=True)


def cell_from_json(body: object) -> Cell:
    """A cell from the wire. Raises Invalid for anything that no node could have written."""
    form = forms.of("stock")
    fields = Fields("stock", body, (*form.columns, "granted"))
    granted: dict[Life, int] = {}
    for name, quantity in fields.naturals("granted").items():
        life = Life.parse(name)
        if not (life.branch and life.epoch and quantity):
            raise Invalid("granted", "malformed_grant")
        granted[life] = quantity
    version = fields.natural("version")
    if version < 1:
        raise Invalid("version", "out_of_range")
    product_id, branch, epoch = (
        fields.text(name, longest=text.KEY) for name in ("product_id", "branch", "epoch")
    )
    counts = {name: fields.natural(name) for name in COUNTS}
    beyond = form.checked_beyond({name: value for name, value in fields.row.items() if name != "granted"})
    return Cell(
        product_id=product_id,
        branch=branch,
        epoch=epoch,
        version=version,
        granted=granted,
        beyond=beyond,
        **counts,
    )


def stock_view(connection: sqlite3.Connection, sku: str) -> dict[str, Any]:
    """One product's stock as known here: `available` and `frozen` of the company, `here` = rights of this
    branch, every life's row, and where it is oversold the orders that are short of units: the work list,
    the same on every node that knows the same orders. Raises NotFound."""
    product = products.find(connection, sku)
    if product is None:
        raise NotFound("product", sku)
    life, dead = present_life(connection), dead_lives(connection)
    return _view(connection, product.id, product.sku, life=life, dead=dead)


def stock_page(connection: sqlite3.Connection, after: str, limit: int) -> list[dict[str, Any]]:
    """The stock of up to `limit` products whose id is beyond `after`, by product id."""
    rows = connection.execute("SELECT id, sku FROM products WHERE id > ? ORDER BY id LIMIT ?", (after, limit))
    life, dead = present_life(connection), dead_lives(connection)
    return [_view(connection, *row, life=life, dead=dead) for row in rows.fetchall()]


def _view(
    connection: sqlite3.Connection, product_id: str, sku: str, *, life: Life, dead: Collection[Life]
) -> dict[str, Any]:
    cells = cells_of(connection, product_id)
    totals = stock.totals(cells, dead)
    sales = orders.sales_of(connection, product_id) if totals.oversold else []
    short = stock.deficits(totals.oversold, sales)
    return {
        "id": product_id,
        "sku": sku,
        "available": totals.available,
        "frozen": totals.frozen,
        "oversold": totals.oversold,
        "here": usable_rights(connection, cells, life),
        "deficits": [
            {"order": sale.order_id, "branch": sale.branch, "quantity": sale.quantity} for sale in short
        ],
        "rows": [
            {key: value for key, value in cell.as_json().items() if key != "product_id"} for cell in cells
        ],
    }


def _save(tx: Transaction, before: Cell | None, after: Cell) -> None:
    key = (after.product_id, *after.life)
    cell_rows.write(tx, after, known=dict(before.granted) if before else {})
    tx.changed(
        "stock",
        "/".join(key),
        before=before.as_json() if before else None,
        after=after.as_json(),
    )
    tx.effects.stock.add(after.product_id)
