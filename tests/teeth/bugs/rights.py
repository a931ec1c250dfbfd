"""Bugs of stock: units sold twice, counted twice, given twice, or kept from their buyers."""

import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from typing import Any
from unittest import mock

from app.database import Transaction
from app.domain import stock
from app.domain.forms import COUNTS
from app.domain.product import Product
from app.domain.stock import Cell, SoldUnits
from app.domain.waiting import Age, WaitingList
from app.state.commands import grants, order_commands, orders_together, taking
from app.state.registry import replicated
from app.state.tables import life_table, order_rows, orders, stock_table
from tests.recovery.test_apart import test_who_is_short_is_the_same_everywhere_in_whatever_order_orders_came
from tests.recovery.test_half_done import test_two_lines_of_one_product_take_what_both_need
from tests.recovery.test_rebuilding import (
    test_what_a_donor_said_of_a_grant_counts_once_its_giver_was_fetched_from,
)
from tests.state.test_orders_together import (
    Wanted,
    test_an_order_that_is_not_plain_is_looked_at_alone,
    test_orders_placed_together_take_no_unit_twice,
)
from tests.sync.test_transfer import (
    test_two_branches_that_both_want_what_only_one_can_have,
    test_with_exact_stock_every_unit_finds_its_buyer,
)
from tests.teeth.bug import Checked, Directed, Simulated, bug


@bug("no branch spends rights it does not have", Checked())
def sell_what_the_company_has() -> AbstractContextManager[object]:
    """Escrow looks at the company's stock as known here, and not at the branch's rights."""
    require = taking.require_units

    def lenient(tx: Transaction, needs: Sequence[taking.Need], **options: Any) -> None:
        require(tx, needs, **{**options, "policy": "optimistic"})

    return mock.patch.object(taking, "require_units", lenient)


@bug("nobody grants what it does not have", Checked())
def grant_again_to_whoever_asks_again() -> AbstractContextManager[object]:
    """What a peer asks for counts as what it lacks, so every repetition is granted anew, with what the giver
    does not have."""

    def size(*, wanted: int, **_known: Any) -> int:
        return max(0, wanted)

    return mock.patch.object(stock, "grant_size", size)


@bug("a grant counts once", Simulated())
def grant_added_twice() -> AbstractContextManager[object]:
    """A transfer's answer is merged, and then what it granted is added once more."""
    accept = grants.accept

    def generous(tx: Transaction, cells: Sequence[Cell], **options: Any) -> stock_table.Merged:
        me = life_table.me(tx)

        def doubled(cell: Cell) -> Cell:
            known = stock_table.cells_of(tx.connection, cell.product_id)
            more = cell.granted.get(me, 0) - stock_table.own_cell(known, cell.life, "").granted.get(me, 0)
            return cell.grant(me, more) if more > 0 else cell

        return accept(tx, [doubled(cell) for cell in cells], **options)

    return mock.patch.object(grants, "accept", generous)


