"""Grants: how a branch gives units it may sell to another branch, when asked or because it has a surplus."""

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from app.database import Actor, AlteredRow, Transaction
from app.database.node_row import present_life
from app.domain import bounds, stock
from app.domain.errors import DeadEpoch
from app.domain.life import Life
from app.domain.row_checks import LARGEST
from app.domain.stock import Cell
from app.domain.waiting import Age
from app.state.tables import cell_rows, life_table, products, spendable, stock_table

_PRODUCTS_HELD = """
    SELECT product_id FROM stock WHERE branch = :branch AND epoch = :epoch
    UNION SELECT product_id FROM stock_grants WHERE to_branch = :branch AND to_epoch = :epoch
    ORDER BY product_id
"""
_AT_ONCE = 500  # products whose cells are read together


@dataclass(frozen=True)
class Request:
    """A peer's request for rights. `wanted` is the total of rights that it needs to hold, so repeating the
    request is harmless. `age` is the age of its oldest waiting order, and `cells` are all stock rows of the
    product that it has."""

    product_id: str
    asker: Life
    wanted: int
    age: Age | None
    lamport: int
    cells: Sequence[Cell] = field(default_factory=tuple)


@dataclass(frozen=True)
class Granted:
    """What a giver answers after its commit: the units granted now, and all stock rows of the product that it
    has."""

    quantity: int
    cells: Sequence[Cell]
    lamport: int
    merged: stock_table.Merged


def give(tx: Transaction, request: Request, *, reserved: int) -> Granted:
    """Merge the asker's own stock rows, then grant it the units that it lacks, in the same transaction as the
    event.

    What the asker says of others is not stored, but it counts: what others granted it, it lacks no more. The
    giver keeps `reserved` units for its own older waiting orders. It grants less than is wanted, or
    nothing, where its usable rights do not reach. Raises BeyondBounds, and DeadEpoch when the asker's epoch
    is known to be over.
    """
    if life_table.is_over(tx, request.asker):
        raise DeadEpoch(*request.asker)
    tx.require_lamport(request.lamport)
    tx.advance(request.lamport)
    if products.PRODUCTS.snapshot(tx.connection, request.product_id) is None:
        return Granted(0, (), tx.counters.lamport, stock_table.Merged())
    told = [cell for cell in request.cells if cell.product_id == request.product_id]
    with tx.hearing(request.asker):
        merged = stock_table.merge(tx, told)
        life_table.learn_life(tx, request.asker)
    cells = stock_table.cells_to_spend(tx, request.product_id)
    quantity = stock.grant_size(
        wanted=request.wanted,
        asker_rights=stock.rights_of(request.asker, stock.united(cells, told)),
        giver_rights=stock_table.usable_rights(tx.connection, cells, life_table.me(tx)),
        reserved=reserved,
    )
    if quantity and not merged.ahead and not life_table.is_over(tx, request.asker):
        own = _grant(tx, cells, {request.asker: quantity}, reason="asked")
        cells = sorted([own, *(cell for cell in cells if cell.life != own.life)], key=lambda cell: cell.life)
    else:
        quantity = 0
    handed = stock_table.tellable(tx.connection, cells, life_table.dead_lives(tx.connection))
    return Granted(quantity, handed, tx.counters.lamport, merged)


def accept(tx: Transaction, cells: Sequence[Cell], *, giver: Life, lamport: int) -> stock_table.Merged:
    """Merge the stock rows of a giver's answer. If the answer is lost, replication brings the same rows.

    The answer of a dead life changes nothing: a stock count may already have released the units that it
    granted.
    """
    if giver in life_table.dead_lives(tx.connection):
        return stock_table.Merged()
    tx.require_lamport(lamport)
    tx.advance(lamport)
    with tx.hearing(giver):
        return stock_table.merge(tx, cells)


