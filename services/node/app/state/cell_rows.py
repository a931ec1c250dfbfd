"""Stock cells as rows: read, sealed and written, those of many products in few statements."""

import json
import sqlite3
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

from app.database import AlteredRow, Transaction
from app.database.seals import UNREADABLE, Stored, is_listed, require_written, seal
from app.state import forms
from app.state.forms import COUNTS, Form
from app.state.stock import Cell, Life

_GRANTS = (
    "SELECT product_id, branch, epoch, to_branch, to_epoch, quantity FROM stock_grants"
    " WHERE product_id IN (SELECT value FROM json_each(?)) ORDER BY to_branch, to_epoch"
)
_FIRST = len(forms.STOCK.columns)

Grants = Sequence[tuple[str, str, int]]


def stored(connection: sqlite3.Connection, product_ids: Iterable[str]) -> list[Stored]:
    """Every life's cell of these products, by product, branch and epoch, whether or not it is what was
    written."""
    form = forms.of("stock")
    return [_stored(form, *found) for found in _rows(connection, form, product_ids)]


def read(connection: sqlite3.Connection, product_ids: Iterable[str]) -> list[dict[str, Any]]:
    """Every life's cell of these products in the canonical form of `Cell.as_json`. Raises AlteredRow for one
    that is not what was written."""
    return [require_written(connection, row) for row in stored(connection, product_ids)]


def cells(connection: sqlite3.Connection, product_id: str, *, spending: bool = False) -> list[Cell]:
    """Every life's cell of a product, by branch and epoch. Raises AlteredRow for one that is not what was
    written; where units are about to be spent, also for one of which that is known for good."""
    form = forms.of("stock")
    found = []
    for values, granted in _rows(connection, form, [product_id]):
        cell, sealed_now = _cell(form, values, granted)
        if cell is None and not spending and is_listed(connection, _stored(form, values, granted)):
            continue  # nobody can tell what it says
        if cell is None or sealed_now != values[-1]:
            require_written(connection, _stored(form, values, granted), "spend" if spending else "show")
        if cell is not None:
            found.append(cell)
    return found


def to_merge(
    connection: sqlite3.Connection, product_ids: Iterable[str]
) -> tuple[dict[tuple[str, Life], Cell], set[tuple[str, Life]]]:
    """Every life's cell of these products by product and life, and apart the keys of those known for good not
    to be what was written. Raises AlteredRow for one of which that is not known yet."""
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
            altered.add((values[0], (values[1], values[2])))
    return found, altered


def sealed(cell: Cell) -> int:
    """The seal of a cell; it covers what was granted."""
    values: list[Any] = [cell.product_id, cell.branch, cell.epoch]
    values += [getattr(cell, name) for name in COUNTS]
    values.append(cell.version)
    for branch, epoch in sorted(cell.granted):
        values += (branch, epoch, cell.granted[branch, epoch])
    return seal([*values, *forms.sealed_beyond(cell.beyond)])


def put(tx: Transaction, cell: Cell) -> None:
    """Write a cell as it is in place of what stands there, and count it nowhere."""
    key = (cell.product_id, *cell.life)
    tx.connection.execute("DELETE FROM stock_grants WHERE product_id = ? AND branch = ? AND epoch = ?", key)
    write(tx, cell, known={})


def write(tx: Transaction, cell: Cell, *, known: dict[Life, int]) -> None:
    """Write a cell of which `known` was granted before."""
    form = forms.of("stock")
    row = cell.as_json()
    del row["granted"]
    tx.connection.execute(_upsert(form), (*form.stored(row), sealed(cell)))
    key = (cell.product_id, *cell.life)
    for life, quantity in cell.granted.items():
        if quantity != known.get(life):
            tx.connection.execute(
                "INSERT INTO stock_grants (product_id, branch, epoch, to_branch, to_epoch, quantity)"
                " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (product_id, branch, epoch, to_branch, to_epoch)"
                " DO UPDATE SET quantity = excluded.quantity",
                (*key, *life, quantity),
            )


def _rows(
    connection: sqlite3.Connection, form: Form, product_ids: Iterable[str]
) -> list[tuple[Sequence[Any], Grants]]:
    listed = json.dumps(list(product_ids))
    granted: dict[tuple[Any, ...], list[tuple[str, str, int]]] = {}
    for row in connection.execute(_GRANTS, (listed,)):
        granted.setdefault((row[0], row[1], row[2]), []).append((row[3], row[4], row[5]))
    found = connection.execute(_select(form), (listed,)).fetchall()
    return [(row, granted.get((row[0], row[1], row[2]), ())) for row in found]


def _cell(form: Form, values: Sequence[Any], granted: Grants) -> tuple[Cell | None, int]:
    """The cell of what was selected (its seal last) and its grants by life, with the seal of what stands
    there."""
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
        given = {(branch, epoch): quantity for branch, epoch, quantity in granted}
        cell = Cell(*(*values[:_FIRST], given, more))
        return cell, seal(sealing)
    except UNREADABLE:
        return None, 0


def _stored(form: Form, values: Sequence[Any], granted: Grants) -> Stored:
    cell, found = _cell(form, values, granted)
    key = "/".join(part if isinstance(part, str) else repr(part) for part in values[:3])
    return Stored("stock", key, None if cell is None else cell.as_json(), values[-1], found)


@cache
def _select(form: Form) -> str:
    return (
        f"SELECT {', '.join((*form.selected, 'checksum'))} FROM stock"
        " WHERE product_id IN (SELECT value FROM json_each(?)) ORDER BY product_id, branch, epoch"
    )


@cache
def _upsert(form: Form) -> str:
    names = (*form.selected, "checksum")
    changes = ", ".join(f"{name} = excluded.{name}" for name in names[3:])
    return (
        f"INSERT INTO stock ({', '.join(names)}) VALUES ({', '.join('?' for _ in names)})"
        f" ON CONFLICT (product_id, branch, epoch) DO UPDATE SET {changes}"
    )
