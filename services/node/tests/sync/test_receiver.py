"""The receiving side: what a batch changes, what it is refused for, and what is parked."""

import json
from collections.abc import Callable, Sequence
from typing import Any
from unittest.mock import Mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.database import StorageFull
from app.domain.errors import DeadEpoch
from app.state.tables import customers, life_table, order_rows, orders, products, stock_table
from app.sync.log import positions
from app.sync.log.receiver import Receipt
from app.sync.wire.errors import Fork, Gap, WrongEpoch
from app.sync.wire.messages import Batch, Head, WireEvent
from tests.support import history
from tests.support.branch import ACTOR, Branch, Branches, over_the_wire
from tests.support.history import History

Change = Callable[[dict[str, Any]], Any]


@pytest.fixture
def pair(branches: Branches) -> tuple[Branch, Branch]:
    """matriz with a customer, a product and ten units of it, which norte has too."""
    matriz, norte = branches.make("matriz"), branches.make("norte")
    matriz.customer("ALFKI")
    matriz.product("rice")
    matriz.adjust("rice", 10)
    matriz.send(norte)
    return matriz, norte


def next_batch(branch: Branch, peer: Branch) -> Batch:
    batch = branch.batch_for(peer)
    assert batch is not None
    return batch


def position(branch: Branch, origin: Branch) -> Head:
    return positions.at(branch.connection, origin.life)


def with_event(batch: Batch, number: int, **changes: Any) -> Batch:
    """The batch with one of its events replaced."""
    events = list(batch.events)
    events[number] = events[number].model_copy(update=changes)
    return over_the_wire(batch.model_copy(update={"events": events}))


def with_body(batch: Batch, number: int, change: Change) -> Batch:
    body = json.loads(json.dumps(batch.events[number].body))
    change(body)
    return with_event(batch, number, body=body)


def test_a_batch_is_applied_and_the_position_advances(pair: tuple[Branch, Branch]) -> None:
    matriz, norte = pair
    placed = matriz.place("ALFKI", ("rice", 3))
    batch = next_batch(matriz, norte)
    receipt = norte.receive(batch)
    assert (receipt.position, receipt.parked) == (batch.through, 0)
    assert position(norte, matriz) == batch.through
    assert orders.view(norte.connection, placed).total_cents == 3000
    assert norte.digest() == matriz.digest()


def test_a_duplicate_changes_nothing_and_reports_the_position(pair: tuple[Branch, Branch]) -> None:
    matriz, norte = pair
    matriz.place("ALFKI", ("rice", 3))
    batch = next_batch(matriz, norte)
    norte.receive(batch)
    before = norte.connection.total_changes
    assert norte.receive(batch) == Receipt(batch.through)
    assert norte.connection.total_changes == before


def test_an_old_batch_reports_the_position_reached_since(pair: tuple[Branch, Branch]) -> None:
    matriz, norte = pair
    matriz.place("ALFKI", ("rice", 3))
    old = next_batch(matriz, norte)
    matriz.send(norte)
    matriz.place("ALFKI", ("rice", 1))
    matriz.send(norte)
    assert norte.receive(old).position.seq == matriz.head()


def test_a_batch_beyond_the_position_is_a_gap_that_says_where_this_node_is(
    pair: tuple[Branch, Branch],
) -> None:
    matriz, norte = pair
    known = position(norte, matriz)
    matriz.place("ALFKI", ("rice", 3))
    matriz.acknowledge(norte, matriz.head())
    matriz.place("ALFKI", ("rice", 1))
    with pytest.raises(Gap) as raised:
        norte.receive(next_batch(matriz, norte))
    assert raised.value.position == known
    assert position(norte, matriz) == known


