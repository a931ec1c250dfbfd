"""What a replay tells: counts by their names, refusals in few lines, and how far it is."""

import pytest

from branchlab.checking.operations import Attempt, Placed
from branchlab.checking.verdict import judge
from branchlab.nodes.outcome import Refused
from branchlab.steps import Step
from branchlab.teaching.replay.history import HistoryLine, HistoryOrder
from branchlab.teaching.replay.player import Played
from branchlab.teaching.replay.progress import Told
from branchlab.teaching.replay.report import ended_badly, ended_well, percentile, shown_lines, summarise
from branchlab.tests.replay_clock import Clock
from branchlab.tests.run_records import make_order

ORDER = HistoryOrder("Norte-0", "2026-01-02", "Norte", "ANA", (HistoryLine("CAFE", 1, 900),))


def make_played(outcome: str, *, refusals: int = 0) -> Played:
    problem_of = {"sku": "CAFE", "wanted": 2, "available_here": 0, "available_company": 1}
    refused = Attempt(refused=Refused(409, "out_of_stock", problem_of))
    last = {
        "accepted": Attempt(order=make_order(1)),
        "refused": refused,
        "unknown": Attempt(unknown="ReadTimeout"),
    }
    attempts = (*[refused] * refusals, last[outcome])
    placed = Placed(outcome, last[outcome].order, attempts, 0.5)  # type: ignore[arg-type]  # one of the three
    return Played(ORDER, "matriz", placed, 0)


def test_the_summary_counts_every_outcome_by_its_name() -> None:
    played = [
        make_played("accepted"),
        make_played("accepted", refusals=2),
        make_played("refused", refusals=1),
        make_played("unknown"),
    ]

    summary = summarise(played, judge([]), seconds=1.23456, rejected=5)

    assert summary.as_json() == {
        "orders": 4,
        "rejected": 5,
        "accepted": 2,
        "accepted_first_try": 1,
        "refused": 1,
        "unknown": 1,
        "retries": 3,
        "repriced": 0,
        "lost": 0,
        "duplicated": 0,
        "oversold": 0,
        "converged": None,
        "seconds": 1.235,
    }


def test_refusals_that_ended_well_are_one_line() -> None:
    played = [
        make_played("accepted", refusals=3),
        make_played("accepted", refusals=1),
        make_played("refused"),
    ]

    assert ended_well(played) == ["2 orders were refused at first and accepted later (4 × 409 out_of_stock)"]
    assert ended_well([make_played("accepted"), make_played("refused")]) == []


def test_an_order_that_was_not_accepted_has_one_line_with_its_last_answer() -> None:
    played = [make_played("accepted", refusals=1), make_played("refused", refusals=2), make_played("unknown")]

    assert ended_badly(played) == [
        "order Norte-0 at matriz, 3 attempts: 409 out_of_stock CAFE: wanted 2, here 0, in the company 1",
        "order Norte-0 at matriz, 1 attempt: no answer (ReadTimeout)",
    ]


def test_a_long_list_of_lines_says_where_the_rest_is() -> None:
    lines = shown_lines([f"line {number}" for number in range(50)], "run.jsonl")

    assert lines[-1] == "… and 10 more in run.jsonl"
    assert len(lines) == 41


def test_where_there_is_no_terminal_the_rate_and_the_time_left_are_told() -> None:
    clock, steps = Clock(), list[str]()
    progress = Told(total=1000, tell=steps.append, clock=clock)
    progress.catalogue_step()
    clock.now += 60  # the catalogue's time is not the orders'
    progress.catalogue_done()

    for _ in range(1000):
        clock.now += 0.0625
        progress.played(make_played("accepted"))

    assert len(steps) == 999  # after the last one there is nothing left
    assert steps[159] == "160 of 1000 orders, 16/s, about 0:52 left"
    assert all(isinstance(step, Step) and step.passing for step in steps)


@pytest.mark.parametrize(("percent", "expected"), [(50, 5), (95, 10), (99, 10), (10, 1)])
def test_percentiles_are_values_that_occurred(percent: float, expected: float) -> None:
    assert percentile([10, 9, 8, 7, 6, 5, 4, 3, 2, 1], percent) == expected
