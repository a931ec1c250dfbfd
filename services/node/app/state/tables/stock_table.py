"""The stock table: reads cells, and is the only place that writes them."""

import json
import sqlite3
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from app.database import Transaction
from app.domain import bounds, forms, stock, text
from app.domain.errors import BeyondBounds, Invalid
from app.domain.forms import COUNTS
from app.domain.life import Life
from app.domain.row_checks import Fields
from app.domain.stock import Cell
from app.domain.testimony import Word
from app.state.tables import cell_mirror, cell_rows, life_table, spendable
from app.state.tables.cell_mirror import Cells

_HEARSAY = "SELECT branch, epoch, confirmed FROM hearsay_cells WHERE product_id = ?"
_CONFIRM_MORE = (
    "UPDATE hearsay_cells SET confirmed = confirmed + ? WHERE product_id = ? AND branch = ? AND epoch = ?"
)
_PRODUCTS_WITH_HEARSAY = "SELECT DISTINCT product_id FROM hearsay_cells ORDER BY product_id"
_HEARSAY_OF_ALL = """
    SELECT product_id, branch, epoch FROM hearsay_cells
    WHERE product_id IN (SELECT value FROM json_each(?)) ORDER BY product_id, branch, epoch
"""
_HEARSAY_OF = "SELECT product_id FROM hearsay_cells WHERE branch = ? AND epoch = ?"
_CONFIRM = "DELETE FROM hearsay_cells WHERE product_id = ? AND branch = ? AND epoch = ?"
_NOTE_HEARSAY = """
    INSERT INTO hearsay_cells (product_id, branch, epoch, confirmed) VALUES (?, ?, ?, ?)
    ON CONFLICT (product_id, branch, epoch) DO NOTHING
"""
_VERSIONS = "SELECT product_id, version FROM stock WHERE branch = ? AND epoch = ? ORDER BY product_id"


@dataclass
class Merged:
    """What merging received cells found.

    - `forks`: cells that contradict the history known here, so their life is over.
    - `ahead`: products where a peer's cell of this very life is newer than here, or differs. This file was
      rolled back.
    - `waiting`: cells of products that are not here yet.
    - `kept`: whether anything is kept that cannot be used yet.
    """

    changed: bool = False
    forks: list[str] = field(default_factory=list)
    ahead: list[str] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    kept: bool = False

    def note_kept(self) -> None:
        """Say that something was kept just now that cannot be used yet."""
        self.changed = self.kept = True

    def absorb(self, other: "Merged") -> None:
        """Add what another merge did."""
        self.changed = self.changed or other.changed
        self.forks += other.forks
        self.ahead += other.ahead
        self.waiting += other.waiting
        self.kept = self.kept or other.kept


def cells_of(connection: sqlite3.Connection, product_id: str) -> list[Cell]:
    """Every life's cell of a product, by branch and epoch. Raises AlteredRow for an altered cell that is not
    listed yet."""
    return cell_rows.cells(connection, product_id)


def cells_to_spend(tx: Transaction, product_id: str) -> list[Cell]:
    """Every life's cell of a product, for a command that spends rights. Raises AlteredRow for any altered
    cell, and if this life's own is missing: its content is unknown, so no unit is sold by it."""
    return list(to_spend(tx, product_id).of_product)


def to_spend(tx: Transaction, product_id: str) -> Cells:
    """What the writer's mirror has of a product, for a command that spends rights. Raises as `cells_to_spend`
    does."""
    found = cell_mirror.find(tx, product_id)
    if found.own is None:
        cell_rows.require_never_written(tx.direct, product_id)
    return found


def own_cell(cells: Iterable[Cell], life: Life, product_id: str) -> Cell:
    """This life's cell among `cells`, or an empty one that was never written."""
    found = next((cell for cell in cells if cell.life == life), None)
    return found or Cell(product_id=product_id, branch=life.branch, epoch=life.epoch)


def own_of(tx: Transaction, product: Cells, product_id: str) -> Cell:
    """This life's cell of a product, or an empty one that was never written."""
    return product.own or Cell(product_id=product_id, branch=tx.identity.name, epoch=tx.identity.epoch)


