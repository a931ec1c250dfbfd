"""Events of a batch that cannot be applied: they are parked whole, and hold up only what they tell of."""

from typing import Any
from unittest.mock import Mock

import pytest

from app.state.tables import customers, order_rows, orders, products, stock_table
from app.sync.wire.messages import WireEvent
from tests.support.branch import ACTOR, Branch, Branches
from tests.sync.received import next_batch, position, with_body, with_event, with_ten_units


@pytest.fixture
def pair(branches: Branches) -> tuple[Branch, Branch]:
    return with_ten_units(branches)


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
