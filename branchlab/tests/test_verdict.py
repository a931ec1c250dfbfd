"""One faultless run passes; every kind of fault, seeded alone, turns the verdict."""

from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from branchlab.checking.checker.finding import Promise
from branchlab.checking.verdict import Verdict, judge
from branchlab.tests.run_records import HandMadeRun, make_order, make_stock
from branchlab.tests.sold_runs import BOTH_SOLD, FIRST, SECOND, two_sold, verdict_of


@pytest.fixture
def run(tmp_path: Path) -> Iterator[HandMadeRun]:
    with two_sold(tmp_path) as made:
        yield made


def test_a_run_whose_promises_are_all_kept_passes(run: HandMadeRun) -> None:
    run.read([FIRST, SECOND], [BOTH_SOLD])

    verdict = verdict_of(run)

    assert verdict == Verdict(
        result="PASS",
        acknowledged=2,
        unknown=0,
        lost=0,
        duplicated=0,
        oversold=0,
        converged=True,
        promises={**dict.fromkeys(get_args(Promise), "PASS"), "monotone": None, "session": None},
    )
    assert verdict.problems == ()
    assert verdict.exit_code == 0


def test_stored_by_may_differ_from_node_to_node(run: HandMadeRun) -> None:
    run.read_at("matriz", [{**FIRST, "stored_by": ["filial-sul"]}, SECOND], [BOTH_SOLD])
    run.read_at("filial-sul", [FIRST, SECOND], [BOTH_SOLD])

    assert verdict_of(run).result == "PASS"


def test_an_acknowledged_order_missing_at_one_node_is_lost(run: HandMadeRun) -> None:
    run.read_at("matriz", [FIRST, SECOND], [BOTH_SOLD])
    run.read_at("filial-sul", [SECOND], [BOTH_SOLD])

    verdict = verdict_of(run)

    assert (verdict.result, verdict.lost, verdict.converged) == ("FAIL", 1, False)
    assert "order matriz-e1-1 (id-1), acknowledged at matriz, is missing at filial-sul" in verdict.problems
    assert verdict.exit_code == 1


def test_an_order_lost_at_every_node_counts_once(run: HandMadeRun) -> None:
    run.read([SECOND], [make_stock(received=10, sold=3)])

    verdict = verdict_of(run)

    assert (verdict.result, verdict.lost) == ("FAIL", 1)


def test_an_order_whose_total_changed_after_the_201_is_lost(run: HandMadeRun) -> None:
    run.read([{**FIRST, "total_cents": 1}, SECOND], [BOTH_SOLD])

    verdict = verdict_of(run)

    assert (verdict.result, verdict.lost) == ("FAIL", 1)
    assert "has another total_cents" in verdict.problems[0]


def test_a_customer_renamed_later_is_no_loss(run: HandMadeRun) -> None:
    renamed = {**FIRST, "customer": {**FIRST["customer"], "name": "Ana Maria"}}
    run.read([renamed, SECOND], [BOTH_SOLD])  # type: ignore[list-item]  # a TypedDict forgets itself in {**}

    assert verdict_of(run).result == "PASS"


def test_an_order_that_nobody_cancelled_must_not_be_cancelled(run: HandMadeRun) -> None:
    run.read([{**FIRST, "status": "cancelled"}, SECOND], [BOTH_SOLD])

    assert verdict_of(run).lost == 1


def test_an_acknowledged_cancellation_missing_at_a_node_is_lost(run: HandMadeRun) -> None:
    run.cancel(FIRST)
    run.read([FIRST, SECOND], [BOTH_SOLD])

    verdict = verdict_of(run)

    assert (verdict.result, verdict.lost) == ("FAIL", 1)
    assert "was cancelled, but is not at matriz" in verdict.problems[0]


def test_an_order_listed_twice_is_duplicated(run: HandMadeRun) -> None:
    run.read([FIRST, FIRST, SECOND], [BOTH_SOLD])

    verdict = verdict_of(run)

    assert (verdict.result, verdict.duplicated > 0) == ("FAIL", True)


def test_an_order_that_nobody_asked_for_is_duplicated(run: HandMadeRun) -> None:
    """As when a retried request is stored a second time, under another id."""
    again = make_order(3, quantity=2)
    run.read([FIRST, SECOND, again], [make_stock(received=10, sold=7)])

    verdict = verdict_of(run)

    assert (verdict.result, verdict.duplicated) == ("FAIL", 1)


def test_one_key_answered_with_two_orders_is_a_duplicate(run: HandMadeRun) -> None:
    again = make_order(3, quantity=2)
    run.order(again, key="key of id-1", attempt=2)
    run.read([FIRST, SECOND, again], [make_stock(received=10, sold=7)])

    assert verdict_of(run).duplicated == 1


