"""Merges verified rows into the database in use, by commands of few rows each.

To merge a row twice changes nothing. Each command stores the account of what it did in its own transaction,
so that a crash in between neither loses nor doubles anything.
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from app.database import AlteredRow, Transaction
from app.domain.errors import Invalid
from app.domain.forms import Row
from app.domain.order import Order
from app.domain.stock import Cell
from app.state.registry import replicated, unknown_rows
from app.state.registry.entity import Entity
from app.state.salvage.account import Account, read_account, write_account
from app.state.salvage.verified import Comparison, VerifiedRows
from app.state.tables import cell_json, life_table, membership, order_rows, orders, stock_table

Command = Callable[[Transaction], None]

_NOW_OR_NEVER = (Invalid, KeyError, TypeError, ValueError, AttributeError, OverflowError)
"""The errors of a row that contradicts rows here. The rows here stay."""

_PERHAPS_LATER = (sqlite3.IntegrityError, AlteredRow)
"""The errors of a row while one that it refers to is not here, or is being repaired."""


@dataclass(frozen=True)
class Salvage:
    """The salvage of one file: its name, and the names of the network's branches (`roster`)."""

    file: str
    roster: frozenset[str]


@dataclass
class _Done:
    """What one command did: rows that were new here, orders among them, and rows that wait."""

    new: int = 0
    left: int = 0
    back: tuple[str, ...] = ()
    own: int = 0


def commands(salvage: Salvage, rows: VerifiedRows) -> Iterator[Command]:
    """The commands that merge all rows, to be run one after the other. To get the next one blocks while its
    rows are read. `finish` makes the last command."""
    yield lambda tx: _begin(tx, salvage, rows)
    for entity in replicated.entities():
        after: str | None = ""
        while after is not None:
            page, after = rows.page(entity, after=after)
            for start in range(0, len(page), 200):
                yield _merging(salvage, entity, page[start : start + 200])
    if rows.kept:
        yield lambda tx: _keep(tx, rows)


def finish(salvage: Salvage, outcome: Comparison) -> Callable[[Transaction], Account]:
    """The command that completes the account from what the database holds now. It returns the account."""

    def settle(tx: Transaction) -> Account:
        account = read_account(tx.connection, salvage.file) or Account()
        account = account.settle(lost=outcome.lost, doubtful=outcome.doubtful)
        write_account(tx, salvage.file, account)
        return account

    return settle


def _begin(tx: Transaction, salvage: Salvage, rows: VerifiedRows) -> None:
    known = read_account(tx.connection, salvage.file) or Account()
    account = replace(
        known,
        complete=False,
        sealed=rows.sealed,
        pages=rows.summary.pages,
        damaged=rows.summary.damaged,
        read=rows.read,
        verified=rows.verified,
        left=0,
    )
    write_account(tx, salvage.file, account)
    # A branch that is gone for good stays so, though nobody else may be left who knows.
    membership.learn(tx, sorted(rows.decommissioned & salvage.roster))


def _merging(salvage: Salvage, entity: Entity, rows: Sequence[Row]) -> Command:
    def merge(tx: Transaction) -> None:
        if entity.relation == "stock":
            done = _merge_stock(tx, rows)
        elif entity.relation == "orders":
            done = _merge_orders(tx, rows)
        else:
            done = _merge_rows(tx, entity, rows)
        account = (read_account(tx.connection, salvage.file) or Account()).add(
            entity.relation, new=done.new, left=done.left
        )
        write_account(tx, salvage.file, account.add_orders(done.back, own=done.own))

    return merge


def _merge_rows(tx: Transaction, entity: Entity, rows: Sequence[Row]) -> _Done:
    """Merge rows that belong to no branch, and send peers those that changed something here."""
    done = _Done()
    here = {stored.key: stored.row for stored in entity.stored(tx.connection, map(entity.key_of, rows))}
    for row in rows:
        if here.get(entity.key_of(row)) == row:
            continue
        try:
            with tx.savepoint():
                if entity.merge(tx, [row], "").changed:
                    tx.emit(entity.event_kind, str(row[entity.key[0]]))
                    done.new += entity.key_of(row) not in here
        except _NOW_OR_NEVER:
            continue
        except _PERHAPS_LATER:
            done.left += 1
    return done


def _merge_stock(tx: Transaction, rows: Sequence[Row]) -> _Done:
    """Merge cells. Movements of this branch's earlier lives that no node had received count again, and are
    sent. The rights of these lives stay frozen."""
    done = _Done()
    by_product: dict[str, list[Cell]] = {}
    for cell in _cells(rows):
        if cell.life != life_table.me(tx):  # of the present life this database itself knows best
            by_product.setdefault(cell.product_id, []).append(cell)
    for product_id, cells in by_product.items():
        own = [cell for cell in cells if cell.branch == tx.identity.name]
        others = [cell for cell in cells if cell.branch != tx.identity.name]
        try:
            with tx.savepoint():
                known = {cell.life for cell in stock_table.cells_of(tx.connection, product_id)}
                if stock_table.merge(tx, own).changed:
                    tx.emit("stock_update", product_id)
                stock_table.merge(tx, others)
                done.new += sum(cell.life not in known for cell in cells)
        except _NOW_OR_NEVER:
            continue
        except _PERHAPS_LATER:
            done.left += len(cells)
    return done


def _cells(rows: Sequence[Row]) -> Iterator[Cell]:
    for row in rows:
        with suppress(*_NOW_OR_NEVER):
            yield cell_json.cell_from_json(row)


def _merge_orders(tx: Transaction, rows: Sequence[Row]) -> _Done:
    done = _Done()
    here = {
        stored.key: stored.row for stored in order_rows.stored(tx.connection, [row["id"] for row in rows])
    }
    for row in rows:
        if here.get(row["id"]) == row:  # as most are: peers had them
            continue
        try:
            with tx.savepoint():
                is_new = _merge_order(tx, row)
        except _NOW_OR_NEVER:
            continue
        except _PERHAPS_LATER:
            done.left += 1
            continue
        if is_new:
            done.new += 1
            done.back = (*done.back, str(row["id"]))
            done.own += row["branch"] == tx.identity.name
    return done


def _merge_order(tx: Transaction, row: Row) -> bool:
    """Merge an order. Returns whether this node did not have it.

    An own order that is new or newer here is stored as announced by the life that took it, so that the
    present life announces it again. Until a peer stores it, it is at risk.
    """
    order = Order.from_json(row)
    is_new = tx.connection.execute("SELECT 1 FROM orders WHERE id = ?", (order.id,)).fetchone() is None
    changed = orders.merge(tx, row, donor="")
    tx.advance(order.lamport)
    if changed and order.branch == tx.identity.name:
        tx.connection.execute(
            "UPDATE orders SET announced = ?, seq = 0, donor = '' WHERE id = ?", (order.epoch, order.id)
        )
    return is_new


def _keep(tx: Transaction, rows: VerifiedRows) -> None:
    """Keep the rows of relations that only newer versions know."""
    for row in rows.kept:
        try:
            kept = [str(row[name]) for name in ("relation", "origin", "row")]
            tx.connection.execute(
                "INSERT OR IGNORE INTO unknown_rows (relation, sha256, revision, origin, row)"
                " VALUES (?, ?, ?, ?, ?)",
                (kept[0], row["sha256"], row["revision"], *kept[1:]),
            )
        except (sqlite3.IntegrityError, KeyError):
            continue
    unknown_rows.merge_known(tx)
