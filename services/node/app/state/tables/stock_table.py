"""The stock table: reads cells, and is the only place that writes them."""

import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from app.database import Transaction
from app.database.identity import LIVING_CURSORS
from app.domain import forms, stock, text
from app.domain.errors import Invalid
from app.domain.forms import COUNTS
from app.domain.life import Life
from app.domain.row_checks import Fields
from app.domain.stock import Cell
from app.state.tables import cell_rows, life_table, membership

_RECOVERY = "SELECT usable, seq, members FROM recoveries WHERE product_id = ? AND epoch = ?"
# A state that is superseded in its batch stands at an earlier event of it: any that is parked may be it.
_ACKNOWLEDGED = f"""
    SELECT peer, MAX(acknowledged) AS acknowledged FROM {LIVING_CURSORS} c
    WHERE epoch = :epoch AND NOT EXISTS (
        SELECT 1 FROM parked_elsewhere p WHERE p.peer = c.peer AND p.peer_epoch = c.peer_epoch
        AND p.epoch = c.epoch AND p.first_seq <= :seq
    )
    GROUP BY peer
"""
_VERSIONS = "SELECT product_id, version FROM stock WHERE branch = ? AND epoch = ? ORDER BY product_id"


@dataclass
class Merged:
    """What merging received cells found.

    - `forks`: cells that contradict the history known here, so their life is over.
    - `ahead`: products where a peer's cell of this very life is newer than here, or differs. This file was
      rolled back.
    - `waiting`: cells of products that are not here yet.
    """

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
    """Every life's cell of a product, by branch and epoch. Raises AlteredRow for an altered cell that is not
    listed yet."""
    return cell_rows.cells(connection, product_id)


def cells_to_spend(tx: Transaction, product_id: str) -> list[Cell]:
    """The same, for a command that spends rights. Raises AlteredRow for any altered cell, and if this life's
    own is missing: its content is unknown, so no unit is sold by it."""
    found = cell_rows.cells(tx.connection, product_id, spending=True)
    if all(cell.life != life_table.me(tx) for cell in found):
        cell_rows.require_never_written(tx.connection, product_id)
    return found


def own_cell(cells: Iterable[Cell], life: Life, product_id: str) -> Cell:
    """This life's cell among `cells`, or an empty one that was never written."""
    found = next((cell for cell in cells if cell.life == life), None)
    return found or Cell(product_id=product_id, branch=life.branch, epoch=life.epoch)


def usable_rights(connection: sqlite3.Connection, cells: Sequence[Cell], life: Life) -> int:
    """Units that this node's own `life` may spend now, by these cells of one product. That is its rights
    without the units that a stock count recovered and not every member has acknowledged yet."""
    rights = stock.rights_of(life, cells)
    own = next((cell for cell in cells if cell.life == life), None)
    return rights if own is None else rights - unusable(connection, own.product_id, own)


def unusable(connection: sqlite3.Connection, product_id: str, own: Cell) -> int:
    """How much of the own cell's `recovered` must not be spent yet."""
    if own.recovered == 0:
        return 0
    row = connection.execute(_RECOVERY, (product_id, own.epoch)).fetchone()
    if row is None:
        return 0
    found = connection.execute(_ACKNOWLEDGED, {"epoch": own.epoch, "seq": row["seq"]})
    acknowledged = {peer["peer"]: peer["acknowledged"] for peer in found}
    members = json.loads(row["members"])
    silent = {member for member in members if acknowledged.get(member, 0) < row["seq"]}
    everywhere = not silent or silent <= membership.done(connection, others=members)
    return 0 if everywhere else own.recovered - int(row["usable"])


def versions(connection: sqlite3.Connection, life: Life) -> dict[str, int]:
    """How many movements of each product a life has made, as known here, by product id."""
    return {row["product_id"]: row["version"] for row in connection.execute(_VERSIONS, life)}


def without_altered(connection: sqlite3.Connection, life: Life, product_ids: Sequence[str]) -> list[str]:
    """Those of these products whose row of a life is sound. A damaged number must not end a life."""
    if not product_ids:
        return []
    altered = {stored.key for stored in cell_rows.stored(connection, product_ids) if not stored.is_sound}
    return [product for product in product_ids if "/".join((product, *life)) not in altered]


def move(tx: Transaction, before: Cell, after: Cell) -> None:
    """Write a movement of this node's own cell, and its event."""
    assert after.life == life_table.me(tx), "only its own branch, in its own epoch, writes a cell"
    _save(tx, before if before.version else None, after)
    cell_rows.mark(tx, after)
    tx.emit("stock_update", after.product_id)


def merge(tx: Transaction, cells: Sequence[Cell]) -> Merged:
    """Merge a peer's cells, field by field. This node's own cell is compared, never changed. A listed altered
    cell is neither merged nor compared: its content proves nothing.

    If two views of a life cannot come from one history, its disk went back to an older copy, or was copied.
    That life is then over. It is a fork only the first time.
    """
    merged = Merged()
    known, altered = cell_rows.to_merge(tx.connection, dict.fromkeys(cell.product_id for cell in cells))
    for theirs in cells:
        life_table.learn_life(tx, theirs.life)
        for life in theirs.granted:
            life_table.learn_life(tx, life)
        if (theirs.product_id, theirs.life) in altered:
            continue
        ours = known.get((theirs.product_id, theirs.life))
        if ours == theirs and theirs.beyond == ours.beyond:
            continue
        if theirs.life == life_table.me(tx):
            if ours is None or theirs.version > ours.version or stock.is_fork(ours, theirs):
                merged.ahead.append(theirs.product_id)
            continue
        if ours and stock.is_fork(ours, theirs) and not life_table.is_over(tx, theirs.life):
            merged.forks.append(f"{theirs.product_id} of {theirs.life.key}")
            life_table.learn_life(tx, theirs.life, dead=True)
        after = stock.merge(ours, theirs) if ours else theirs
        if ours is None or after != ours or after.beyond != ours.beyond:
            _save(tx, ours, after)
            known[after.product_id, after.life] = after
            merged.changed = True
    return merged


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
