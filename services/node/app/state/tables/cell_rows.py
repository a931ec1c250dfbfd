"""Stock cells as rows: reads, seals and writes those of many products in few statements."""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache, lru_cache
from json.encoder import encode_basestring as _text
from operator import attrgetter
from typing import Any, NamedTuple

from app.database import AlteredRow, Transaction
from app.database.digest import canonical
from app.database.seals import (
    BETWEEN,
    UNREADABLE,
    UNSEALED,
    Stored,
    is_listed,
    require_written,
    seal,
    seal_joined,
)
from app.domain import forms
from app.domain.forms import COUNTS, Form, Row
from app.domain.life import Life
from app.domain.stock import Cell
from app.state.tables import row_sql

_KEY = ("product_id", "branch", "epoch")
_FIRST = len(forms.STOCK.columns)
_sealed_of = attrgetter(*forms.STOCK.columns)
# The values of a cell that granted nothing as a seal joins them, without a look at what each of them is.
_SEALED = BETWEEN.join("%s" if name in _KEY else "%d" for name in forms.STOCK.columns)
_TYPES = tuple(str if name in _KEY else int for name in forms.STOCK.columns)
_COUNTED = sorted((*COUNTS, "version"))
_counts_of = attrgetter(*_COUNTED)
_THIS = " AND ".join(f"{name} = ?" for name in _KEY)
_LISTED = "product_id IN (SELECT value FROM json_each(?))"

_GRANTS = f"""
    SELECT product_id, branch, epoch, to_branch, to_epoch, quantity FROM stock_grants
    WHERE {_LISTED} ORDER BY to_branch, to_epoch
"""
_GRANT = """
    INSERT INTO stock_grants (product_id, branch, epoch, to_branch, to_epoch, quantity)
    VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT (product_id, branch, epoch, to_branch, to_epoch) DO UPDATE SET quantity = excluded.quantity
"""
_DELETE_GRANTS = f"DELETE FROM stock_grants WHERE {_THIS}"

_OWN = "SELECT product_id, branch, epoch FROM own_cells ORDER BY product_id"
_OWN_LISTED = f"SELECT product_id, branch, epoch FROM own_cells WHERE {_LISTED} ORDER BY product_id"
_OWN_VERSION = f"SELECT version FROM own_cells WHERE {_THIS}"
_MARK = """
    INSERT INTO own_cells (product_id, branch, epoch, version) VALUES (?, ?, ?, ?)
    ON CONFLICT (product_id, branch, epoch) DO UPDATE SET version = excluded.version
"""


@cache
def _select(form: Form) -> str:
    return f"""
        SELECT {", ".join((*form.selected, "checksum"))},
            (SELECT own.version FROM own_cells own WHERE own.product_id = stock.product_id
                AND own.branch = stock.branch AND own.epoch = stock.epoch)
        FROM stock WHERE {_LISTED} ORDER BY product_id, branch, epoch
    """


@cache
def _upsert(form: Form) -> str:
    names = (*form.selected, "checksum")
    return f"{row_sql.insert('stock', names)} {row_sql.instead(', '.join(_KEY), names[len(_KEY) :])}"


Grants = Sequence[tuple[str, str, int]]


def stored(connection: sqlite3.Connection, product_ids: Iterable[str]) -> list[Stored]:
    """Every life's cell of these products as it stands, sound or altered, by product, branch and epoch. A
    missing cell of this life is included, without its content."""
    form, wanted = forms.of("stock"), list(product_ids)
    found = [_stored(form, *row) for row in _rows(connection, form, wanted)]
    gone = {key for _, key in _due(connection, wanted)} - {row.key for row in found}
    return found + [Stored("stock", key, None, UNSEALED, UNSEALED) for key in sorted(gone)]


def due(connection: sqlite3.Connection) -> list[str]:
    """The keys of the cells that this node wrote in its present life."""
    return ["/".join(row) for row in connection.execute(_OWN)]


def read(connection: sqlite3.Connection, product_ids: Iterable[str]) -> list[Row]:
    """Every life's cell of these products in the canonical form of `Cell.as_json`. Raises AlteredRow for an
    altered cell. A listed cell that cannot be read is left out."""
    found = stored(connection, product_ids)
    readable = [row for row in found if row.row is not None or not is_listed(connection, row)]
    return [require_written(connection, row) for row in readable]


def cells(connection: sqlite3.Connection, product_id: str, *, spending: bool = False) -> list[Cell]:
    """Every life's cell of a product, by branch and epoch. Raises AlteredRow for an altered cell that is not
    listed yet. With `spending`, also for a listed one."""
    return list(_written(connection, [product_id], spending=spending))


def by_product(connection: sqlite3.Connection, product_ids: Iterable[str]) -> dict[str, list[Cell]]:
    """The cells of these products, to be shown, by product. A product without cells is left out. Raises
    AlteredRow for an altered cell that is not listed yet."""
    return _grouped(_written(connection, product_ids, spending=False))


