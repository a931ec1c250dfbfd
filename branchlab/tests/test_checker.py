"""Each promise: a clean log passes, one log breaks it, and one leaves it open."""

from pathlib import Path
from typing import cast, get_args

import pytest

from branchlab.checking.checker.finding import Promise
from branchlab.checking.verdict import judge
from branchlab.nodes.contract import Order, Stock
from branchlab.tests.checked_runs import ORDER, STOCK, Spoil, as_it_was, read, verdict_of, with_row
from branchlab.tests.run_records import HandMadeRun, make_order, make_stock


def lost(run: HandMadeRun) -> None:
    read(run, [], make_stock(received=10))


def cancellation_lost(run: HandMadeRun) -> None:
    run.cancel(ORDER)
    as_it_was(run)


def duplicated(run: HandMadeRun) -> None:
    read(run, [ORDER, make_order(2, quantity=2)], make_stock(received=10, sold=4))


def oversold(run: HandMadeRun) -> None:
    many = make_order(2, quantity=9)
    run.order(many)
    read(run, [ORDER, many], make_stock(received=11, sold=11))


def units_from_nowhere(run: HandMadeRun) -> None:
    read(run, [ORDER], make_stock(received=12, sold=2))


def units_gone(run: HandMadeRun) -> None:
    read(run, [ORDER], make_stock(received=9, sold=2))


def more_rights_than_rows(run: HandMadeRun) -> None:
    read(run, [ORDER], {**STOCK, "here": 9})


def more_given_back_than_cancelled(run: HandMadeRun) -> None:
    read(run, [ORDER], {**with_row(STOCK, returned=3), "available": 11})


def less_given_back_than_cancelled(run: HandMadeRun) -> None:
    run.cancel(ORDER)
    read(run, [{**ORDER, "status": "cancelled"}], STOCK)


def rights_below_none(run: HandMadeRun) -> None:
    read(run, [ORDER], {**with_row(STOCK, granted={"filial-sul@e1": 12}), "here": -4})


def frozen_without_a_lost_disk(run: HandMadeRun) -> None:
    read(run, [ORDER], {**STOCK, "available": 5, "frozen": 3})


def apart(run: HandMadeRun) -> None:
    run.read_at("matriz", [ORDER], [STOCK])
    run.read_at("filial-sul", [{**ORDER, "version": 2}], [STOCK])


def head_fell(run: HandMadeRun) -> None:
    run.sample(heads={"matriz@e1": 2})
    as_it_was(run)


def head_forgotten(run: HandMadeRun) -> None:
    run.sample(heads={})
    as_it_was(run)


def version_fell(run: HandMadeRun) -> None:
    run.sample(heads={"matriz@e1": 3}, stock=[with_row(STOCK, version=1)])
    as_it_was(run)


def version_fell_at_the_end(run: HandMadeRun) -> None:
    read(run, [ORDER], with_row(STOCK, version=1))


def another_life(run: HandMadeRun) -> None:
    run.sample(epoch="e2", heads={"matriz@e2": 1})
    as_it_was(run)


def own_order_not_read(run: HandMadeRun) -> None:
    run.look_up(ORDER, outcome="fail")
    as_it_was(run)


def own_cancellation_not_read(run: HandMadeRun) -> None:
    run.cancel(ORDER)
    run.look_up(ORDER)
    cancelled: Order = {**ORDER, "status": "cancelled"}
    back: Stock = {**with_row(STOCK, returned=2), "available": 10}
    read(run, [cancelled], back)


def older_than_read_before(run: HandMadeRun) -> None:
    run.look_up({**ORDER, "version": 3})
    run.look_up({**ORDER, "version": 2})
    as_it_was(run)


def nobody_asked(run: HandMadeRun) -> None:
    read(run, [ORDER, make_order(2, quantity=5)], make_stock(received=10, sold=7))


def refused_and_there(run: HandMadeRun) -> None:
    run.order(make_order(2, quantity=5), outcome="fail")
    nobody_asked(run)


def answered_with_other_lines(run: HandMadeRun) -> None:
    other = make_order(2, quantity=5)
    run.order(make_order(2, quantity=4), answer=other)
    read(run, [ORDER, other], make_stock(received=10, sold=7))


def product_from_nowhere(run: HandMadeRun) -> None:
    read(run, [ORDER], STOCK, make_stock(sku="CHA"))


BREAKS: list[tuple[Promise, Spoil, str]] = [
    ("lost", lost, "acknowledged at matriz, is missing at matriz"),
    ("lost", cancellation_lost, "was cancelled, but is not at matriz"),
    ("duplicated", duplicated, "exists once more than its client asked for it"),
    ("oversold", oversold, "1 of CAFE oversold"),
    ("rights", units_from_nowhere, "12 of CAFE are received by the rows, clients were told 10"),
    ("rights", units_gone, "9 of CAFE are received by the rows, clients were told 10"),
    ("rights", more_rights_than_rows, "matriz shows 9 of CAFE as its own to sell, its rows say 8"),
    (
        "rights",
        more_given_back_than_cancelled,
        "at matriz the stock says 3 of CAFE came back, the orders say 0",
    ),
    (
        "rights",
        less_given_back_than_cancelled,
        "at matriz the stock says 0 of CAFE came back, the orders say 2",
    ),
    ("rights", rights_below_none, "matriz holds -4 of CAFE"),
    ("rights", frozen_without_a_lost_disk, "3 of CAFE are frozen, the rows of ended lives say 0"),
    ("converged", apart, "matriz and filial-sul differ in order matriz-e1-1"),
    ("monotone", head_fell, "at matriz the head of matriz@e1 fell from 3 to 2"),
    ("monotone", head_forgotten, "at matriz the head of matriz@e1 fell from 3 to 0"),
    ("monotone", version_fell, "at matriz `version` of cafe in the row of matriz@e1 fell from 12 to 1"),
    ("monotone", version_fell_at_the_end, "fell from 12 to 1"),
    ("monotone", another_life, "matriz began another life, e2, though nothing took its disk"),
    ("session", own_order_not_read, "matriz does not know order id-1, of which it had told a client"),
    ("session", own_cancellation_not_read, "as placed after it had acknowledged its cancellation"),
    ("session", older_than_read_before, "shows order id-1 in version 2, and had shown 3"),
    ("authentic", nobody_asked, "order matriz-e1-2 (id-2) exists, but no unrefused request asked for it"),
    ("authentic", refused_and_there, "order matriz-e1-2 (id-2) exists, but no unrefused request asked"),
    ("authentic", answered_with_other_lines, "(id-2), which is not what it asked for"),
    ("authentic", product_from_nowhere, "there is a product CHA that nobody asked for"),
]


