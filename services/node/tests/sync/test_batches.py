"""Batches: what one costs, how large it gets, and what is merged together or one by one."""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.database import Transaction
from app.domain.errors import Invalid
from app.domain.life import Life
from app.domain.stock import Cell
from app.state.tables import customers, stock_table
from app.sync.log import batches
from app.sync.log.recent_cuts import Cut
from app.sync.rules.batch_size import LARGEST, SMALLEST, BatchSize, after_failure, after_success
from app.sync.wire import kinds
from app.sync.wire.messages import Batch, Span
from tests.support import history
from tests.support.branch import ACTOR, Branch, Branches, over_the_wire
from tests.support.history import History


@pytest.fixture
def pair(branches: Branches) -> tuple[Branch, Branch]:
    return two(branches)


def two(branches: Branches) -> tuple[Branch, Branch]:
    """Two branches with the same customer and three products in stock."""
    matriz, norte = branches.make("matriz"), branches.make("norte")
    matriz.customer("ALFKI")
    for sku in ("rice", "beans", "salt"):
        matriz.product(sku)
        matriz.adjust(sku, 10_000)
    matriz.send(norte)
    return matriz, norte


def sell(branch: Branch, orders: int) -> None:
    for _ in range(orders):
        branch.place("ALFKI", ("rice", 1), ("beans", 1))


def cut_for(branch: Branch, peer: Branch, size: BatchSize = SMALLEST) -> Cut:
    found = batches.next_cut(branch.connection, peer=peer.life[0], peer_epoch=peer.life[1], size=size)
    assert found is not None
    return found


def batch_of(cut: Cut) -> Batch:
    """What the receiver makes of the bytes that are sent."""
    return Batch.read(cut.encoded())


@contextmanager
def statements(connection: sqlite3.Connection) -> Iterator[list[str]]:
    """The statements that a connection is given meanwhile."""
    found: list[str] = []
    connection.set_trace_callback(found.append)
    try:
        yield found
    finally:
        connection.set_trace_callback(None)


def test_a_batch_is_read_in_as_many_statements_however_many_events_it_has(
    pair: tuple[Branch, Branch],
) -> None:
    matriz, norte = pair
    counts = []
    for orders in (2, 40):
        sell(matriz, orders)
        matriz.cancel(matriz.place("ALFKI", ("salt", 1)))
        with statements(matriz.connection) as found:
            cut = cut_for(matriz, norte)
        assert len(batch_of(cut).events) > orders
        counts.append(len(found))
        matriz.send(norte)
    assert counts[0] == counts[1]


def test_a_batch_is_compared_with_the_rows_here_in_as_many_statements(pair: tuple[Branch, Branch]) -> None:
    matriz, norte = pair
    counts = []
    for orders in (2, 40):
        sell(matriz, orders)
        batch = batch_of(cut_for(matriz, norte))
        with statements(norte.connection) as found:
            matriz.acknowledge(norte, norte.receive(batch).position.seq)
        counts.append(len([one for one in found if one.lstrip().startswith("SELECT")]))
    # The digest has a bucket for each first byte of a hash: more orders fall into more of them.
    assert counts[0] <= counts[1] < counts[0] + 40
    assert norte.digest() == matriz.digest()


def test_a_batch_grows_with_its_size_and_says_whether_there_is_more(pair: tuple[Branch, Branch]) -> None:
    matriz, norte = pair
    sell(matriz, 10)  # three events each
    few = cut_for(matriz, norte, BatchSize(4, 1 << 20))
    assert (few.span.through.seq - few.span.after.seq, few.more) == (6, True)
    some = cut_for(matriz, norte, BatchSize(1_000, 1))
    assert (some.span.through.seq - some.span.after.seq, some.more) == (3, True)
    whole = cut_for(matriz, norte)
    assert (whole.span.through.seq, whole.more) == (matriz.head(), False)


def test_what_is_sent_is_what_any_message_of_it_would_be(pair: tuple[Branch, Branch]) -> None:
    matriz, norte = pair
    matriz.do(lambda tx: customers.update(tx, "ALFKI", {"name": 'Ålfred \u2028"x"'}, actor=ACTOR))
    sell(matriz, 3)
    for size in (SMALLEST, BatchSize(1, 1)):
        cut = cut_for(matriz, norte, size)
        batch = batch_of(cut)
        assert cut.encoded() == batch.encoded()
        assert cut.span == Span(**{name: getattr(batch, name) for name in Span.model_fields})


@pytest.mark.parametrize("bound", ["MOST_BYTES", "MOST_PARTS"])
def test_commands_that_would_be_too_much_together_go_one_by_one(
    pair: tuple[Branch, Branch], monkeypatch: pytest.MonkeyPatch, bound: str
) -> None:
    matriz, norte = pair
    monkeypatch.setattr(batches, bound, 1)
    sell(matriz, 3)
    sent = []
    while (batch := matriz.batch_for(norte)) is not None:
        sent.append(batch.through.seq - batch.after.seq)
        matriz.acknowledge(norte, norte.receive(batch).position.seq)
    assert sent == [3, 3, 3]
    assert norte.digest() == matriz.digest()