def usable_rights(connection: sqlite3.Connection, cells: Sequence[Cell], life: Life) -> int:
    """Units that this node's own `life` may spend now, by these cells of one product. That is its rights
    without the units that a stock count recovered and not every member has acknowledged yet, and without
    those that only others say were granted to it."""
    return sum(spendable.rights(connection, {cell.product_id: cells for cell in cells[:1]}, life).values())


def unconfirmed(connection: sqlite3.Connection, cells: Sequence[Cell], life: Life) -> dict[Life, int]:
    """The units of one product, by giver, that others say were granted to this node's own `life`, and that
    the giver has not said here. They are neither spent nor given back yet."""
    found = spendable.unconfirmed(connection, {cell.product_id: cells for cell in cells[:1]}, life)
    return next(iter(found.values()), {})


def confirm_more(tx: Transaction, product_id: str, giver: Life, units: int) -> None:
    """Count so many more units of a giver's grant as settled: they were given back to it."""
    tx.connection.execute(_CONFIRM_MORE, (units, product_id, *giver))


def products_with_hearsay(connection: sqlite3.Connection) -> list[str]:
    """The ids of the products of which a cell is here by the word of others."""
    return [row[0] for row in connection.execute(_PRODUCTS_WITH_HEARSAY)]


def hearsay_of(connection: sqlite3.Connection, product_ids: Sequence[str]) -> dict[str, list[Life]]:
    """For each of these products that has some, the lives whose cell is here by the word of others."""
    found: dict[str, list[Life]] = {}
    for product_id, branch, epoch in connection.execute(_HEARSAY_OF_ALL, (json.dumps(product_ids),)):
        found.setdefault(product_id, []).append(Life(branch, epoch))
    return found


def rights_by_life(tx: Transaction, product: Cells) -> dict[Life, int]:
    """The units of a product that this node can use, and those that each other living life may sell."""
    me, cells = life_table.me(tx), product.of_product
    lives = sorted({life for cell in cells for life in (cell.life, *cell.granted)} - {me})
    rights = {life: stock.rights_of(life, cells) for life in life_table.living(tx.direct, lives)}
    return {me: cell_mirror.usable(tx, product), **rights}


def unusable(connection: sqlite3.Connection, product_id: str, own: Cell) -> int:
    """How much of the own cell's `recovered` must not be spent yet."""
    return spendable.unusable(connection, [replace(own, product_id=product_id)]).get(product_id, 0)


def tellable(connection: sqlite3.Connection, cells: Sequence[Cell], dead: Collection[Life]) -> list[Cell]:
    """Those of one product's cells that may be sent on. What others said of a living life stays here."""
    found = {
        (row[0], row[1]) for cell in cells[:1] for row in connection.execute(_HEARSAY, (cell.product_id,))
    }
    return [cell for cell in cells if cell.life not in found or cell.life in dead]


def without_hearsay(connection: sqlite3.Connection, life: Life, product_ids: Iterable[str]) -> list[str]:
    """Those of these products whose row of a life is its own word. What others said of it proves nothing."""
    found = {row[0] for row in connection.execute(_HEARSAY_OF, life)}
    return [product for product in product_ids if product not in found]


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
    me = tx.identity
    is_own = after.epoch == me.epoch and after.branch == me.name
    assert is_own, "only its own branch, in its own epoch, writes a cell"
    known = before if before.version else None
    cell_rows.mark(tx, after)  # first: a row that is written now must not be read beside an older mark
    if after.granted is before.granted or after.granted == before.granted:
        entry = cell_mirror.find(tx, after.product_id)
        cell_rows.defer(tx, after)
        counted = _count(tx, known, after, counted=entry.counted)
        tx.mirror(cell_mirror.CELLS, after.product_id, entry.after(after, counted=counted))
    else:
        _save(tx, known, after)
    tx.emit("stock_update", after.product_id)