@bug("every unit can reach its buyer", Directed(test_with_exact_stock_every_unit_finds_its_buyer))
def half_of_what_is_there_at_most() -> AbstractContextManager[object]:
    """A giver keeps a floor of half its rights, so the last units are refused though they are there."""

    def half(*, wanted: int, asker_rights: int, giver_rights: int, reserved: int) -> int:
        return max(0, min(wanted - asker_rights, (giver_rights - reserved) // 2))

    return mock.patch.object(stock, "grant_size", half)


@bug(
    "of two that want what only one can have, one gets it",
    Directed(
        test_two_branches_that_both_want_what_only_one_can_have,
        {"here": 3, "there": 2, "lead": 0.0, "late": 0.0},
    ),
)
def younger_orders_overtake() -> AbstractContextManager[object]:
    """What older orders wait for is given away to younger ones, at other branches too."""

    def nothing(_waiting: WaitingList, *, before: Age | None) -> dict[str, int]:
        return {}

    return mock.patch.object(WaitingList, "reserved", nothing)


@bug("an older view of a row changes nothing", Simulated(seed=4))
def last_snapshot_replaces() -> AbstractContextManager[object]:
    """A stock row from a peer is written over what was known, however old it is."""
    return mock.patch.object(stock, "merge", lambda _ours, theirs: theirs)


@bug("merging twice is merging once", Checked())
def merge_adds() -> AbstractContextManager[object]:
    """Two views of one row are added up, field by field, instead of taking the higher of each."""

    def add(ours: Cell, theirs: Cell) -> Cell:
        sums = {name: getattr(ours, name) + getattr(theirs, name) for name in COUNTS}
        return replace(ours, version=max(ours.version, theirs.version), granted=theirs.granted, **sums)

    return mock.patch.object(stock, "merge", add)


@bug("cancelling again changes nothing", Simulated(seed=2))
def cancel_as_often_as_asked() -> AbstractContextManager[object]:
    """Cancelling a cancelled order gives its units back once more."""
    cancel = order_commands.cancel_order

    def again(tx: Transaction, order_id: str, **options: Any) -> None:
        before = order_rows.snapshot(tx.connection, order_id)
        if before is not None and before["status"] == "cancelled":
            tx.connection.execute("UPDATE orders SET status = 'placed' WHERE id = ?", (order_id,))
        cancel(tx, order_id, **options)

    stack = ExitStack()
    stack.enter_context(mock.patch.object(order_commands, "cancel_order", again))
    stack.enter_context(mock.patch("app.services.order_service.cancel_order", again))
    return stack


@bug("an order and its stock effect are one", Checked())
def order_without_its_stock() -> AbstractContextManager[object]:
    """The stock rows of an order are announced, but large ones are not written."""
    move = stock_table.move

    def halfway(tx: Transaction, before: Cell, after: Cell) -> None:
        move(tx, before, replace(after, sold=before.sold) if after.sold - before.sold >= 3 else after)

    return mock.patch.object(stock_table, "move", halfway)


@bug("an order takes its units whole", Directed(test_two_lines_of_one_product_take_what_both_need))
def each_line_checked_alone() -> AbstractContextManager[object]:
    """Two lines of one product are each held against what is there before the order."""

    def one_by_one(lines: Sequence[tuple[Product, int]]) -> list[tuple[Product, int]]:
        return list(lines)

    return mock.patch.object(order_commands, "_summed", one_by_one)


@bug("no branch spends rights it does not have", Directed(test_orders_placed_together_take_no_unit_twice))
def orders_of_a_group_do_not_see_each_other() -> AbstractContextManager[object]:
    """Each of the orders that are placed in one pass is held against what was there before them."""

    def blindly(shelf: orders_together._Shelf, quantity: int) -> None:
        shelf.sold += quantity
        shelf.movements += 1

    return mock.patch.object(orders_together._Shelf, "take", blindly)


@bug(
    "the same key is the same order",
    Directed(test_an_order_that_is_not_plain_is_looked_at_alone, {"odd": Wanted(key="twice")}),
)
def a_key_counts_once_a_group() -> AbstractContextManager[object]:
    """Orders that are placed in one pass do not ask for the keys of each other, nor for those of before."""
    return mock.patch.object(orders_together._Shop, "_is_new", return_value=True)


@bug(
    "who is short is the same everywhere",
    Directed(test_who_is_short_is_the_same_everywhere_in_whatever_order_orders_came),
)
def the_last_to_arrive_is_short() -> AbstractContextManager[object]:
    """Oversold units are put to the orders that came last to this node."""
    sales_of = orders.sales_of

    def in_order_of_arrival(
        connection: sqlite3.Connection, product_ids: Sequence[str]
    ) -> dict[str, list[SoldUnits]]:
        arrived = [row[0] for row in connection.execute("SELECT id FROM orders ORDER BY rowid")]
        return {
            product_id: [replace(sale, lamport=arrived.index(sale.order_id)) for sale in found]
            for product_id, found in sales_of(connection, product_ids).items()
        }

    return mock.patch.object(orders, "sales_of", in_order_of_arrival)


@bug("who is short is who came last", Simulated(seed=97))
def the_first_orders_are_short() -> AbstractContextManager[object]:
    """Oversold units are put to the orders that came first, at every node."""
    deficits = stock.deficits

    def backwards(oversold: int, sales: Iterable[SoldUnits]) -> list[SoldUnits]:
        found = {sale.order_id: sale for sale in sales}
        turned = deficits(oversold, (replace(sale, lamport=-sale.lamport) for sale in found.values()))
        return [replace(sale, lamport=-sale.lamport) for sale in turned]

    return mock.patch.object(stock, "deficits", backwards)


@bug(
    "units that were granted can be sold",
    Directed(test_what_a_donor_said_of_a_grant_counts_once_its_giver_was_fetched_from),
)
def what_is_alike_is_not_fetched() -> AbstractContextManager[object]:
    """From the giver of units, rows that only others told are not fetched where they are alike."""
    deaf = tuple(replace(entity, heard=lambda _connection, _life: ()) for entity in replicated.entities())
    return mock.patch.object(replicated, "_THIS_VERSION", deaf)