@pytest.mark.parametrize("end", ["after", "through"])
def test_another_event_at_a_known_seq_is_a_fork_and_no_duplicate(
    pair: tuple[Branch, Branch], end: str
) -> None:
    matriz, norte = pair
    matriz.place("ALFKI", ("rice", 1))
    batch = next_batch(matriz, norte)
    if end == "through":
        norte.receive(batch)
    other = Head(seq=getattr(batch, end).seq, event_id="another")
    before = norte.digest()
    with pytest.raises(Fork):
        norte.receive(batch.model_copy(update={end: other}))
    assert norte.digest() == before


def test_a_dead_epoch_says_nothing_any_more(pair: tuple[Branch, Branch]) -> None:
    matriz, norte = pair
    matriz.place("ALFKI", ("rice", 1))
    norte.do(lambda tx: life_table.learn_life(tx, matriz.life, dead=True))
    with pytest.raises(DeadEpoch):
        norte.receive(next_batch(matriz, norte))


def test_a_batch_for_another_life_of_this_node_is_refused_with_the_present_one(
    pair: tuple[Branch, Branch],
) -> None:
    matriz, norte = pair
    matriz.place("ALFKI", ("rice", 1))
    batch = next_batch(matriz, norte)
    norte.next_life()
    with pytest.raises(WrongEpoch) as raised:
        norte.receive(batch)
    assert raised.value.epoch == norte.identity.epoch


def test_the_origins_lamport_is_witnessed(pair: tuple[Branch, Branch]) -> None:
    matriz, norte = pair
    matriz.do(lambda tx: tx.advance(1000))
    matriz.place("ALFKI", ("rice", 1))
    matriz.send(norte)
    assert norte.do(lambda tx: tx.lamport) > 1000


def break_stock(body: dict[str, Any]) -> None:
    body["cells"][0]["sold"] = -1


def break_name(body: dict[str, Any]) -> None:
    body["name"] = 7


def test_an_event_that_cannot_be_applied_is_parked_whole_and_holds_up_only_its_entity(
    pair: tuple[Branch, Branch],
) -> None:
    matriz, norte = pair
    matriz.do(lambda tx: customers.update(tx, "ALFKI", {"name": "Alfredo"}, actor=ACTOR))
    matriz.product("beans")
    matriz.place("ALFKI", ("rice", 3))
    batch = with_body(next_batch(matriz, norte), 0, break_name)
    receipt = norte.receive(batch)
    (parked,) = norte.parked()
    assert (receipt.parked, receipt.position) == (1, batch.through)
    assert (parked["kind"], parked["reason"], parked["waiting"]) == (
        "customer_upserted",
        "Invalid: name not_a_text",
        0,
    )
    assert WireEvent.model_validate_json(parked["body"]) == batch.events[0]
    assert len(orders.page(norte.connection, "", 10)) == 1
    assert norte.product_id("beans")


def test_a_parked_event_leaves_nothing_half_applied(pair: tuple[Branch, Branch]) -> None:
    """The order is invalid, so its customer and products, which are applied first, are undone with it."""
    matriz, norte = pair
    matriz.customer("NOVO")
    placed = matriz.place("NOVO", ("rice", 1))
    batch = next_batch(matriz, norte)
    kinds = [event.kind for event in batch.events]
    number = kinds.index("order_created")
    batch = with_body(batch, number, lambda body: body["order"].update(total_cents=1))
    batch = with_event(batch, kinds.index("customer_upserted"), kind="unknown")
    norte.receive(batch)
    assert len(norte.parked()) == 2
    assert norte.connection.execute("SELECT COUNT(*) FROM customers").fetchone()[0] == 1
    assert order_rows.snapshot(norte.connection, placed) is None


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"kind": "prophecy"}, "Invalid: kind unknown_to_this_version"),
        ({"schema_version": 99}, "Invalid: schema_version newer_than_this_version"),
        ({"body": None}, "Invalid: body not_an_object"),
        ({"body": {}}, "Invalid: product missing"),
        ({"body": []}, "Invalid: body not_an_object"),
        ({"body": {"product": None, "cells": None}}, "Invalid"),
    ],
)
def test_what_newer_or_broken_peers_send_is_parked(
    pair: tuple[Branch, Branch], changes: dict[str, Any], reason: str
) -> None:
    matriz, norte = pair
    matriz.adjust("rice", 1)
    norte.receive(with_event(next_batch(matriz, norte), 0, **changes))
    (parked,) = norte.parked()
    assert parked["reason"].startswith(reason)