def merge(tx: Transaction, cells: Sequence[Cell]) -> Merged:
    """Merge a peer's cells, field by field. This node's own cell is compared, never changed. A listed altered
    cell is neither merged nor compared: its content proves nothing. A cell of a life that speaks for itself
    is taken from its branch only, and replaces what others had said of it (app.domain.testimony).

    If two views of a life cannot come from one history, its disk went back to an older copy, or was copied.
    That life is then over. It is a fork only the first time.
    """
    merged, me = Merged(), life_table.me(tx)
    known, altered = cell_rows.to_merge(tx.connection, dict.fromkeys(cell.product_id for cell in cells))
    for theirs in cells:
        key = (theirs.product_id, theirs.life)
        if key in altered:
            continue
        if theirs.life == me:
            if stock.compare(known.get(key), theirs, me=me).is_ahead:
                merged.ahead.append(theirs.product_id)
        elif (after := _merge_one(tx, known.get(key), theirs, merged)) is not None:
            known[key] = after
            merged.changed = True
    return merged


def _merge_one(tx: Transaction, ours: Cell | None, theirs: Cell, merged: Merged) -> Cell | None:
    """Merge a cell of another life. Returns it as it is stored now, or None where nothing changed."""
    word = life_table.word_on(tx, theirs.life)
    if word is Word.REFUSED:
        return None
    life_table.learn_life(tx, theirs.life)
    life_table.learn_granted(tx, theirs.granted)
    if life_table.speaker(tx) == theirs.life and ours is not None and _confirm(tx, theirs):
        return _replace(tx, ours, theirs)
    compared = stock.compare(ours, theirs, me=life_table.me(tx))
    if compared.is_fork and not life_table.is_over(tx, theirs.life):
        merged.forks.append(f"{theirs.product_id} of {theirs.life.key}")
        life_table.end(tx, theirs.life)
    if compared.after is not None:
        if word is not Word.OWN:
            _note_hearsay(tx, ours, compared.after)
        _save(tx, ours, compared.after)
    return compared.after


def _confirm(tx: Transaction, cell: Cell) -> bool:
    """Store that a cell is its own life's word from now on. Returns whether it was not."""
    return tx.connection.execute(_CONFIRM, (cell.product_id, *cell.life)).rowcount > 0


def _replace(tx: Transaction, ours: Cell, theirs: Cell) -> Cell | None:
    """Write a life's own word over what others had said of it."""
    if ours == theirs and theirs.beyond == ours.beyond:
        return None
    cell_rows.forget_grants(tx, ours)
    _save(tx, replace(ours, granted={}), theirs, counted=ours)
    return theirs


def _note_hearsay(tx: Transaction, before: Cell | None, after: Cell) -> None:
    """Store that a cell holds more than its own life has said here, and how much it had granted to this life
    by its own word. Of a life that is over only the grant counts: nobody else will ever say more of it."""
    confirmed = before.granted.get(life_table.me(tx), 0) if before else 0
    if life_table.is_over(tx, after.life) and after.granted.get(life_table.me(tx), 0) == confirmed:
        return
    tx.connection.execute(_NOTE_HEARSAY, (after.product_id, *after.life, confirmed))
    tx.effects.hearsay = True


def cell_from_json(body: object) -> Cell:
    """A cell from the wire. Raises Invalid for anything that no node could have written."""
    form = forms.of("stock")
    fields = Fields("stock", body, (*form.columns, "granted"))
    granted_to = fields.row["granted"]
    if isinstance(granted_to, Mapping) and len(granted_to) > bounds.MOST_GRANTS:
        raise BeyondBounds("granted", "too_many")
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


def _save(tx: Transaction, before: Cell | None, after: Cell, *, counted: Cell | None = None) -> None:
    """Write a cell over `before`, as it stands in the table. `counted` is the cell that the digest counts, if
    it is another one."""
    cell_rows.write(tx, after, known=dict(before.granted) if before else {})
    _count(tx, counted or before, after)


def _count(tx: Transaction, before: Cell | None, after: Cell, *, counted: int | None = None) -> int:
    """Count a cell's change in the digest, and return what it counts now. `counted` is what it counted
    before, if that is known."""
    known = counted or (cell_rows.encode(before) if before else None)
    tx.effects.stock.add(after.product_id)
    key = f"{after.product_id}/{after.branch}/{after.epoch}"
    return tx.changed("stock", key, before=known, after=cell_rows.encode(after))
