"""The content of one file, as of its last commit, read with the simulator's own SQL."""

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.simulation.watching import parked
from tests.simulation.watching.rollbacks import CellKey, Life

GROWING = (
    "received",
    "returned",
    "returned_frozen",
    "recovered",
    "written_off",
    "sold",
    "removed",
    "version",
)
Cell = tuple[int, ...]
"""The values of GROWING, in that order."""
NOTHING: Cell = (0,) * len(GROWING)
NOT_OPEN = Path()
RETURNED, RETURNED_FROZEN = 1, 2
PLACED = 1
"""The version of an order that was not cancelled."""
Rows = Sequence[Sequence[Any]]

_TABLES = {
    "node": "epoch, seq, founded",
    "positions": "origin, epoch, seq, event_id",
    "cursors": "epoch, peer, peer_epoch, acknowledged",
    "products": "id, lamport, stamp_node, stamp_epoch",
    "customers": "id, lamport, stamp_node, stamp_epoch",
    "stock": f"product_id, branch, epoch, {', '.join(GROWING)}",
    "stock_grants": "product_id, branch, epoch, to_branch, to_epoch, quantity",
    "orders": "id, version",
    "parked": "origin, epoch, seq, entity",
}
_ONLY = {"parked": "WHERE kind LIKE 'order_created%'"}
# All of them in one statement, each as one text: what did not change is found equal without becoming rows.
_EVERYTHING = "SELECT " + ", ".join(
    f"(SELECT json_group_array(json_array({columns})) FROM {table} {_ONLY.get(table, '')})"
    for table, columns in _TABLES.items()
)


@dataclass
class View:
    """The content of one file at its last reading. For a copy that runs beside its first, `events` are those
    that it wrote: its first may have written others at the same seqs."""

    path: Path
    connection: sqlite3.Connection
    data_version: int = -1
    texts: dict[str, str] = field(default_factory=dict)
    epoch: str = ""
    founded: bool = False
    cells: dict[CellKey, Cell] = field(default_factory=dict)
    grants: dict[tuple[str, ...], int] = field(default_factory=dict)
    hearsay: frozenset[tuple[str, ...]] = frozenset()
    positions: dict[tuple[str, str], int] = field(default_factory=dict)
    cursors: Rows = ()
    stamps: dict[tuple[str, str], tuple[int, str, str]] = field(default_factory=dict)
    orders: dict[str, int] = field(default_factory=dict)
    parked_orders: dict[Life, list[tuple[int, str]]] = field(default_factory=dict)
    held_orders: dict[str, int] = field(default_factory=dict)
    parked_cells: dict[CellKey, Cell] = field(default_factory=dict)
    seq: int = 0
    events: dict[Life, list[str]] | None = None

    def take_in_parked(self) -> None:
        """Note the rows that parked events hold whole: a node that can read them brings them back. A copy
        that no process has opened yet holds what its first held."""
        if self.path == NOT_OPEN:
            return
        told = parked.orders(self.connection)
        both = {*told, *self.orders}
        self.held_orders = {key: max(told.get(key, 0), self.orders.get(key, 0)) for key in both}
        self.parked_cells = parked.cells(self.connection, GROWING)

    def take_in_parked_orders(self, rows: Rows) -> None:
        """Note which events that create an order are parked, by these rows of `parked`."""
        self.parked_orders = {}
        for origin, epoch, seq, order_id in rows:
            self.parked_orders.setdefault((origin, epoch), []).append((seq, order_id))

    def take_in_hearsay(self) -> None:
        """Note the stock rows (product, branch, epoch) that are here as a donor told them: the next word of
        their own life replaces them, also an older one that says less."""
        rows = self.connection.execute("SELECT product_id, branch, epoch FROM hearsay_cells")
        self.hearsay = frozenset(tuple(row) for row in rows)

    def rights_of(self, life: Life) -> dict[str, int]:
        """What a life may still sell by these rows, by product; below zero where it has spent more."""
        rights: dict[str, int] = {}
        for (product, *owner), cell in self.cells.items():
            if (*owner,) == life:
                received, returned, _, recovered, _, sold, removed, _ = cell
                came = received + returned + recovered
                rights[product] = rights.get(product, 0) + came - sold - removed
        for (product, branch, epoch, *to), quantity in self.grants.items():
            if (branch, epoch) == life:
                rights[product] = rights.get(product, 0) - quantity
            if (*to,) == life:
                rights[product] = rights.get(product, 0) + quantity
        return rights

    def changed(self) -> dict[str, Rows]:
        """The rows of the tables that changed. No process commits meanwhile: it is one instant."""
        before = self.texts
        self.texts = dict(zip(_TABLES, self.connection.execute(_EVERYTHING).fetchone(), strict=True))
        return {
            table: json.loads(text) for table, text in self.texts.items() if text != before.get(table, "[]")
        }


def went(cell: Cell) -> int:
    """Units that left the shelf minus those that arrived, without those that came back."""
    received, _, _, _, _, sold, removed, _ = cell
    return sold + removed - received


def look_at(path: Path) -> View:
    """Read a file that no process has open."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        view = View(path, connection)
        found = view.changed()
        view.orders = {row[0]: row[1] for row in found.get("orders", ())}
        view.take_in_parked()
    ((view.epoch, view.seq, founded),) = found["node"]
    view.founded = bool(founded)
    view.cells = {(row[0], row[1], row[2]): tuple(row[3:]) for row in found.get("stock", ())}
    view.grants = {tuple(row[:5]): row[5] for row in found.get("stock_grants", ())}
    return view