def _written(connection: sqlite3.Connection, product_ids: Iterable[str], *, spending: bool) -> Iterator[Cell]:
    form = forms.of("stock")
    for values, granted in _rows(connection, form, product_ids):
        cell, sealed_now = _cell(form, values, granted)
        if cell is None and not spending and is_listed(connection, _stored(form, values, granted)):
            continue  # nobody can tell what it says
        if cell is None or sealed_now != values[-1]:
            require_written(connection, _stored(form, values, granted), "spend" if spending else "show")
        if cell is not None:
            yield cell


def to_spend(connection: sqlite3.Connection, product_ids: Iterable[str]) -> dict[str, list[Cell]]:
    """The cells of these products, by product. A product without cells is left out. Raises AlteredRow for any
    cell that is altered."""
    return _grouped(_written(connection, product_ids, spending=True))


def _grouped(cells: Iterable[Cell]) -> dict[str, list[Cell]]:
    found: dict[str, list[Cell]] = {}
    for cell in cells:
        found.setdefault(cell.product_id, []).append(cell)
    return found


def require_never_written(connection: sqlite3.Connection, product_id: str) -> None:
    """Raise AlteredRow if this life has once written its cell of the product, which is missing now."""
    for _, key in _due(connection, [product_id]):
        raise AlteredRow("stock", key)


def to_merge(
    connection: sqlite3.Connection, product_ids: Iterable[str]
) -> tuple[dict[tuple[str, Life], Cell], set[tuple[str, Life]]]:
    """Every life's cell of these products, by product and life, and separately the keys of listed altered
    ones. Raises AlteredRow for an altered cell that is not listed yet."""
    form = forms.of("stock")
    found: dict[tuple[str, Life], Cell] = {}
    altered: set[tuple[str, Life]] = set()
    for values, granted in _rows(connection, form, product_ids):
        cell, sealed_now = _cell(form, values, granted)
        if cell is not None and sealed_now == values[-1]:
            found[cell.product_id, cell.life] = cell
        else:
            stored = _stored(form, values, granted)
            if not is_listed(connection, stored):
                raise AlteredRow(stored.relation, stored.key)
            altered.add((values[0], Life(values[1], values[2])))
    for (product_id, life), key in _due(connection, product_ids):
        if (product_id, life) not in found and (product_id, life) not in altered:
            if not is_listed(connection, Stored("stock", key, None, UNSEALED, UNSEALED)):
                raise AlteredRow("stock", key)
            altered.add((product_id, life))
    return found, altered


def encode(cell: Cell) -> bytes:
    """The same bytes as `digest.canonical` of the cell's row, much faster: each line of an order needs
    them."""
    if cell.beyond or cell.granted:
        return canonical(cell.as_json())
    return _without_counts(cell.product_id, cell.branch, cell.epoch) % _counts_of(cell)


@lru_cache(maxsize=10_000)  # the same products are sold again and again
def _without_counts(product_id: str, branch: str, epoch: str) -> bytes:
    """The bytes of a cell that granted nothing, with a place for each of its counts."""
    texts = {"branch": branch, "epoch": epoch, "product_id": product_id}
    said = {name: _text(value).replace("%", "%%") for name, value in texts.items()}
    parts = {**said, **dict.fromkeys(_COUNTED, "%d"), "granted": "{}"}
    return ("{" + ",".join(f'"{name}":{parts[name]}' for name in sorted(parts)) + "}").encode()


def sealed(cell: Cell) -> int:
    """The seal of a cell. It covers the grants."""
    values: list[Any] = [*_sealed_of(cell)]
    for life in sorted(cell.granted):
        values += (*life, cell.granted[life])
    return seal([*values, *forms.sealed_beyond(cell.beyond)])


def put(tx: Transaction, cell: Cell) -> None:
    """Write a cell over the stored one, without counting it in the digest. Raises AlteredRow if it is an
    earlier version of a cell of this life: units spent since then would be spent again."""
    key = (cell.product_id, *cell.life)
    if cell.life == Life(tx.identity.name, tx.identity.epoch):
        written = tx.connection.execute(_OWN_VERSION, key).fetchone()
        if written is not None and cell.version < written[0]:
            raise AlteredRow("stock", "/".join(key))
        mark(tx, [cell])
    forget_grants(tx, cell)
    write_all(tx, [Written(cell, {})])


def forget_grants(tx: Transaction, cell: Cell) -> None:
    """Remove the stored grants of a cell, which may not be among those that are written next."""
    tx.connection.execute(_DELETE_GRANTS, (cell.product_id, *cell.life))


