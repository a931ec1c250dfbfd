"""Which orders the demonstration plays when and where, and what it says at its end."""

from pathlib import Path

import pytest

from branchlab.checking.checker.finding import Finding
from branchlab.checking.verdict import Verdict
from branchlab.language import deferred, speaking
from branchlab.networks.network import NODE_NAMES, Network, NodeAddress
from branchlab.teaching.demo import generator, story
from branchlab.teaching.demo.apart import Absence
from branchlab.teaching.demo.parts import events_of, split
from branchlab.teaching.demo.story import DemoOutcome, Plan
from branchlab.teaching.demo.summary import summary_lines
from branchlab.teaching.replay.history import HistoryLine, HistoryOrder

HISTORY = generator.generate()


def network(nodes: int) -> Network:
    addresses = tuple(NodeAddress(name, "http://127.0.0.1:1") for name in NODE_NAMES[:nodes])
    return Network(driver="process", nodes=addresses, policy="escrow")


def planned(nodes: int = 3) -> Plan:
    return story.plan(
        HISTORY, network(nodes), run="demo-1", fault="pause", seconds=30.0, orders_per_second=6.0
    )


def outcome(*, failures: tuple[str, ...] = (), problems: tuple[str, ...] = ()) -> DemoOutcome:
    absence = Absence(
        seconds=30.04, played=[], pending=1250, expected=1200, drained_seconds=1.26, failures=failures
    )
    verdict = Verdict(
        result="FAIL" if problems else "PASS",
        acknowledged=600,
        unknown=0,
        lost=len(problems),
        duplicated=0,
        oversold=0,
        converged=True,
        findings=tuple(Finding("lost", words) for words in problems),
    )
    return DemoOutcome(verdict=verdict, log=Path("run.jsonl"), failures=failures, played=[], absence=absence)


def test_every_order_is_played_once_and_none_of_the_absent_branch_meanwhile() -> None:
    plan = planned()
    parts = plan.parts
    played = [order.order for part in (parts.before, parts.apart, parts.after) for order in part]
    assert sorted(played) == sorted(order.order for order in HISTORY.orders)
    assert {plan.node_of[order.branch] for order in parts.apart} == {"matriz", "filial-norte"}
    assert len(parts.apart) == 180


def test_each_part_keeps_the_order_of_the_file() -> None:
    place = {order.order: number for number, order in enumerate(HISTORY.orders)}
    for part in (planned().parts.before, planned().parts.apart, planned().parts.after):
        places = [place[order.order] for order in part]
        assert places == sorted(places)


def test_a_short_history_gives_what_it_has() -> None:
    few = generator.generate(orders=9)
    parts = split(few, {branch: branch for branch in few.orders_by_branch()}, "matriz", most_apart=1000)
    assert len(parts.before) == 3
    assert all(order.branch != "matriz" for order in parts.apart)


def test_branches_play_at_the_nodes_of_their_names_and_the_smallest_goes_away() -> None:
    plan = planned(5)
    assert plan.node_of == {name: name for name in ("filial-norte", "matriz", "filial-sul")}
    assert plan.victim == "filial-sul"


def test_with_two_nodes_two_branches_share_one() -> None:
    plan = planned(2)
    assert sorted(plan.node_of.values()) == ["filial-norte", "filial-norte", "matriz"]
    assert plan.victim == "matriz"  # the others have more orders together


def test_an_order_is_one_event_per_product_and_one_for_itself() -> None:
    lines = tuple(HistoryLine(sku, 1, 100) for sku in ("CAFE-500", "cafe-500", "MATE-1"))
    assert events_of(HistoryOrder("1", "2026-01-01", "matriz", "CLI-001", lines)) == 3


def test_the_end_is_told_in_plain_words() -> None:
    with speaking("pt-BR"):
        lines = summary_lines(planned(), outcome())
    assert lines[1].startswith("VERDICT PASS: 600 pedidos confirmados, 0 perdidos")
    assert "filial-sul ficou isolada por 30,0 s (pausada)" in lines[3]
    assert "1.250 eventos ficaram pendentes para ela; os pedidos escreveram 1.200." in lines[3]
    assert lines[4].startswith("Os outros 50 são cotas")
    assert lines[5] == "Ao voltar, ela recebeu tudo em 1,3 s, sem nenhum passo manual."


@pytest.mark.parametrize(
    "failed", [outcome(problems=("order 1 is missing at matriz",)), outcome(failures=("matriz has 1 more",))]
)
def test_whatever_went_wrong_comes_first_and_fails_the_run(failed: DemoOutcome) -> None:
    lines = summary_lines(planned(), failed)
    assert lines[0] in ("  order 1 is missing at matriz", "  matriz has 1 more")
    assert lines[2].startswith("VERDICT FAIL")
    assert "Something went wrong: see the lines above and the run log." in lines
    assert failed.exit_code == 1


def test_what_the_checker_found_is_told_in_the_language_spoken_too() -> None:
    found = deferred("{name} gives no status", name="matriz")
    with speaking("pt-BR"):
        lines = summary_lines(planned(), outcome(problems=(found,)))
        assert lines[0] == "  " + found.said("pt-BR") != f"  {found}"
