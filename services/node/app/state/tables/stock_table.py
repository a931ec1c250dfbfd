"""The stock table: reads cells, and is the only place that writes them."""

import json
import sqlite3
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from app.database import Transaction
from app.database.digest import bucket_of
from app.domain import stock
from app.domain.life import Life
from app.domain.stock import Cell
from app.domain.testimony import Word
from app.state.tables import cell_mirror, cell_rows, life_table, spendable
from app.state.tables.cell_mirror import Cells
from app.state.tables.cell_rows import Written

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


def hearsay_buckets(connection: sqlite3.Connection, life: Life) -> set[int]:
    """The digest's buckets with rows of a life that are here as others told them."""
    found = connection.execute(_HEARSAY_OF, life)
    return {bucket_of("/".join((row[0], *life))) for row in found}


def versions(connection: sqlite3.Connection, life: Life) -> dict[str, int]:
    """How many movements of each product a life has made, as known here, by product id."""
    return {row["product_id"]: row["version"] for row in connection.execute(_VERSIONS, life)}


def without_altered(connection: sqlite3.Connection, life: Life, product_ids: Sequence[str]) -> list[str]:
    """Those of these products whose row of a life is sound. A damaged number must not end a life."""
    if not product_ids:
        return []
    altered = {stored.key for stored in cell_rows.stored(connection, product_ids) if not stored.is_sound}
    return [product for product in product_ids if "/".join((product, *life)) not in altered]


class Movement(NamedTuple):
    """What moved of one product, as the writer's mirror has it: this life's cell `before` and `after`."""

    product: Cells
    before: Cell
    after: Cell


def move(tx: Transaction, before: Cell, after: Cell) -> None:
    """Write a movement of this node's own cell, and its event."""
    move_without_events(tx, [Movement(cell_mirror.find(tx, after.product_id), before, after)])
    tx.emit("stock_update", after.product_id)


def move_without_events(tx: Transaction, moved: Sequence[Movement]) -> None:
    """Write what moved of this node's own cells, each of another product. Each movement must have an
    event."""
    me, entries, alike = tx.identity, {}, []
    # first: a row that is written now must not be read beside an older mark
    cell_rows.mark(tx, [after for _, _, after in moved])
    for product, before, after in moved:
        is_own = after.epoch == me.epoch and after.branch == me.name
        assert is_own, "only its own branch, in its own epoch, writes a cell"
        known = before if before.version else None
        if after.granted is before.granted or after.granted == before.granted:
            alike.append(after)
            counted = _count(tx, known, after, counted=product.counted)
            entries[after.product_id] = product.after(after, counted=counted)
        else:
            cell_rows.write_all(tx, [Written(after, before.granted)])
            _count(tx, known, after)
    if alike:
        cell_rows.defer(tx, alike)
        tx.mirror(cell_mirror.CELLS, entries)


def merge(tx: Transaction, cells: Sequence[Cell]) -> Merged:
    """Merge a peer's cells, field by field. This node's own cell is compared, never changed. A listed altered
    cell is neither merged nor compared: its content proves nothing. A cell of a life that speaks for itself
    is taken from its branch only, and replaces what others had said of it (app.domain.testimony).

    If two views of a life cannot come from one history, its disk went back to an older copy, or was copied.
    That life is then over. It is a fork only the first time.
    """
    merged, me = Merged(), life_table.me(tx)
    products = list(dict.fromkeys([cell.product_id for cell in cells]))
    known, altered = cell_rows.to_merge(tx.connection, products)
    speaker = life_table.speaker(tx)
    unsure = hearsay_of(tx.connection, products)
    learned: set[Life] = set()
    written: list[Written] = []
    for theirs in cells:
        life = theirs.life
        key = (theirs.product_id, life)
        if key in altered:
            continue
        ours = known.get(key)
        if life == me:
            if stock.compare(ours, theirs, me=me).is_ahead:
                merged.ahead.append(theirs.product_id)
            continue
        word = Word.OWN if life == speaker else life_table.word_on(tx, life)
        if word is Word.REFUSED:
            continue
        if life not in learned:
            life_table.learn_life(tx, life)
            learned.add(life)
        life_table.learn_granted(tx, theirs.granted)
        heard = life == speaker and life in unsure.get(theirs.product_id, ())
        if heard and ours is not None and _confirm(tx, theirs):
            cell_rows.write_all(tx, written)  # before its grants go: they may be among these
            written.clear()
            one = _replaced(tx, ours, theirs)
        else:
            one = _merge_one(tx, ours, theirs, word, merged)
        if one is not None:
            known[key] = one.cell
            written.append(one)
            merged.changed = True
    cell_rows.write_all(tx, written)
    return merged


def _merge_one(
    tx: Transaction, ours: Cell | None, theirs: Cell, word: Word, merged: Merged
) -> Written | None:
    """Merge a cell of another life. Returns what is to be written, or None where nothing changed."""
    compared = stock.compare(ours, theirs, me=life_table.me(tx))
    if compared.is_fork and not life_table.is_over(tx, theirs.life):
        merged.forks.append(f"{theirs.product_id} of {theirs.life.key}")
        life_table.end(tx, theirs.life)
    after = compared.after
    if after is None:
        return None
    if word is not Word.OWN:
        _note_hearsay(tx, ours, after)
    _count(tx, ours, after)
    return Written(after, {} if ours is None else ours.granted)


def _confirm(tx: Transaction, cell: Cell) -> bool:
    """Store that a cell is its own life's word from now on. Returns whether it was not."""
    was_hearsay = tx.connection.execute(_CONFIRM, (cell.product_id, *cell.life)).rowcount > 0
    if was_hearsay:
        tx.effects.stock.add(cell.product_id)  # what it granted can be spent now, also if no row changes
    return was_hearsay


def _replaced(tx: Transaction, ours: Cell, theirs: Cell) -> Written | None:
    """What is to be written where a life's own word replaces what others had said of it."""
    if ours == theirs and theirs.beyond == ours.beyond:
        return None
    cell_rows.forget_grants(tx, ours)
    _count(tx, ours, theirs)
    return Written(theirs, {})


def _note_hearsay(tx: Transaction, before: Cell | None, after: Cell) -> None:
    """Store that a cell holds more than its own life has said here, and how much it had granted to this life
    by its own word. Of a life that is over only the grant counts: nobody else will ever say more of it."""
    confirmed = before.granted.get(life_table.me(tx), 0) if before else 0
    if life_table.is_over(tx, after.life) and after.granted.get(life_table.me(tx), 0) == confirmed:
        return
    tx.connection.execute(_NOTE_HEARSAY, (after.product_id, *after.life, confirmed))
    tx.effects.hearsay = True


def _count(tx: Transaction, before: Cell | None, after: Cell, *, counted: int | None = None) -> int:
    """Count a cell's change in the digest, and return what it counts now. `counted` is what it counted
    before, if that is known."""
    known = counted or (cell_rows.encode(before) if before else None)
    tx.effects.stock.add(after.product_id)
    key = f"{after.product_id}/{after.branch}/{after.epoch}"
    return tx.changed("stock", key, before=known, after=cell_rows.encode(after))
