"""The outbox: one log, a cursor per life of a peer, and ranges that end with a command."""

import pytest

from app.database import Transaction
from app.state.tables import products
from app.sync.log import cursors, outbox
from app.sync.log.outbox import EMPTY_LOG, Backlog
from app.sync.rules.batch_size import SMALLEST
from app.sync.wire.errors import Trimmed
from tests.support.branch import ACTOR, Branch, Branches


@pytest.fixture
def pair(branches: Branches) -> tuple[Branch, Branch]:
    """Two branches; the first has a customer and a product, which the second has too."""
    matriz, norte = branches.make("matriz"), branches.make("norte")
    matriz.customer("ALFKI")
    matriz.product("rice")
    matriz.send(norte)
    return matriz, norte


def events(branch: Branch, peer: Branch) -> list[tuple[int, str]]:
    batch = branch.batch_for(peer)
    return [] if batch is None else [(event.seq, event.kind) for event in batch.events]


def rename(branch: Branch, name: str) -> None:
    branch.do(lambda tx: products.update(tx, "rice", {"name": name}, actor=ACTOR))


def emit(branch: Branch, number: int, *, kind: str = "product_upserted") -> None:
    """One command with that many events."""
    product = branch.product_id("rice")

    def command(tx: Transaction) -> None:
        for _ in range(number):
            tx.emit(kind, product)

    branch.do(command)


def backlog(branch: Branch, peer: Branch) -> Backlog:
    return outbox.backlog(branch.connection, *peer.life)


def test_a_log_begins_before_its_first_event(branches: Branches) -> None:
    empty = branches.make("matriz")
    assert outbox.head(empty.connection) == EMPTY_LOG
    assert outbox.event_at(empty.connection, empty.identity.epoch, 0) == EMPTY_LOG
    assert outbox.event_at(empty.connection, empty.identity.epoch, 1) is None


def test_who_lacks_nothing_is_sent_nothing(pair: tuple[Branch, Branch]) -> None:
    matriz, norte = pair
    assert matriz.batch_for(norte) is None


def test_a_batch_is_the_closed_range_beyond_the_cursor(pair: tuple[Branch, Branch]) -> None:
    matriz, norte = pair
    before = outbox.head(matriz.connection)
    matriz.adjust("rice", 5)
    matriz.place("ALFKI", ("rice", 1))
    batch = matriz.batch_for(norte)
    assert batch is not None
    assert (batch.origin, batch.epoch, batch.to_epoch) == (*matriz.life, norte.identity.epoch)
    assert (batch.after, batch.through) == (before, outbox.head(matriz.connection))


def test_reading_moves_nothing(pair: tuple[Branch, Branch]) -> None:
    matriz, norte = pair
    matriz.adjust("rice", 5)
    assert matriz.batch_for(norte) == matriz.batch_for(norte)
    assert backlog(matriz, norte).pending == 1


def test_the_newest_state_stands_at_its_first_place(pair: tuple[Branch, Branch]) -> None:
    matriz, norte = pair
    rename(matriz, "Rice 1")
    matriz.adjust("rice", 9)
    rename(matriz, "Rice 2")
    placed = matriz.place("ALFKI", ("rice", 1))
    assert events(matriz, norte) == [(3, "product_upserted"), (4, "stock_update"), (7, "order_created")]
    batch = matriz.batch_for(norte)
    assert batch is not None
    renamed, stocked, ordered = (event.body for event in batch.events)
    assert renamed["name"] == "Rice 2"
    assert [(cell["received"], cell["sold"]) for cell in stocked["cells"]] == [(9, 1)]
    assert (ordered["order"]["id"], ordered["customer"]["code"]) == (placed, "ALFKI")
    assert [product["sku"] for product in ordered["products"]] == ["rice"]


def test_orders_are_never_coalesced(pair: tuple[Branch, Branch]) -> None:
    matriz, norte = pair
    matriz.adjust("rice", 9)
    placed = matriz.place("ALFKI", ("rice", 1))
    matriz.cancel(placed)
    assert [kind for _, kind in events(matriz, norte)] == ["stock_update", "order_created", "order_cancelled"]