@pytest.mark.parametrize("mistake", [KeyError, TypeError, AttributeError, ValueError])
def test_a_mistake_of_this_program_is_raised_and_parks_nothing(
    pair: tuple[Branch, Branch], monkeypatch: pytest.MonkeyPatch, mistake: type[Exception]
) -> None:
    matriz, norte = pair
    before = position(norte, matriz)
    matriz.adjust("rice", 1)
    batch = next_batch(matriz, norte)
    with monkeypatch.context() as broken:
        broken.setattr(stock_table, "merge", Mock(side_effect=mistake))
        with pytest.raises(mistake):
            norte.receive(batch)
    assert (norte.parked(), position(norte, matriz)) == ([], before)
    norte.receive(batch)
    assert norte.digest() == matriz.digest()


def test_only_the_origins_own_rows_and_orders_are_taken(pair: tuple[Branch, Branch]) -> None:
    matriz, norte = pair
    matriz.place("ALFKI", ("rice", 1))
    batch = next_batch(matriz, norte)
    batch = with_body(batch, 0, lambda body: body["cells"][0].update(branch="sul"))
    batch = with_body(batch, 1, lambda body: body["order"].update(branch="sul"))
    norte.receive(batch)
    assert [row["reason"] for row in norte.parked()] == [
        "Invalid: stock of_another_branch",
        "Invalid: orders of_another_branch",
    ]


def test_a_newer_state_of_the_entity_that_applies_clears_what_was_parked(pair: tuple[Branch, Branch]) -> None:
    matriz, norte = pair
    matriz.adjust("rice", 1)
    batch = with_body(next_batch(matriz, norte), 0, break_stock)
    matriz.acknowledge(norte, norte.receive(batch).position.seq)
    assert len(norte.parked()) == 1
    matriz.adjust("rice", 1)
    matriz.send(norte)
    assert (norte.parked(), norte.digest()) == ([], matriz.digest())


def test_a_cancellation_clears_its_parked_order(pair: tuple[Branch, Branch]) -> None:
    matriz, norte = pair
    placed = matriz.place("ALFKI", ("rice", 1))
    batch = with_body(next_batch(matriz, norte), 1, lambda body: body["order"].update(total_cents=1))
    matriz.acknowledge(norte, norte.receive(batch).position.seq)
    matriz.cancel(placed)
    matriz.send(norte)
    assert (norte.parked(), norte.digest()) == ([], matriz.digest())


@pytest.mark.parametrize("unapplied", ["stock_update", "prophecy"])
def test_another_kind_of_event_of_the_same_entity_clears_nothing(
    pair: tuple[Branch, Branch], unapplied: str
) -> None:
    """A product's new name says nothing of its stock: clearing that would hide a hole for ever."""
    matriz, norte = pair
    matriz.adjust("rice", 1)
    batch = with_body(next_batch(matriz, norte), 0, break_stock)
    batch = with_event(batch, 0, kind=unapplied)
    matriz.acknowledge(norte, norte.receive(batch).position.seq)
    matriz.do(lambda tx: products.update(tx, "rice", {"name": "Arroz"}, actor=ACTOR))
    matriz.send(norte)
    assert [row["kind"] for row in norte.parked()] == [unapplied]


def test_a_batch_is_one_transaction(pair: tuple[Branch, Branch]) -> None:
    """A full disk in the middle of it leaves neither half of its events nor a position beyond them."""
    matriz, norte = pair
    matriz.adjust("rice", 1)
    for number in range(300):
        matriz.customer(f"CODE{number}")
    batch = next_batch(matriz, norte)
    before = (norte.digest(), position(norte, matriz), norte.rows())
    (pages,) = norte.connection.execute("PRAGMA page_count").fetchone()
    norte.connection.execute(f"PRAGMA max_page_count = {pages + 2}")
    with pytest.raises(StorageFull):
        norte.receive(batch)
    assert (norte.digest(), position(norte, matriz), norte.rows()) == before
    norte.connection.execute("PRAGMA max_page_count = 1000000")
    norte.receive(batch)
    assert norte.digest() == matriz.digest()


