"""What a verdict forgives after a disk was lost: orders that were declared at risk, nothing else."""

from pathlib import Path
from typing import cast

import pytest

from branchlab.checking.verdict import judge
from branchlab.nodes.contract import Stock
from branchlab.tests.run_records import HandMadeRun, make_order, make_stock

FIRST = make_order(1, sku="CAFE", quantity=2)
SECOND = make_order(2, sku="CAFE", quantity=3)


@pytest.fixture
def run(tmp_path: Path) -> HandMadeRun:
    """Ten units received, two orders acknowledged."""
    made = HandMadeRun(tmp_path)
    made.receive(10)
    made.order(FIRST)
    made.order(SECOND)
    return made


def frozen(stock: Stock, units: int) -> Stock:
    return {**stock, "frozen": units, "available": stock["available"] - units}


def test_an_order_declared_at_risk_is_gone_and_not_lost(run: HandMadeRun) -> None:
    run.lose_disk(SECOND)
    run.read([FIRST], [frozen(make_stock(received=10, sold=2), 8)])
    verdict = judge(run.records())
    assert (verdict.result, verdict.lost, verdict.gone, verdict.problems) == ("PASS", 0, 1, ())


def test_its_units_may_have_reached_peers_without_it(run: HandMadeRun) -> None:
    run.lose_disk(SECOND)
    run.read([FIRST], [frozen(make_stock(received=10, sold=5), 5)])
    assert judge(run.records()).result == "PASS"


def test_an_order_that_some_peer_had_stored_is_lost(run: HandMadeRun) -> None:
    run.lose_disk()
    run.read([FIRST], [frozen(make_stock(received=10, sold=2), 8)])
    verdict = judge(run.records())
    assert (verdict.result, verdict.lost, verdict.gone) == ("FAIL", 1, 0)


def test_an_order_that_was_shown_as_stored_by_a_peer_is_lost_whatever_was_declared(run: HandMadeRun) -> None:
    run.look_up({**SECOND, "stored_by": ["filial-sul"]})
    run.lose_disk(SECOND)
    run.read([FIRST], [frozen(make_stock(received=10, sold=2), 8)])
    verdict = judge(run.records())
    assert (verdict.result, verdict.lost, verdict.gone) == ("FAIL", 1, 0)


def test_an_order_whose_only_copy_went_with_its_peers_disk_is_gone_too(run: HandMadeRun) -> None:
    run.look_up({**SECOND, "stored_by": ["filial-sul"]})
    run.lose_disk(SECOND, node="filial-sul")
    run.lose_disk(SECOND)
    run.read([FIRST], [frozen(make_stock(received=10, sold=2), 8)])
    verdict = judge(run.records())
    assert (verdict.result, verdict.lost, verdict.gone) == ("PASS", 0, 1)


def test_what_a_branch_says_of_a_peer_whose_loss_it_has_not_heard_of_proves_nothing(run: HandMadeRun) -> None:
    run.lose_disk(SECOND, node="filial-sul")
    run.look_up({**SECOND, "stored_by": ["filial-sul"]})
    run.lose_disk(SECOND)
    run.read([FIRST], [frozen(make_stock(received=10, sold=2), 8)])
    assert judge(run.records()).result == "PASS"


def test_an_order_of_a_branch_that_kept_its_disk_is_lost_whatever_was_declared(run: HandMadeRun) -> None:
    third = make_order(3, sku="CAFE", quantity=1, branch="filial-sul")
    run.order(third)
    run.lose_disk(third)
    run.read([FIRST, SECOND], [frozen(make_stock(received=10, sold=5), 5)])
    verdict = judge(run.records())
    assert (verdict.result, verdict.lost, verdict.gone) == ("FAIL", 1, 0)


def test_an_order_acknowledged_after_its_branch_lost_its_disk_is_lost_whatever_was_declared(
    run: HandMadeRun,
) -> None:
    third = make_order(3, sku="CAFE", quantity=1)
    run.lose_disk(third)
    run.order(third)
    run.read([FIRST, SECOND], [frozen(make_stock(received=10, sold=5), 5)])
    verdict = judge(run.records())
    assert (verdict.result, verdict.lost, verdict.gone) == ("FAIL", 1, 0)


def test_an_order_at_risk_that_one_node_has_must_be_at_all(run: HandMadeRun) -> None:
    run.lose_disk(SECOND)
    run.read_at("matriz", [FIRST], [make_stock(received=10, sold=5)])
    run.read_at("filial-sul", [FIRST, SECOND], [make_stock(received=10, sold=5)])
    verdict = judge(run.records())
    assert (verdict.result, verdict.lost, verdict.gone) == ("FAIL", 1, 0)


def test_units_that_no_order_at_risk_took_are_missing(run: HandMadeRun) -> None:
    run.lose_disk(SECOND)
    run.read([FIRST], [make_stock(received=10, sold=6)])
    problems = judge(run.records()).problems
    assert "at matriz the stock says 6 of CAFE were sold, the orders say 2" in problems