def test_a_cancellation_carries_its_branchs_rows_of_every_epoch(pair: tuple[Branch, Branch]) -> None:
    matriz, norte = pair
    matriz.adjust("rice", 9)
    placed = matriz.place("ALFKI", ("rice", 1))
    matriz.next_life()
    matriz.cancel(placed)
    batch = matriz.batch_for(norte)
    assert batch is not None
    cells = batch.events[-1].body["cells"]
    assert sorted((cell["sold"], cell["returned_frozen"]) for cell in cells) == [(0, 1), (1, 0)]


def test_the_limit_of_events_is_soft_by_one_command(pair: tuple[Branch, Branch]) -> None:
    matriz, norte = pair
    start = matriz.head()
    emit(matriz, SMALLEST.events - 1)
    emit(matriz, 10)
    emit(matriz, 1)
    batch = matriz.batch_for(norte)
    assert batch is not None
    assert batch.through.seq == start + SMALLEST.events + 9
    matriz.acknowledge(norte, batch.through.seq)
    rest = matriz.batch_for(norte)
    assert rest is not None
    assert (rest.after, rest.through.seq) == (batch.through, matriz.head())


def test_the_limit_of_bytes_ends_a_batch_with_its_command(pair: tuple[Branch, Branch]) -> None:
    matriz, norte = pair
    matriz.adjust("rice", 10_000)
    start = matriz.head()
    for _ in range(100):  # of some 15 kB each
        matriz.place("ALFKI", *[("rice", 1)] * 100)
    batch = matriz.batch_for(norte)
    assert batch is not None
    assert start < batch.through.seq < matriz.head()
    ends = matriz.connection.execute("SELECT seq FROM events WHERE command_end = 1").fetchall()
    assert batch.through.seq in [row[0] for row in ends]
    size = sum(len(event.model_dump_json()) for event in batch.events)
    assert 0.9 * SMALLEST.bytes <= size < 1.1 * SMALLEST.bytes


def test_no_limit_cuts_a_command_and_no_order_is_left_out_of_it(pair: tuple[Branch, Branch]) -> None:
    matriz, norte = pair
    matriz.adjust("rice", 100)
    placed = matriz.place("ALFKI", *[("rice", 1)] * 100)
    matriz.send(norte)

    def announce(tx: Transaction) -> None:
        for _ in range(150):  # of some 10 kB each
            tx.emit("order_created", placed)

    matriz.do(announce)
    batch = matriz.batch_for(norte)
    assert batch is not None
    assert (len(batch.events), batch.through.seq) == (150, matriz.head())


