"""Units in orders, receipts and rows: what is oversold, and what does not add up."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from branchlab.tests.run_records import HandMadeRun, make_order, make_stock
from branchlab.tests.sold_runs import BOTH_SOLD, FIRST, SECOND, two_sold, verdict_of


@pytest.fixture
def run(tmp_path: Path) -> Iterator[HandMadeRun]:
    with two_sold(tmp_path) as made:
        yield made


def test_more_units_acknowledged_than_received_are_oversold_whatever_the_nodes_say(run: HandMadeRun) -> None:
    third = make_order(3, quantity=8)
    run.order(third)
    run.read([FIRST, SECOND, third], [make_stock(received=20, sold=13)])

    verdict = verdict_of(run)

    assert (verdict.result, verdict.oversold) == ("FAIL", 3)
    assert "3 of CAFE oversold" in verdict.problems


def test_stock_from_before_the_run_may_be_sold(tmp_path: Path) -> None:
    run = HandMadeRun(tmp_path)
    run.read([], [make_stock(received=2)], phase="before")
    run.order(FIRST)
    run.read([FIRST], [make_stock(received=2, sold=2)])

    assert verdict_of(run).result == "PASS"


def test_a_receipt_of_unknown_outcome_counts_as_received(tmp_path: Path) -> None:
    run = HandMadeRun(tmp_path)
    run.receive(2, outcome="info")
    run.order(FIRST)
    run.read([FIRST], [make_stock(received=2, sold=2)])

    assert verdict_of(run).result == "PASS"


def test_more_units_in_orders_than_in_the_nodes_receipts_are_oversold(run: HandMadeRun) -> None:
    run.read([FIRST, SECOND], [make_stock(received=4, sold=5)])

    assert verdict_of(run).oversold == 1


def test_units_available_below_zero_are_oversold(run: HandMadeRun) -> None:
    run.read_at("matriz", [FIRST, SECOND], [BOTH_SOLD])
    run.read_at("filial-sul", [FIRST, SECOND], [make_stock(received=10, sold=5, available=-2)])

    assert verdict_of(run).oversold == 2


def test_cancelled_units_may_be_sold_again(tmp_path: Path) -> None:
    run = HandMadeRun(tmp_path)
    run.receive(2)
    run.order(FIRST)
    run.cancel(FIRST)
    again = make_order(3, quantity=2)
    run.order(again)
    stock = make_stock(received=2, sold=4, available=0)
    stock["rows"][0]["returned"] = 2
    run.read([{**FIRST, "status": "cancelled"}, again], [stock])

    assert verdict_of(run).result == "PASS"


def test_stock_rows_that_do_not_tell_what_the_orders_tell_fail(run: HandMadeRun) -> None:
    run.read([FIRST, SECOND], [make_stock(received=10, sold=4)])

    verdict = verdict_of(run)

    assert verdict.result == "FAIL"
    assert "at matriz the stock says 4 of CAFE were sold, the orders say 5" in verdict.problems


def test_available_units_that_are_not_what_the_rows_say_fail(run: HandMadeRun) -> None:
    run.read([FIRST, SECOND], [make_stock(received=10, sold=5, available=6)])

    verdict = verdict_of(run)

    assert verdict.result == "FAIL"
    assert "at matriz 6 of CAFE are available, its rows say 5" in verdict.problems