def test_a_clean_log_keeps_every_promise(tmp_path: Path) -> None:
    verdict = verdict_of(tmp_path, as_it_was)

    assert verdict.problems == ()
    assert verdict.promises == dict.fromkeys(get_args(Promise), "PASS")


@pytest.mark.parametrize(
    ("promise", "spoil", "words"), BREAKS, ids=[spoil.__name__ for _, spoil, _ in BREAKS]
)
def test_a_broken_promise_is_named(tmp_path: Path, promise: Promise, spoil: Spoil, words: str) -> None:
    verdict = verdict_of(tmp_path, spoil)

    assert (verdict.result, verdict.promises[promise]) == ("FAIL", "FAIL")
    told = [finding.words for finding in verdict.findings if finding.promise == promise]
    assert any(words in one for one in told), told


@pytest.mark.parametrize("promise", sorted({*get_args(Promise)} - {"monotone", "session"}))
def test_a_promise_is_open_where_a_node_was_not_read(tmp_path: Path, promise: Promise) -> None:
    verdict = verdict_of(tmp_path, lambda run: run.read_at("matriz", [ORDER], [{**STOCK, "here": 8}]))

    assert (verdict.result, verdict.promises[promise]) == ("UNKNOWN", "UNKNOWN")


def test_whether_all_only_grew_is_open_where_nobody_answered(tmp_path: Path) -> None:
    run = HandMadeRun(tmp_path)
    run.sample()
    read(run, [])

    verdict = judge(run.records())

    assert (verdict.result, verdict.promises["monotone"]) == ("UNKNOWN", "UNKNOWN")


def test_what_clients_read_is_open_where_no_read_was_answered(tmp_path: Path) -> None:
    run = HandMadeRun(tmp_path)
    run.look_up(ORDER, outcome="info")
    read(run, [])

    verdict = judge(run.records())

    assert (verdict.result, verdict.promises["session"]) == ("UNKNOWN", "UNKNOWN")


def test_what_was_not_looked_at_is_neither_kept_nor_open(tmp_path: Path) -> None:
    run = HandMadeRun(tmp_path)
    run.receive(10)
    run.order(ORDER)
    as_it_was(run)

    verdict = judge(run.records())

    assert (verdict.result, verdict.promises["monotone"], verdict.promises["session"]) == ("PASS", None, None)


def test_a_run_in_which_no_order_was_acknowledged_has_judged_nothing(tmp_path: Path) -> None:
    run = HandMadeRun(tmp_path)
    run.receive(10)
    read(run, [], make_stock(received=10))

    verdict = judge(run.records())

    assert (verdict.result, verdict.exit_code) == ("UNKNOWN", 2)
    assert verdict.problems == ("no order was acknowledged, so nothing was judged",)


def test_reads_that_began_before_the_answer_prove_nothing(tmp_path: Path) -> None:
    """Whoever asks while another is being answered may be told either."""
    run = HandMadeRun(tmp_path)
    run.receive(10)
    with run.under_way("read", {"order": ORDER["id"]}) as read:
        run.order(ORDER)
        read("fail")
    as_it_was(run)

    assert judge(run.records()).result == "PASS"


def test_a_row_that_only_passed_rights_on_need_not_be_everywhere_yet(tmp_path: Path) -> None:
    """They may still move while nodes are read one after the other."""
    run = HandMadeRun(tmp_path)
    run.receive(10)
    run.order(ORDER)
    passed_on = {**make_stock()["rows"][0], "branch": "filial-sul", "granted": {"matriz@e1": 1}}
    moved = {**STOCK, "rows": [*STOCK["rows"], passed_on]}
    run.read_at("matriz", [ORDER], [STOCK])
    run.read_at("filial-sul", [ORDER], [cast(Stock, moved)])

    assert judge(run.records()).problems == ()


def test_a_key_of_two_orders_may_be_answered_with_either_again(tmp_path: Path) -> None:
    """Once the first order is back, asking again gets it, though the disk is as it was."""
    again = make_order(2, quantity=2)

    def asked_thrice(run: HandMadeRun) -> None:
        run.lose_disk()
        run.order(again, key="key of id-1", attempt=2)
        run.order(ORDER, key="key of id-1", attempt=3)
        stock = with_row(make_stock(received=10, sold=4), epoch="e1")
        read(run, [ORDER, again], stock)

    assert verdict_of(tmp_path, asked_thrice).promises["duplicated"] == "PASS"