def test_every_event_is_sent_however_the_batches_are_cut(
    pair: tuple[Branch, Branch],
) -> None:
    matriz, norte = pair
    matriz.adjust("rice", 50)
    for _ in range(3):
        matriz.place("ALFKI", ("rice", 1))
        emit(matriz, SMALLEST.events // 2)
    matriz.send(norte)
    assert norte.digest() == matriz.digest()
    assert backlog(matriz, norte) == Backlog(pending=0, oldest_at=None, acknowledged=matriz.head())


def test_a_backlog_is_counted_from_the_cursor_with_the_age_of_its_oldest(pair: tuple[Branch, Branch]) -> None:
    matriz, norte = pair
    acknowledged = matriz.head()
    emit(matriz, 3)
    (at,) = matriz.connection.execute(
        "SELECT created_at FROM events WHERE seq = ?", (acknowledged + 1,)
    ).fetchone()
    assert backlog(matriz, norte) == Backlog(pending=3, oldest_at=at, acknowledged=acknowledged)


def test_a_cursor_goes_where_the_peer_says_but_never_beyond_the_log(pair: tuple[Branch, Branch]) -> None:
    matriz, norte = pair
    found = []
    for position in (1, 2, 0, 99):
        matriz.acknowledge(norte, position)
        found.append(backlog(matriz, norte).acknowledged)
    assert found == [1, 2, 0, 2]


def test_an_acknowledgement_of_what_is_known_leaves_nothing_to_commit(pair: tuple[Branch, Branch]) -> None:
    """Each hello of an idle peer says it again, every few seconds."""
    matriz, norte = pair
    commits = "SELECT groups FROM node"
    before = matriz.connection.execute(commits).fetchone()[0]
    matriz.acknowledge(norte, 2)
    matriz.acknowledge(norte, 2)
    matriz.acknowledge(norte, 1)
    assert matriz.connection.execute(commits).fetchone()[0] == before + 1


def test_every_life_of_a_peer_has_its_own_cursor(pair: tuple[Branch, Branch]) -> None:
    matriz, norte = pair
    norte.next_life()
    assert (backlog(matriz, norte).acknowledged, backlog(matriz, norte).pending) == (0, 2)


def test_an_acknowledgement_of_an_ended_epoch_moves_nothing(pair: tuple[Branch, Branch]) -> None:
    matriz, norte = pair
    old = matriz.identity.epoch
    matriz.next_life()
    matriz.do(lambda tx: cursors.move(tx, *norte.life, 2, epoch=old))
    assert backlog(matriz, norte).acknowledged == 0


def test_before_a_peer_was_met_again_its_backlog_is_what_its_last_life_lacks(
    pair: tuple[Branch, Branch],
) -> None:
    """After a restart beside a dead peer, the whole log is not pending: it had acknowledged most of it."""
    matriz, norte = pair
    matriz.adjust("rice", 5)
    found = outbox.backlog(matriz.connection, norte.identity.name, None)
    assert (found.pending, found.acknowledged) == (1, 2)
    never_met = outbox.backlog(matriz.connection, "sul", None)
    assert (never_met.pending, never_met.acknowledged) == (3, 0)


def test_what_every_peer_has_is_trimmed_but_for_the_last(pair: tuple[Branch, Branch]) -> None:
    matriz, norte = pair
    emit(matriz, 3)
    matriz.send(norte)
    matriz.adjust("rice", 5)
    matriz.do(lambda tx: outbox.trim(tx, [norte.life], most=1000))
    assert (outbox.oldest(matriz.connection), matriz.head()) == (5, 6)
    assert backlog(matriz, norte).pending == 1
    matriz.send(norte)
    assert norte.digest() == matriz.digest()


def test_a_dead_peer_keeps_events_only_up_to_the_cap(pair: tuple[Branch, Branch]) -> None:
    matriz, norte = pair
    emit(matriz, 10)
    matriz.do(lambda tx: outbox.trim(tx, [norte.life], most=4))
    assert (backlog(matriz, norte).trimmed, backlog(matriz, norte).oldest_at) == (True, None)
    with pytest.raises(Trimmed):
        matriz.batch_for(norte)


def test_the_oldest_go_first_and_some_at_a_time(pair: tuple[Branch, Branch]) -> None:
    """A log without holes, whenever a peer is told of it; and no order waits for a whole log to go."""
    matriz, norte = pair
    emit(matriz, outbox.TRIMMED_A_COMMAND + 10)
    matriz.send(norte)
    more = [matriz.do(lambda tx: outbox.trim(tx, [norte.life], most=10**6)) for _ in range(2)]
    assert more == [True, False]
    assert outbox.oldest(matriz.connection) == matriz.head()


def test_of_an_ended_epoch_only_its_last_event_is_kept(pair: tuple[Branch, Branch]) -> None:
    """It tells how far this disk had written that life."""
    matriz, _ = pair
    first, end = matriz.identity.epoch, matriz.head()
    matriz.next_life()
    matriz.do(lambda tx: outbox.trim(tx, [], most=1000))
    kept = matriz.connection.execute(
        "SELECT epoch, seq FROM events WHERE epoch != ?", (matriz.identity.epoch,)
    ).fetchall()
    assert [tuple(row) for row in kept] == [(first, end)]
