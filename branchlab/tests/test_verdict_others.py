"""What somebody else did beside a run is no fault of any node, and what nobody can tell apart is UNKNOWN."""

from pathlib import Path
from typing import cast

import pytest

from branchlab.checking.verdict import Verdict, judge, verdict_lines
from branchlab.nodes.contract import Order, Stock
from branchlab.tests.run_records import HandMadeRun, make_order, make_stock

MARK = "demo-1"
OURS: Order = {**make_order(1, quantity=2), "note": MARK}
THEIRS = make_order(2, quantity=5)


def run_beside_others(directory: Path, *, mark: str | None = MARK) -> HandMadeRun:
    """Ten units received and an order of two acknowledged, on a network that others may use too."""
    run = HandMadeRun(directory, alone=False, mark=mark)
    run.receive(10)
    run.order(OURS)
    return run


def judged(run: HandMadeRun) -> Verdict:
    return judge(run.records())


def with_row(stock: Stock, **changes: object) -> Stock:
    return cast(Stock, {**stock, "rows": [{**stock["rows"][0], **changes}]})


def test_an_order_of_somebody_else_is_counted_and_leaves_only_one_promise_open(tmp_path: Path) -> None:
    run = run_beside_others(tmp_path)
    run.read([OURS, THEIRS], [make_stock(received=10, sold=7)])

    verdict = judged(run)

    assert (verdict.result, verdict.exit_code, verdict.others) == ("UNKNOWN", 2, 1)
    assert {name for name, result in verdict.promises.items() if result == "UNKNOWN"} == {"authentic"}
    assert verdict.problems == (
        "orders by somebody else during the run: 1; whether a client asked for them, nobody can say",
    )
    assert "0 oversold, 1 by somebody else, converged" in verdict_lines(verdict)[-1]


def test_an_order_of_somebody_else_like_one_of_the_runs_is_no_duplicate(tmp_path: Path) -> None:
    run = run_beside_others(tmp_path)
    run.read([OURS, {**make_order(2, quantity=2), "note": None}], [make_stock(received=10, sold=4)])

    verdict = judged(run)

    assert (verdict.result, verdict.duplicated, verdict.others) == ("UNKNOWN", 0, 1)


def test_an_order_with_the_runs_own_mark_too_many_is_a_duplicate(tmp_path: Path) -> None:
    run = run_beside_others(tmp_path)
    run.read([OURS, {**make_order(2, quantity=2), "note": MARK}], [make_stock(received=10, sold=4)])

    verdict = judged(run)

    assert (verdict.result, verdict.duplicated, verdict.others) == ("FAIL", 1, 0)


def test_an_order_with_the_runs_own_mark_that_nobody_asked_for_fails(tmp_path: Path) -> None:
    run = run_beside_others(tmp_path)
    run.read([OURS, {**THEIRS, "note": MARK}], [make_stock(received=10, sold=7)])

    assert judged(run).promises["authentic"] == "FAIL"


def test_without_marks_nobody_can_tell_a_duplicate_from_somebody_elses_order(tmp_path: Path) -> None:
    run = run_beside_others(tmp_path, mark=None)
    run.read([OURS, {**make_order(2, quantity=2), "note": MARK}], [make_stock(received=10, sold=4)])

    verdict = judged(run)

    assert (verdict.result, verdict.promises["duplicated"]) == ("UNKNOWN", "UNKNOWN")
    assert verdict.problems[0].endswith("but somebody else may have done it")


def test_what_somebody_else_bought_counts_against_the_stock(tmp_path: Path) -> None:
    many = make_order(2, quantity=9)
    run = run_beside_others(tmp_path)
    run.read([OURS, many], [make_stock(received=10, sold=11, available=0)])

    verdict = judged(run)

    assert (verdict.result, verdict.oversold) == ("FAIL", 1)


def test_what_somebody_else_received_may_be_sold(tmp_path: Path) -> None:
    run = run_beside_others(tmp_path)
    more: Order = {**make_order(3, quantity=12), "note": MARK}
    run.order(more)
    run.read([OURS, more], [make_stock(received=14, sold=14)])

    verdict = judged(run)

    assert (verdict.result, verdict.oversold, verdict.promises["rights"]) == ("UNKNOWN", 0, "UNKNOWN")


def test_fewer_units_than_clients_received_are_nobody_elses_doing(tmp_path: Path) -> None:
    run = run_beside_others(tmp_path)
    run.read([OURS], [make_stock(received=9, sold=2)])

    assert judged(run).promises["rights"] == "FAIL"


def test_an_order_that_somebody_else_cancelled_is_not_surely_lost_and_its_units_may_be_sold(
    tmp_path: Path,
) -> None:
    run = run_beside_others(tmp_path)
    again: Order = {**make_order(3, quantity=10), "note": MARK}
    run.order(again)
    stock = with_row(make_stock(received=10, sold=12, available=0), returned=2)
    run.read([{**OURS, "status": "cancelled"}, again], [stock])

    verdict = judged(run)

    assert (verdict.result, verdict.lost, verdict.oversold) == ("UNKNOWN", 0, 0)
    assert verdict.promises["lost"] == "UNKNOWN"


def test_a_product_of_somebody_else_is_unknown(tmp_path: Path) -> None:
    run = run_beside_others(tmp_path)
    run.read([OURS], [make_stock(received=10, sold=2), make_stock(sku="CHA")])

    assert judged(run).promises["authentic"] == "UNKNOWN"


def test_units_that_somebody_elses_count_found_may_be_sold(tmp_path: Path) -> None:
    run = run_beside_others(tmp_path)
    more: Order = {**make_order(3, quantity=9), "note": MARK}
    run.order(more)
    run.read([OURS, more], [with_row(make_stock(received=10, sold=11, available=0), returned_frozen=1)])

    verdict = judged(run)

    assert (verdict.result, verdict.oversold, verdict.promises["rights"]) == ("UNKNOWN", 0, "UNKNOWN")


@pytest.mark.parametrize("mark", [MARK, None])
def test_where_nobody_else_can_log_in_such_an_order_comes_from_nowhere(
    tmp_path: Path, mark: str | None
) -> None:
    run = HandMadeRun(tmp_path, mark=mark)
    run.receive(10)
    run.order(OURS)
    run.read([OURS, THEIRS], [make_stock(received=10, sold=7)])

    assert judged(run).promises["authentic"] == "FAIL"
