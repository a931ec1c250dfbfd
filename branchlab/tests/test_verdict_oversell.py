"""Units sold too often where that may happen: all right as long as every node names the orders."""

from pathlib import Path

import pytest

from branchlab.checking.verdict import Verdict, judge, verdict_lines
from branchlab.nodes.contract import Stock
from branchlab.tests.run_records import HandMadeRun, make_order, make_stock

RECEIVED, SOLD = 2, 5


def oversold_stock(*, oversold: int = 3, listed: int = 3) -> Stock:
    stock = make_stock(received=RECEIVED, sold=SOLD, available=0)
    stock["oversold"] = oversold
    stock["deficits"] = [{"order": "id-1", "branch": "matriz", "quantity": listed}] if listed else []
    return stock


def verdict_over(directory: Path, stock: Stock, *, may_oversell: bool) -> Verdict:
    run = HandMadeRun(directory, may_oversell=may_oversell)
    run.receive(RECEIVED)
    order = make_order(1, quantity=SOLD)
    run.order(order)
    run.read([order], [stock])
    return judge(run.records())


def test_oversold_units_that_every_node_names_are_counted_but_no_failure(tmp_path: Path) -> None:
    verdict = verdict_over(tmp_path, oversold_stock(), may_oversell=True)
    assert (verdict.result, verdict.oversold, verdict.problems) == ("PASS", 3, ())
    assert "3 oversold as this policy allows" in verdict_lines(verdict)[-1]


def test_the_same_units_are_a_failure_where_nothing_may_be_oversold(tmp_path: Path) -> None:
    verdict = verdict_over(tmp_path, oversold_stock(), may_oversell=False)
    assert (verdict.result, verdict.problems) == ("FAIL", ("3 of CAFE oversold",))


@pytest.mark.parametrize(
    ("oversold", "listed"), [(0, 0), (3, 2), (3, 0), (4, 4)], ids=["hidden", "fewer", "unnamed", "more"]
)
def test_oversold_units_that_a_node_hides_or_invents_are_a_failure(
    tmp_path: Path, oversold: int, listed: int
) -> None:
    verdict = verdict_over(tmp_path, oversold_stock(oversold=oversold, listed=listed), may_oversell=True)
    assert verdict.result == "FAIL"
    assert any(problem.startswith("3 of CAFE oversold, but matriz shows") for problem in verdict.problems)


def test_an_older_log_without_the_permission_is_judged_without_it(tmp_path: Path) -> None:
    run = HandMadeRun(tmp_path)
    run.receive(RECEIVED)
    order = make_order(1, quantity=SOLD)
    run.order(order)
    run.read([order], [oversold_stock()])
    records = [{k: v for k, v in record.items() if k != "may_oversell"} for record in run.records()]
    assert judge(records).result == "FAIL"


def verdict_over_removals(directory: Path, *, sold: int, listed: int, order: str = "id-1") -> Verdict:
    """Two branches removed 10 units each of the 18 there were, and `sold` units were sold besides."""
    run = HandMadeRun(directory, may_oversell=True)
    run.receive(18)
    run.receive(-10)
    run.receive(-10)
    other = make_order(2, sku="CHA")
    run.receive(1, sku="CHA")
    run.order(other)
    placed = make_order(1, quantity=sold)
    if sold:
        run.order(placed)
    stock = make_stock(received=18, sold=sold, available=0)
    stock["rows"][0]["removed"] = 20
    stock["oversold"] = 2 + sold
    stock["deficits"] = [{"order": order, "branch": "matriz", "quantity": listed}] if listed else []
    run.read([other, *([placed] if sold else [])], [stock, make_stock(sku="CHA", received=1, sold=1)])
    return judge(run.records())


@pytest.mark.parametrize("sold", [0, 1], ids=["nothing is sold", "less is sold"])
def test_where_removals_took_units_that_were_not_there_no_order_need_be_named_for_them(
    tmp_path: Path, sold: int
) -> None:
    verdict = verdict_over_removals(tmp_path, sold=sold, listed=sold)
    assert (verdict.result, verdict.oversold, verdict.problems) == ("PASS", 2 + sold, ())


def test_beside_such_removals_every_order_is_still_named(tmp_path: Path) -> None:
    verdict = verdict_over_removals(tmp_path, sold=1, listed=0)
    assert verdict.result == "FAIL"
    assert "3 of CAFE oversold, but matriz shows 3 and names orders for 0" in verdict.problems


@pytest.mark.parametrize(("order", "listed"), [("id-1", 2), ("id-9", 1)], ids=["too much", "another order"])
def test_an_order_that_is_short_of_what_it_does_not_hold_is_a_failure(
    tmp_path: Path, order: str, listed: int
) -> None:
    verdict = verdict_over_removals(tmp_path, sold=1, listed=listed, order=order)
    problem = f"matriz names {order} as short of {listed} of CAFE: it holds fewer"
    assert problem in verdict.problems