def mark(tx: Transaction, cells: Sequence[Cell]) -> None:
    """Store, outside these cells, that this life wrote these versions of them."""
    tx.rows.deferred.add_latest(_MARK, _by_key(cells), _marked)


def _by_key(cells: Sequence[Cell]) -> dict[tuple[str, str, str], Cell]:
    return {(cell.product_id, cell.branch, cell.epoch): cell for cell in cells}


def _marked(cells: Sequence[Cell]) -> list[tuple[str, str, str, int]]:
    return [(cell.product_id, cell.branch, cell.epoch, cell.version) for cell in cells]


def values_of(cells: Sequence[Cell]) -> list[Sequence[Any]]:
    """The values of these cells' own rows: all but their grants."""
    form = forms.of("stock")
    if form.added:
        return [_values_beyond(form, cell) for cell in cells]
    rows: list[Sequence[Any]] = []
    for cell in cells:
        if cell.beyond:
            rows.append(_values_beyond(form, cell))
            continue
        columns = _sealed_of(cell)
        rows.append((*columns, None, sealed(cell) if cell.granted else seal_joined(_SEALED % columns)))
    return rows


def _values_beyond(form: Form, cell: Cell) -> list[Any]:
    row = cell.as_json()
    del row["granted"]
    return [*form.stored(row), sealed(cell)]


def defer(tx: Transaction, cells: Sequence[Cell]) -> None:
    """Write cells with the group's rows. Their grants must stand in the table already."""
    tx.rows.deferred.add_latest(_upsert(forms.of("stock")), _by_key(cells), values_of)


class Written(NamedTuple):
    """A cell to be written, and its grants before."""

    cell: Cell
    known: Mapping[Life, int]


def write_all(tx: Transaction, cells: Sequence[Written]) -> None:
    """Write cells in this order, each of them over its row before."""
    tx.connection.executemany(_upsert(forms.of("stock")), values_of([cell for cell, _ in cells]))
    granted = [
        (cell.product_id, *cell.life, *life, quantity)
        for cell, known in cells
        if cell.granted
        for life, quantity in cell.granted.items()
        if quantity != known.get(life)
    ]
    if granted:
        tx.connection.executemany(_GRANT, granted)


def _rows(
    connection: sqlite3.Connection, form: Form, product_ids: Iterable[str]
) -> list[tuple[Sequence[Any], Grants]]:
    listed = json.dumps(list(product_ids))
    cursor = connection.cursor()
    cursor.row_factory = None  # plain tuples: every order moves some cells
    granted: dict[tuple[Any, ...], list[tuple[str, str, int]]] = {}
    for row in cursor.execute(_GRANTS, (listed,)):
        granted.setdefault(row[:3], []).append(row[3:])
    found = cursor.execute(_select(form), (listed,)).fetchall()
    return [(_compared(row), granted.get(row[:3], ())) for row in found]


def _compared(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """The selected values, with the seal last. The seal is left out where this life wrote another version of
    the cell."""
    if row[-1] is None:
        return row[:-1]
    *values, checksum, marked = row
    return (*values, checksum if marked == values[_FIRST - 1] else UNSEALED)


def _due(connection: sqlite3.Connection, product_ids: Iterable[str]) -> list[tuple[tuple[str, Life], str]]:
    """The cells of these products that this life wrote, and their keys."""
    rows = connection.execute(_OWN_LISTED, (json.dumps(list(product_ids)),))
    return [((row[0], Life(row[1], row[2])), "/".join(row)) for row in rows]


def _cell(form: Form, values: Sequence[Any], granted: Grants) -> tuple[Cell | None, int]:
    """The cell from the selected values (the seal last) and its grants by life, with the seal that fits
    them."""
    if not granted and len(values) == _FIRST + 2 and values[_FIRST] is None:
        columns = tuple(values[:_FIRST])
        if tuple(map(type, columns)) == _TYPES:  # as most are
            return Cell(*columns), seal_joined(_SEALED % columns)
    try:
        sealing = [*values[:_FIRST]]
        for grant in granted:
            sealing += grant
        more = {}
        if len(values) > _FIRST + 2 or values[-2] is not None:
            more = form.more_of(values[_FIRST:-1])
            sealing += forms.sealed_beyond(more)
        numbers = (*values[3:_FIRST], *(quantity for _, _, quantity in granted))
        if not all(type(number) is int for number in numbers):
            return None, 0
        given = {Life(branch, epoch): quantity for branch, epoch, quantity in granted}
        cell = Cell(*(*values[:_FIRST], given, more))
        return cell, seal(sealing)
    except UNREADABLE:
        return None, 0


def _stored(form: Form, values: Sequence[Any], granted: Grants) -> Stored:
    cell, found = _cell(form, values, granted)
    key = "/".join(part if isinstance(part, str) else repr(part) for part in values[:3])
    return Stored("stock", key, None if cell is None else cell.as_json(), values[-1], found)
