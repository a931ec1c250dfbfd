"""Bugs that a node must not have, each planted by replacing one function while a history runs.

They are how we know that the observer and the verdict would notice: a test plants each and demands that some
seed among a few finds it. Nothing of this is in the node.
"""

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from random import Random
from typing import Any
from unittest import mock

from app.database import Database, Transaction
from app.database.identity import begin_start
from app.state import catalogue, grants, ledger, orders, placing, records, stock
from app.state.errors import OutOfRights
from app.sync import outbox, parking, receiver
from app.sync.events import Batch

Plant = Callable[[], AbstractContextManager[object]]


class _LateCommits(sqlite3.Connection):
    """Makes only the first of three COMMITs durable; the others wait for the next that is."""

    commits = 0

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        if sql == "COMMIT":
            self.commits += 1
        deferred = sql == "COMMIT" and self.commits % 3 != 1
        if deferred or (sql.startswith("BEGIN") and self.in_transaction):
            return super().execute("SELECT 1")
        return super().execute(sql, parameters)


def acknowledge_before_commit() -> AbstractContextManager[object]:
    """Answers leave while their transaction is still open; the node itself reads what is not committed."""
    connect = Database._connect_writer

    def connect_late(database: Database) -> sqlite3.Connection:
        connect(database).close()
        connection = sqlite3.connect(database._path, isolation_level=None, factory=_LateCommits)
        connection.row_factory = sqlite3.Row
        return connection

    def query(database: Database, ask: Callable[[sqlite3.Connection], Any]) -> Any:
        assert database._writer is not None, "queries come after opening"
        return ask(database._writer._connection)

    stack = ExitStack()
    stack.enter_context(mock.patch.object(Database, "_connect_writer", connect_late))
    stack.enter_context(mock.patch.object(Database, "_query", query))
    return stack


def answer_a_grant_without_writing_it() -> AbstractContextManager[object]:
    """A transfer's answer promises rights that the giver's file never lost."""
    give = grants.give

    class Undone(Exception):
        pass

    def promise(tx: Transaction, request: grants.Request, *, reserved: int) -> grants.Granted:
        granted = None
        try:
            with tx.attempt():
                granted = give(tx, request, reserved=reserved)
                raise Undone
        except Undone:
            assert granted is not None, "it was undone after it was given"
            return granted

    return mock.patch.object(grants, "give", promise)


def grant_again_to_whoever_asks_again() -> AbstractContextManager[object]:
    """What a peer asks for counts as what it lacks, so every repetition is granted anew, with what the giver
    does not have."""

    def size(*, wanted: int, asker_rights: int, giver_rights: int, reserved: int) -> int:
        return max(0, wanted)

    return mock.patch.object(stock, "grant_size", size)


def cursor_off_by_one() -> AbstractContextManager[object]:
    """The sender takes one event more for acknowledged than was."""
    move = outbox.move_cursor

    def ahead(tx: Transaction, peer: str, peer_epoch: str, acknowledged: int, **options: Any) -> None:
        move(tx, peer, peer_epoch, acknowledged + 1, **options)

    return mock.patch.object(outbox, "move_cursor", ahead)


def no_deduplication() -> AbstractContextManager[object]:
    """A receiver takes every batch for the next one, and its position from the last that came."""
    receive = receiver.receive

    def forget(tx: Transaction, batch: Batch) -> receiver.Receipt:
        receiver._set_position(tx, (batch.origin, batch.epoch), batch.after)
        return receive(tx, batch)

    return mock.patch.object(receiver, "receive", forget)


def last_snapshot_replaces() -> AbstractContextManager[object]:
    """A stock row from a peer is written over what was known, however old it is."""
    return mock.patch.object(stock, "merge", lambda _ours, theirs: theirs)


def last_edit_to_arrive_wins() -> AbstractContextManager[object]:
    """Products and customers take whatever version came last."""

    def newer(current: catalogue.Edit, incoming: catalogue.Edit) -> bool:
        return incoming != current

    return mock.patch.object(records, "newer", newer)


def sell_what_the_company_has() -> AbstractContextManager[object]:
    """Escrow looks at the company's stock as known here, and not at the branch's rights."""
    require = placing.require_units

    def lenient(tx: Transaction, needs: Sequence[placing.Need], *, reserved: Any, **_policy: Any) -> None:
        require(tx, needs, policy="optimistic", reserved=reserved)

    return mock.patch.object(placing, "require_units", lenient)


