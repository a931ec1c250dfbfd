"""What is not there yet, where nodes did not agree in time, is UNKNOWN; what no delay explains is a FAIL."""

from pathlib import Path

from branchlab.checking.verdict import Verdict, judge
from branchlab.nodes.contract import Order, Stock
from branchlab.tests.run_records import HandMadeRun, make_order, make_stock

ORDER = make_order(1, quantity=2)
STOCK = make_stock(received=10, sold=2)
WHY = "they did not agree after 60 s: matriz → filial-sul: 3 pending"


def verdict_over(
    directory: Path, matriz: tuple[list[Order], Stock], sul: tuple[list[Order], Stock], *, why: str | None
) -> Verdict:
    run = HandMadeRun(directory)
    run.receive(10)
    run.order(ORDER)
    run.read_at("matriz", matriz[0], [matriz[1]])
    run.read_at("filial-sul", sul[0], [sul[1]])
    run.agree(why)
    return judge(run.records())


def test_an_order_that_may_be_on_its_way_is_not_lost(tmp_path: Path) -> None:
    verdict = verdict_over(tmp_path, ([ORDER], STOCK), ([], make_stock(received=10)), why=WHY)

    assert (verdict.result, verdict.lost, verdict.converged) == ("UNKNOWN", 0, None)
    assert verdict.problems[0].endswith(f"is missing at filial-sul, but the nodes were read too early: {WHY}")


def test_the_same_order_is_lost_where_the_nodes_say_that_they_agree(tmp_path: Path) -> None:
    verdict = verdict_over(tmp_path, ([ORDER], STOCK), ([], make_stock(received=10)), why=None)

    assert (verdict.result, verdict.lost, verdict.converged) == ("FAIL", 1, False)


def test_an_order_that_its_own_branch_lacks_is_lost_however_slow_the_machine(tmp_path: Path) -> None:
    verdict = verdict_over(tmp_path, ([], make_stock(received=10)), ([ORDER], STOCK), why=WHY)

    assert (verdict.result, verdict.lost) == ("FAIL", 1)


def test_a_stock_effect_may_arrive_before_its_order(tmp_path: Path) -> None:
    verdict = verdict_over(tmp_path, ([ORDER], STOCK), ([], STOCK), why=WHY)

    assert (verdict.result, verdict.promises["rights"]) == ("UNKNOWN", "UNKNOWN")


def test_nodes_that_show_the_same_have_converged_though_not_in_time(tmp_path: Path) -> None:
    assert verdict_over(tmp_path, ([ORDER], STOCK), ([ORDER], STOCK), why=WHY).result == "PASS"