def offer_surplus(
    tx: Transaction, product_id: str, *, peers: Sequence[Life], reserved: int
) -> Mapping[Life, int]:
    """Grant living peers their share of this node's surplus, by demand (units sold so far). Returns the units
    granted, by life."""
    cells, me = stock_table.cells_to_spend(tx, product_id), life_table.me(tx)
    living = life_table.living(tx.connection, peers)
    usable = stock_table.usable_rights(tx.connection, cells, me)
    moves = _surplus(cells, me, usable=usable, peers=living, reserved=reserved)
    if moves:
        _grant(tx, cells, moves, reason="surplus")
    return moves


def give_back(tx: Transaction, product_id: str) -> None:
    """Give back to each life that is over what only others say that it granted to this one. So these units
    are frozen with it, everywhere alike, until a stock count.

    Its branch must have said that it is over. If only others said so, it may live, and would sell what is
    given back to it, though it never gave it.
    """
    cells = stock_table.cells_to_spend(tx, product_id)
    moves = _owed(tx.connection, cells, life_table.me(tx))
    if moves:
        _grant(tx, cells, moves, reason="unconfirmed")
    for giver, units in moves.items():
        stock_table.confirm_more(tx, product_id, giver, units)


def products_owed(connection: sqlite3.Connection) -> list[str]:
    """The ids of products of which `give_back` would give something now. Usually there is none."""
    me = present_life(connection)
    found = []
    for product_id in stock_table.products_with_hearsay(connection):
        with suppress(AlteredRow):  # as in `products_with_surplus`
            if _owed(connection, cell_rows.cells(connection, product_id, spending=True), me):
                found.append(product_id)
    return found


def products_held(connection: sqlite3.Connection) -> list[str]:
    """The ids of products that this life may have rights of: it has a stock row of them, or was granted
    units."""
    return [row[0] for row in connection.execute(_PRODUCTS_HELD, present_life(connection)._asdict())]


def products_with_surplus(
    connection: sqlite3.Connection, *, peers: Sequence[Life], reserved: Mapping[str, int]
) -> list[str]:
    """The ids of products of which `offer_surplus` would grant something now. Usually there is none, so the
    writer need not be asked."""
    me = present_life(connection)
    living = life_table.living(connection, peers)
    held = products_held(connection)
    found = []
    for start in range(0, len(held), _AT_ONCE):
        cells = _sound(connection, held[start : start + _AT_ONCE])
        for product_id, usable in spendable.rights(connection, cells, me).items():
            kept = reserved.get(product_id, 0)
            if _surplus(cells[product_id], me, usable=usable, peers=living, reserved=kept):
                found.append(product_id)
    return found


def _sound(connection: sqlite3.Connection, product_ids: Sequence[str]) -> Mapping[str, Sequence[Cell]]:
    """The cells of these products, less those of which one is altered: nobody knows what there is of it, and
    the others move all the same. Nearly always there is none, and all are read at once."""
    try:
        return cell_rows.to_spend(connection, product_ids)
    except AlteredRow:
        half = len(product_ids) // 2
        halves = (product_ids[:half], product_ids[half:]) if half else ()
    return {key: cells for part in halves for key, cells in _sound(connection, part).items()}


def _surplus(
    cells: Sequence[Cell], me: Life, *, usable: int, peers: Sequence[Life], reserved: int
) -> Mapping[Life, int]:
    unusable = stock.rights_of(me, cells) - usable
    return stock.surplus_of(me, cells, peers=peers, reserved=reserved + unusable)


def _owed(connection: sqlite3.Connection, cells: Sequence[Cell], me: Life) -> Mapping[Life, int]:
    own = stock_table.own_cell(cells, me, "")
    if len(own.granted) >= bounds.MOST_GIVEN_BACK:
        return {}
    unconfirmed = stock_table.unconfirmed(connection, cells, me)
    dead = set(life_table.deaths_to_tell(connection) if unconfirmed else ())
    return {
        giver: units
        for giver, units in unconfirmed.items()
        if giver in dead and own.granted.get(giver, 0) + units <= LARGEST  # else no peer would take it
    }


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