def test_what_a_count_releases_beyond_the_truth_is_oversold_when_it_is_sold(run: HandMadeRun) -> None:
    """The lost order took three units, so five were left to sell."""
    run.lose_disk(SECOND)
    third = make_order(3, sku="CAFE", quantity=8)
    run.order(third)
    run.read([FIRST, third], [make_stock(received=10, sold=10)])
    verdict = judge(run.records())
    assert (verdict.result, verdict.oversold) == ("FAIL", 3)


def test_frozen_units_that_the_rows_do_not_have_fail(run: HandMadeRun) -> None:
    stock = make_stock(received=10, sold=5)
    run.read([FIRST, SECOND], [{**stock, "frozen": 1}])
    assert "at matriz 5 of CAFE are available and 1 frozen, its rows say 5" in judge(run.records()).problems


def test_a_decommissioned_node_is_not_read_and_the_orders_of_its_branch_stay(run: HandMadeRun) -> None:
    run.lose_disk()
    gone = {"kind": "member.gone", "node": "matriz"}
    run.read_at("filial-sul", [FIRST, SECOND], [make_stock(received=10, sold=5)])
    records = run.records()
    assert judge(records).problems == ("matriz was not read at the end of the run",)
    verdict = judge([*records[:-1], gone, records[-1]])
    assert (verdict.result, verdict.lost, verdict.problems) == ("PASS", 0, ())


def counted(stock: Stock, *, found: int) -> Stock:
    """After a count that found units which no row knew to have come in."""
    row = {**stock["rows"][0], "returned_frozen": found}
    return cast(Stock, {**stock, "available": stock["available"] + found, "rows": [row]})


def test_units_that_only_the_shelf_knew_may_be_sold_once_they_were_counted(run: HandMadeRun) -> None:
    """Five came in at a branch whose disk was lost before it told anybody."""
    run.receive(5)
    run.lose_disk()
    run.count(-5)
    third = make_order(3, sku="CAFE", quantity=10)
    run.order(third)
    run.read([FIRST, SECOND, third], [counted(make_stock(received=10, sold=15), found=5)])
    assert judge(run.records()).problems == ()


def test_units_that_were_counted_and_never_came_in_are_oversold_when_they_are_sold(run: HandMadeRun) -> None:
    run.lose_disk()
    run.count(-5)
    third = make_order(3, sku="CAFE", quantity=10)
    run.order(third)
    run.read([FIRST, SECOND, third], [counted(make_stock(received=10, sold=15), found=5)])
    verdict = judge(run.records())
    assert (verdict.result, verdict.oversold) == ("FAIL", 5)


def test_units_from_nowhere_are_not_those_of_a_count_that_was_refused(run: HandMadeRun) -> None:
    run.receive(5)
    run.lose_disk()
    run.count(-5, outcome="fail")
    run.read([FIRST, SECOND], [counted(make_stock(received=10, sold=5), found=5)])
    assert "at matriz the stock says 5 of CAFE came back, the orders say 0" in judge(run.records()).problems


def test_more_units_than_a_count_found_are_from_nowhere(run: HandMadeRun) -> None:
    run.receive(5)
    run.lose_disk()
    run.count(-5)
    run.read([FIRST, SECOND], [counted(make_stock(received=10, sold=5), found=6)])
    said = "at matriz the stock says 6 of CAFE came back, the orders say 0, counts 5"
    assert said in judge(run.records()).problems


def test_units_frozen_before_the_run_may_be_sold_once_they_were_counted(tmp_path: Path) -> None:
    run = HandMadeRun(tmp_path)
    before, order = make_stock(received=10), make_order(1, sku="CAFE", quantity=10)
    run.read([], [frozen(before, 10)], phase="before")
    run.count(0)
    run.order(order)
    run.read([order], [make_stock(received=10, sold=10)])
    assert judge(run.records()).problems == ()


def test_units_frozen_before_the_run_that_nobody_counted_are_not_to_be_sold(tmp_path: Path) -> None:
    run = HandMadeRun(tmp_path)
    before, order = make_stock(received=10), make_order(1, sku="CAFE", quantity=10)
    run.read([], [frozen(before, 10)], phase="before")
    run.order(order)
    run.read([order], [make_stock(received=10, sold=10)])
    assert judge(run.records()).oversold == 10


def test_a_cancellation_whose_units_reached_peers_before_its_disk_went_is_no_unit_from_nowhere(
    run: HandMadeRun,
) -> None:
    run.cancel(SECOND)
    run.lose_disk(SECOND)
    stock = make_stock(received=10, sold=5)
    row = {**stock["rows"][0], "returned": 3}
    run.read([FIRST, SECOND], [cast(Stock, {**stock, "available": 8, "rows": [row]})])
    assert judge(run.records()).problems == ()