def cancel_as_often_as_asked() -> AbstractContextManager[object]:
    """Cancelling a cancelled order gives its units back once more."""
    cancel = placing.cancel_order

    def again(tx: Transaction, order_id: str, **options: Any) -> None:
        before = orders.snapshot(tx.connection, order_id)
        if before is not None and before["status"] == "cancelled":
            tx.connection.execute("UPDATE orders SET status = 'placed' WHERE id = ?", (order_id,))
        cancel(tx, order_id, **options)

    stack = ExitStack()
    stack.enter_context(mock.patch.object(placing, "cancel_order", again))
    stack.enter_context(mock.patch("app.state.order_desk.cancel_order", again))
    return stack


def forget_keys() -> AbstractContextManager[object]:
    """An Idempotency-Key that was used before makes another order."""
    return mock.patch.object(placing, "_repeated", return_value=None)


def skip_what_fails_once() -> AbstractContextManager[object]:
    """Every tenth order that arrives is dropped, and the position moves on."""
    apply = parking.apply
    arrived = 0

    def careless(tx: Transaction, event: Any, *, origin: str) -> ledger.Merged:
        nonlocal arrived
        arrived += event.kind == "order_created"
        if event.kind == "order_created" and arrived % 10 == 0:
            return ledger.Merged()
        return apply(tx, event, origin=origin)

    return mock.patch.object(parking, "apply", careless)


def order_without_its_stock() -> AbstractContextManager[object]:
    """The stock rows of an order are announced, but those of an order's last line are not written."""
    move = ledger.move

    def halfway(tx: Transaction, before: stock.Cell, after: stock.Cell) -> None:
        move(tx, before, replace(after, sold=before.sold) if after.sold - before.sold >= 3 else after)

    return mock.patch.object(ledger, "move", halfway)


def refuse_after_taking() -> AbstractContextManager[object]:
    """An order that is taken is refused to its client, now and then."""
    place = placing.place_order
    taken = 0

    def deny(tx: Transaction, order: placing.PlaceOrder, **options: Any) -> str:
        nonlocal taken
        order_id = place(tx, order, **options)
        taken += 1
        if taken % 10 == 0:
            denied.append(order_id)
        return order_id

    denied: list[str] = []
    view = orders.view

    def lie(connection: sqlite3.Connection, order_id: str) -> dict[str, Any]:
        if order_id in denied:
            raise OutOfRights([], needs={}, lamport=0, behind_older=False)
        return view(connection, order_id)

    stack = ExitStack()
    stack.enter_context(mock.patch("app.state.order_desk.place_order", deny))
    stack.enter_context(mock.patch.object(orders, "view", lie))
    return stack


def the_same_life_after_a_lost_disk() -> AbstractContextManager[object]:
    """An empty file begins with an epoch made from the branch's name: what died with the disk lives again."""

    def again(connection: sqlite3.Connection, *, cluster_id: str, name: str, random: Random) -> Any:
        return begin_start(connection, cluster_id=cluster_id, name=name, random=Random(name))

    return mock.patch("app.database.database.begin_start", again)


def rights_of_the_branch() -> AbstractContextManager[object]:
    """A new life spends what its branch's earlier lives had, as far as peers know."""

    def rights_of(life: stock.Life, cells: Iterable[stock.Cell]) -> int:
        rights = 0
        for cell in cells:
            rights += sum(quantity for to, quantity in cell.granted.items() if to[0] == life[0])
            if cell.branch == life[0]:
                rights += cell.received + cell.returned - cell.sold - cell.removed
                rights -= sum(cell.granted.values())
        return rights

    return mock.patch.object(stock, "rights_of", rights_of)


WIPE_BUGS: tuple[Plant, ...] = (the_same_life_after_a_lost_disk, rights_of_the_branch)
"""Bugs that show only where disks are lost."""

BUGS: tuple[Plant, ...] = (
    acknowledge_before_commit,
    answer_a_grant_without_writing_it,
    grant_again_to_whoever_asks_again,
    cursor_off_by_one,
    no_deduplication,
    last_snapshot_replaces,
    last_edit_to_arrive_wins,
    sell_what_the_company_has,
    cancel_as_often_as_asked,
    forget_keys,
    skip_what_fails_once,
    order_without_its_stock,
    refuse_after_taking,
)