def test_what_lacks_something_waits_and_is_applied_when_it_came(pair: tuple[Branch, Branch]) -> None:
    matriz, norte = pair
    matriz.product("beans")
    matriz.adjust("beans", 5)
    placed = matriz.place("ALFKI", ("beans", 1))
    batch = next_batch(matriz, norte)
    # The product's own event and the stock's are withheld; the order comes without its products.
    lonely = batch.events[-1].model_copy(update={"body": {**batch.events[-1].body, "products": []}})
    norte.receive(batch.model_copy(update={"events": [lonely]}))
    (waiting,) = norte.parked()
    assert (waiting["kind"], waiting["waiting"], waiting["attempts"]) == ("order_created", 1, 2)
    matriz.acknowledge(norte, matriz.head())
    matriz.product("salt")
    matriz.send(norte)
    assert [row["attempts"] for row in norte.parked()] == [3]
    matriz.do(lambda tx: products.update(tx, "beans", {"price_cents": 7}, actor=ACTOR))
    matriz.send(norte)
    assert norte.parked() == []
    assert orders.view(norte.connection, placed).total_cents == 1000


def test_a_fork_of_a_row_and_a_newer_row_of_ones_own_are_reported(pair: tuple[Branch, Branch]) -> None:
    matriz, norte = pair
    rice = matriz.product_id("rice")
    matriz.adjust("rice", 1)
    forged = with_body(next_batch(matriz, norte), 0, lambda body: body["cells"][0].update(version=1))
    assert norte.receive(forged).merged.forks == [f"{rice} of matriz@{matriz.identity.epoch}"]


@given(
    steps=history.steps,
    cuts=st.lists(st.integers(0, 6), max_size=30),
    duplicates=st.lists(st.booleans(), max_size=30),
)
@settings(max_examples=40)
def test_however_batches_are_cut_lost_and_repeated_the_digest_is_that_of_one_clean_pass(
    make_branches: Callable[[], Sequence[Branch]],
    steps: list[history.Step],
    cuts: list[int],
    duplicates: list[bool],
) -> None:
    origin, clean, battered = make_branches()
    for action, _, _, quantity in steps:
        if action != "grant":
            History([origin]).play((action, 0, 0, quantity))
    origin.send(clean)
    delivered: list[Batch] = []
    for cut, again in zip([*cuts, 0], [*duplicates, True], strict=False):
        batch = origin.batch_for(battered)
        if batch is None:
            break
        delivered.append(_cut(origin, batch, cut))
        battered.receive(delivered[-1])
        if again:
            for old in delivered:
                battered.receive(old)
        origin.acknowledge(battered, positions.at(battered.connection, origin.life).seq)
    origin.send(battered)
    assert battered.digest() == clean.digest() == origin.digest()
    assert battered.parked() == []


def _cut(origin: Branch, batch: Batch, commands: int) -> Batch:
    """The batch ended after that many commands, as a smaller limit would have ended it; 0 leaves it whole.
    Bodies stay as they were read: the newest of all, also of what comes later."""
    ends = origin.connection.execute(
        "SELECT seq, event_id FROM events WHERE command_end = 1 AND seq > ? AND seq <= ? ORDER BY seq",
        (batch.after.seq, batch.through.seq),
    ).fetchall()
    if not 0 < commands < len(ends):
        return batch
    through = Head(seq=ends[commands - 1]["seq"], event_id=ends[commands - 1]["event_id"])
    kept = [event for event in batch.events if event.seq <= through.seq]
    return batch.model_copy(update={"through": through, "events": kept})