def test_a_batch_read_ahead_begins_where_the_one_before_ends(pair: tuple[Branch, Branch]) -> None:
    matriz, norte = pair
    sell(matriz, 4)
    first = cut_for(matriz, norte, BatchSize(3, 1 << 20))

    def ahead() -> Cut | None:
        return batches.next_cut(
            matriz.connection, peer=norte.life[0], peer_epoch=norte.life[1], behind=first.span
        )

    following = ahead()
    assert following is not None
    assert following.span.after == first.span.through
    norte.receive(batch_of(first))
    norte.receive(batch_of(following))
    assert norte.digest() == matriz.digest()
    matriz.next_life()
    assert ahead() is None, "it would continue the log of another epoch"


def test_sizes_grow_while_batches_are_taken_quickly_and_fall_back() -> None:
    size = SMALLEST
    for _ in range(5):
        size = after_success(size, seconds=0.1, full=True)
    assert size == LARGEST
    assert after_success(SMALLEST, seconds=0.1, full=False) == SMALLEST
    assert after_success(SMALLEST, seconds=1.0, full=True) == SMALLEST
    assert after_success(LARGEST, seconds=3.0, full=True) == BatchSize(
        LARGEST.events // 2, LARGEST.bytes // 2
    )
    assert after_success(SMALLEST, seconds=3.0, full=True) == SMALLEST
    assert after_failure() == SMALLEST


def test_a_batch_with_a_bad_event_is_applied_but_for_that_one(branches: Branches) -> None:
    matriz, norte = two(branches)
    matriz.do(lambda tx: customers.update(tx, "ALFKI", {"name": "Alfredo"}, actor=ACTOR))
    sell(matriz, 3)
    batch = batch_of(cut_for(matriz, norte))
    broken = batch.events[0].model_copy(update={"body": {**batch.events[0].body, "name": 7}})
    norte.receive(over_the_wire(batch.model_copy(update={"events": [broken, *batch.events[1:]]})))
    assert [row["kind"] for row in norte.parked()] == ["customer_upserted"]
    assert norte.connection.execute("SELECT COUNT(*) FROM orders").fetchone()[0] == 3
    assert norte.digest() == matriz.digest(), "the orders brought their customer"


def test_a_lifes_own_word_confirms_what_others_said_of_it_also_where_it_says_the_same(
    branches: Branches,
) -> None:
    matriz, norte = two(branches)
    giver, liar = matriz.life, Life("sul", "e1")
    rice = matriz.product_id("rice")
    cell = next(c for c in stock_table.cells_of(matriz.connection, rice) if c.life == giver)
    told = replace(cell, granted={norte.life: 7}, version=cell.version + 1)
    matriz.do(lambda tx: stock_table.move(tx, cell, told))
    with_hearsay(norte, liar, told)
    assert usable(norte, rice) == 0
    matriz.send(norte)
    assert usable(norte, rice) == 7


def with_hearsay(branch: Branch, speaker: Life, cell: Cell) -> None:
    """Take another one's word for a cell, as a rebuilding node does."""

    def command(tx: Transaction) -> None:
        founded, tx.counters.founded = tx.counters.founded, 0
        with tx.hearing(speaker, unreached=lambda _branch: True):
            stock_table.merge(tx, [cell])
        tx.counters.founded = founded

    branch.do(command)


def usable(branch: Branch, product_id: str) -> int:
    cells = stock_table.cells_of(branch.connection, product_id)
    return stock_table.usable_rights(branch.connection, cells, branch.life)


@given(steps=history.steps, sizes=st.lists(st.integers(1, 9), min_size=1, max_size=20))
@settings(max_examples=40)
def test_events_merged_together_leave_what_they_leave_one_by_one(
    make_branches: Callable[[], Sequence[Branch]], steps: list[history.Step], sizes: list[int]
) -> None:
    origin, together, apart = make_branches()
    for action, _, _, quantity in steps:
        if action != "grant":
            History([origin]).play((action, 0, 0, quantity))
    number = 0
    while (cut := _next(origin, together, sizes[number % len(sizes)])) is not None:
        number += 1
        batch = batch_of(cut)
        receipt = together.receive(batch)
        with mock.patch.object(kinds, "apply_together", side_effect=Invalid("batch", "each_by_itself")):
            for_apart = batch.model_copy(update={"to_epoch": apart.life[1]})
            assert apart.receive(for_apart).position == receipt.position
        origin.acknowledge(together, receipt.position.seq)
    assert together.digest() == apart.digest() == origin.digest()
    assert _seen(together) == _seen(apart)


def _next(origin: Branch, peer: Branch, events: int) -> Cut | None:
    return batches.next_cut(
        origin.connection, peer=peer.life[0], peer_epoch=peer.life[1], size=BatchSize(events, 1 << 20)
    )


def _seen(branch: Branch) -> list[list[tuple[object, ...]]]:
    """What merging left besides the digest: rows with their seals and donors, parked events, known lives."""
    queries = (
        "SELECT * FROM orders ORDER BY id",
        "SELECT * FROM order_lines ORDER BY order_id, line",
        "SELECT * FROM products ORDER BY id",
        "SELECT * FROM customers ORDER BY id",
        "SELECT * FROM stock ORDER BY product_id, branch, epoch",
        "SELECT * FROM stock_grants ORDER BY product_id, branch, epoch, to_branch, to_epoch",
        "SELECT origin, epoch, seq, event_id FROM positions ORDER BY origin, epoch",
        "SELECT * FROM parked",
        "SELECT * FROM epochs WHERE branch = 'matriz'",
    )
    return [[tuple(row) for row in branch.connection.execute(query)] for query in queries]
