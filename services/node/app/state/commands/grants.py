"""Rights on the move: what a giver writes when a peer asks, and what it offers by itself."""

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from app.database import Actor, AlteredRow, Transaction
from app.database.identity import present_life
from app.domain import stock
from app.domain.errors import DeadEpoch
from app.domain.life import Life
from app.domain.stock import Cell
from app.domain.waiting import Age
from app.state.tables import cell_rows, life_table, products, stock_table


@dataclass(frozen=True)
class Request:
    """A peer's wish: `wanted` is the rights it needs to hold in total (a target, so repeating it is
    harmless), `age` its oldest waiting order's, `cells` all it knows of the product."""

    product_id: str
    asker: Life
    wanted: int
    age: Age | None
    lamport: int
    cells: Sequence[Cell] = field(default_factory=tuple)


@dataclass(frozen=True)
class Granted:
    """What a giver answers after its commit: the units given now and all it knows of the product."""

    quantity: int
    cells: Sequence[Cell]
    lamport: int
    merged: stock_table.Merged


def give(tx: Transaction, request: Request, *, reserved: int) -> Granted:
    """Merge what the asker knows, then grant it what it lacks as far as own rights go beyond `reserved`
    (what own older waiting orders need). The grant and its event are one transaction.

    Raises DeadEpoch when the asker's epoch is known to be over.
    """
    if life_table.is_over(tx, request.asker):
        raise DeadEpoch(*request.asker)
    tx.witness(request.lamport)
    if products.PRODUCTS.snapshot(tx.connection, request.product_id) is None:
        return Granted(0, (), tx.counters.lamport, stock_table.Merged())
    merged = stock_table.merge(tx, [cell for cell in request.cells if cell.product_id == request.product_id])
    life_table.learn_life(tx, request.asker)
    cells = stock_table.cells_to_spend(tx, request.product_id)
    quantity = stock.grant_size(
        wanted=request.wanted,
        asker_rights=stock.rights_of(request.asker, cells),
        giver_rights=stock_table.usable_rights(tx.connection, cells, life_table.me(tx)),
        reserved=reserved,
    )
    if quantity and not merged.ahead and not life_table.is_over(tx, request.asker):
        own = _grant(tx, cells, {request.asker: quantity}, reason="asked")
        cells = sorted([own, *(cell for cell in cells if cell.life != own.life)], key=lambda cell: cell.life)
        return Granted(quantity, cells, tx.counters.lamport, merged)
    return Granted(0, cells, tx.counters.lamport, merged)


def accept(tx: Transaction, cells: Sequence[Cell], *, giver: Life, lamport: int) -> stock_table.Merged:
    """Merge what a giver answered. A lost answer is repaired by replication.

    The answer of a life that is over changes nothing: a stock count may have released what it granted.
    """
    if giver in life_table.dead_lives(tx.connection):
        return stock_table.Merged()
    tx.witness(lamport)
    return stock_table.merge(tx, cells)


def offer_surplus(
    tx: Transaction, product_id: str, *, peers: Sequence[Life], reserved: int
) -> Mapping[Life, int]:
    """Grant peers, as far as they live, what demand (units sold so far) says is theirs; return what moved."""
    cells = stock_table.cells_to_spend(tx, product_id)
    living = life_table.living(tx.connection, peers)
    moves = _surplus(tx.connection, cells, life_table.me(tx), peers=living, reserved=reserved)
    if moves:
        _grant(tx, cells, moves, reason="surplus")
    return moves


def products_held(connection: sqlite3.Connection) -> list[str]:
    """Products of which this life has a cell or was granted units: those it might hold rights of."""
    rows = connection.execute(
        "SELECT product_id FROM stock WHERE branch = ?1 AND epoch = ?2"
        " UNION SELECT product_id FROM stock_grants WHERE to_branch = ?1 AND to_epoch = ?2"
        " ORDER BY product_id",
        present_life(connection),
    )
    return [row[0] for row in rows]


def products_with_surplus(
    connection: sqlite3.Connection, *, peers: Sequence[Life], reserved: Mapping[str, int]
) -> list[str]:
    """Products of which `offer_surplus` would move something as of now: most often none, and the writer need
    not be asked about the others."""
    me = present_life(connection)
    living = life_table.living(connection, peers)
    found = []
    for product_id in products_held(connection):
        try:
            cells = cell_rows.cells(connection, product_id, spending=True)
        except AlteredRow:
            continue  # nobody knows what there is of it; the others move all the same
        if _surplus(connection, cells, me, peers=living, reserved=reserved.get(product_id, 0)):
            found.append(product_id)
    return found


def _surplus(
    connection: sqlite3.Connection, cells: Sequence[Cell], me: Life, *, peers: Sequence[Life], reserved: int
) -> Mapping[Life, int]:
    unusable = stock.rights_of(me, cells) - stock_table.usable_rights(connection, cells, me)
    return stock.surplus_of(me, cells, peers=peers, reserved=reserved + unusable)


def _grant(tx: Transaction, cells: Sequence[Cell], moves: Mapping[Life, int], *, reason: str) -> Cell:
    before = stock_table.own_cell(cells, life_table.me(tx), cells[0].product_id)
    after = before
    for life, quantity in moves.items():
        after = after.grant(life, quantity)
    stock_table.move(tx, before, after)
    tx.audit(
        Actor(user_id=f"node:{tx.identity.name}", request_id=reason),
        action="granted",
        entity="stock",
        entity_id=after.product_id,
        before=before.as_json(),
        after=after.as_json(),
        version=after.version,
    )
    return after
