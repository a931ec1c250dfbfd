"""What the checker excuses after a lost disk or a disk that went back, and what it does not."""

from pathlib import Path

from branchlab.nodes.contract import Stock
from branchlab.tests.checked_runs import ORDER, STOCK, as_it_was, read, verdict_of, with_row
from branchlab.tests.run_records import HandMadeRun, make_order, make_stock


def test_what_a_donor_told_may_go_back_to_the_own_word_of_its_branch(tmp_path: Path) -> None:
    def by_a_donor(run: HandMadeRun) -> None:
        told: Stock = {**with_row(STOCK, version=99), "hearsay": ["matriz@e1"]}
        run.sample(heads={"matriz@e1": 3}, stock=[told])
        as_it_was(run)

    assert verdict_of(tmp_path, by_a_donor).promises["monotone"] == "PASS"


def test_after_a_lost_disk_a_node_knows_less_and_lives_another_life(tmp_path: Path) -> None:
    def wiped(run: HandMadeRun) -> None:
        run.lose_disk()
        run.look_up(ORDER, outcome="fail")
        run.sample(epoch="e2", heads={"matriz@e2": 1})
        run.look_up(ORDER)
        read(run, [ORDER], {**STOCK, "available": 0, "frozen": 8})

    assert verdict_of(tmp_path, wiped).problems == ()


def test_a_disk_that_went_back_may_show_less_of_the_same_life_until_that_is_noticed(tmp_path: Path) -> None:
    def restored(run: HandMadeRun) -> None:
        run.lose_disk()
        run.sample(heads={"matriz@e1": 2}, stock=[with_row(STOCK, version=11)])
        as_it_was(run)

    assert verdict_of(tmp_path, restored).problems == ()


def test_a_life_that_a_disk_brought_back_ends_again_once_that_is_noticed(tmp_path: Path) -> None:
    def brought_back(run: HandMadeRun) -> None:
        run.lose_disk()
        run.sample(epoch="e2", heads={"matriz@e2": 1})
        run.lose_disk()
        run.sample(epoch="e1", heads={"matriz@e1": 2})
        run.sample(epoch="e3", heads={"matriz@e3": 1})
        as_it_was(run)

    assert verdict_of(tmp_path, brought_back).promises["monotone"] == "PASS"


def test_a_node_that_cannot_read_its_database_ends_no_life_and_forgets_nothing(tmp_path: Path) -> None:
    def unreadable(run: HandMadeRun) -> None:
        run.sample(epoch=None, heads={})
        as_it_was(run)

    def unreadable_and_behind(run: HandMadeRun) -> None:
        run.sample(epoch=None, heads={})
        run.sample(heads={"matriz@e1": 2})
        as_it_was(run)

    assert verdict_of(tmp_path / "back", unreadable).problems == ()
    assert verdict_of(tmp_path / "behind", unreadable_and_behind).promises["monotone"] == "FAIL"


def test_a_life_after_a_lost_disk_does_not_end_without_another_loss(tmp_path: Path) -> None:
    def restless(run: HandMadeRun) -> None:
        run.lose_disk()
        run.sample(epoch="e2", heads={"matriz@e2": 1})
        run.sample(epoch="e3", heads={"matriz@e3": 1})
        as_it_was(run)

    assert verdict_of(tmp_path, restless).promises["monotone"] == "FAIL"


def test_a_lost_disk_does_not_excuse_what_fell_after_it(tmp_path: Path) -> None:
    def forgetful(run: HandMadeRun) -> None:
        run.lose_disk()
        run.sample(epoch="e2", heads={"matriz@e2": 5})
        run.look_up(ORDER)
        run.sample(epoch="e2", heads={"matriz@e2": 4})
        run.look_up(ORDER, outcome="fail")
        as_it_was(run)

    promises = verdict_of(tmp_path, forgetful).promises
    assert (promises["monotone"], promises["session"]) == ("FAIL", "FAIL")


def test_a_key_asked_again_after_a_lost_disk_may_be_two_orders(tmp_path: Path) -> None:
    """The disk took the key along; a peer that has the first order may bring it back later."""
    again = make_order(2, quantity=2)

    def asked_again(run: HandMadeRun) -> None:
        run.lose_disk()
        run.order(again, key="key of id-1", attempt=2)
        stock = with_row(make_stock(received=10, sold=4), epoch="e1")
        read(run, [ORDER, again], stock)

    assert verdict_of(tmp_path, asked_again).promises["duplicated"] == "PASS"


def test_a_cancellation_at_risk_may_go_with_its_disk(tmp_path: Path) -> None:
    def cancelled_and_wiped(run: HandMadeRun) -> None:
        run.cancel(ORDER)
        run.lose_disk(ORDER)
        as_it_was(run)

    assert verdict_of(tmp_path, cancelled_and_wiped).problems == ()


def test_an_order_of_unknown_outcome_may_leave_its_stock_effect_when_the_disk_goes(tmp_path: Path) -> None:
    def half_gone(run: HandMadeRun) -> None:
        run.order(make_order(2, quantity=3), outcome="info")
        run.lose_disk()
        read(run, [ORDER], make_stock(received=10, sold=5))

    assert verdict_of(tmp_path, half_gone).problems == ()