def test_one_order_given_to_two_buyers_is_a_duplicate(run: HandMadeRun) -> None:
    run.order(FIRST, key="another buyer's")
    run.read([FIRST, SECOND], [BOTH_SOLD])

    assert verdict_of(run).duplicated == 1


def test_a_retry_answered_with_the_same_order_is_no_duplicate(run: HandMadeRun) -> None:
    run.order(FIRST, attempt=2)
    run.read([FIRST, SECOND], [BOTH_SOLD])

    assert verdict_of(run).result == "PASS"


@pytest.mark.parametrize("outcome", ["info", "never recorded"])
def test_an_order_of_unknown_outcome_may_exist_once(run: HandMadeRun, outcome: str) -> None:
    third = make_order(3)
    run.order(third, outcome=outcome)
    run.read([FIRST, SECOND, third], [make_stock(received=10, sold=6)])

    verdict = verdict_of(run)

    assert (verdict.result, verdict.unknown) == ("PASS", 1)


def test_an_order_of_unknown_outcome_may_be_absent(run: HandMadeRun) -> None:
    run.order(make_order(3), outcome="info")
    run.read([FIRST, SECOND], [BOTH_SOLD])

    assert verdict_of(run).result == "PASS"


def test_an_order_of_unknown_outcome_must_not_exist_twice(run: HandMadeRun) -> None:
    run.order(make_order(3), outcome="info")
    run.read([FIRST, SECOND, make_order(3), make_order(4)], [make_stock(received=10, sold=7)])

    assert verdict_of(run).duplicated == 1


def test_a_refused_order_must_not_exist(run: HandMadeRun) -> None:
    run.order(make_order(3), outcome="fail")
    run.read([FIRST, SECOND, make_order(3)], [make_stock(received=10, sold=6)])

    verdict = verdict_of(run)

    assert (verdict.result, verdict.promises["authentic"]) == ("FAIL", "FAIL")


def test_orders_from_before_the_run_are_nobodys_duplicates(tmp_path: Path) -> None:
    run = HandMadeRun(tmp_path)
    run.read([FIRST], [make_stock(received=2, sold=2)], phase="before")
    run.receive(3)
    run.order(SECOND)
    run.read([FIRST, SECOND], [make_stock(received=5, sold=5)])

    assert verdict_of(run).result == "PASS"


def test_nodes_that_show_another_stock_have_not_converged(run: HandMadeRun) -> None:
    run.read_at("matriz", [FIRST, SECOND], [BOTH_SOLD])
    run.read_at("filial-sul", [FIRST, SECOND], [make_stock(received=11, sold=5)])

    verdict = verdict_of(run)

    assert (verdict.result, verdict.converged) == ("FAIL", False)
    assert verdict.problems[0] == "matriz and filial-sul differ in the stock of CAFE"


def test_a_product_missing_at_one_node_is_a_difference(run: HandMadeRun) -> None:
    tea = make_stock(sku="CHA", received=1)
    run.read_at("matriz", [FIRST, SECOND], [BOTH_SOLD, tea])
    run.read_at("filial-sul", [FIRST, SECOND], [BOTH_SOLD])

    assert verdict_of(run).converged is False


def test_nodes_that_show_an_order_differently_have_not_converged(run: HandMadeRun) -> None:
    run.read_at("matriz", [FIRST, SECOND], [BOTH_SOLD])
    run.read_at("filial-sul", [{**FIRST, "version": 2}, SECOND], [BOTH_SOLD])

    verdict = verdict_of(run)

    assert (verdict.result, verdict.converged) == ("FAIL", False)


def test_a_node_that_was_not_read_leaves_the_verdict_unknown(run: HandMadeRun) -> None:
    run.read_at("matriz", [FIRST, SECOND], [BOTH_SOLD])

    verdict = verdict_of(run)

    assert (verdict.result, verdict.converged, verdict.exit_code) == ("UNKNOWN", None, 2)
    assert verdict.problems == ("filial-sul was not read at the end of the run",)


def test_a_read_that_was_cut_short_leaves_the_verdict_unknown(run: HandMadeRun) -> None:
    run.read([FIRST, SECOND], [BOTH_SOLD])

    records = [record for record in run.records() if record.get("order", {}).get("id") != "id-2"]

    assert judge(records).result == "UNKNOWN"


def test_a_loss_seen_at_one_node_fails_though_another_was_not_read(run: HandMadeRun) -> None:
    run.read_at("matriz", [SECOND], [BOTH_SOLD])

    assert verdict_of(run).result == "FAIL"


def test_an_empty_log_proves_nothing() -> None:
    assert judge([]).result == "UNKNOWN"
