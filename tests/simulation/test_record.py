"""Histories as run logs: the checker of real networks has all it needs to judge them."""

from pathlib import Path
from typing import get_args

import pytest

from branchlab.checking.checker.finding import Promise
from tests.simulation.history import play
from tests.simulation.plan import draw

MOST_SEEDS = 100


def test_a_history_whose_disks_went_back_is_judged_by_its_log_too(template: Path) -> None:
    """Of those that went back by hand where nobody could tell, all but what such a disk may sell twice."""
    seeds = [seed for seed in range(MOST_SEEDS) if "restore" in draw(seed, nodes=3, wipes=True).faults]
    played = (play(seed, template=template, nodes=3, wipes=True) for seed in seeds)
    result = next(one for one in played if {"restore", "restore_fenced"} & one.faults.keys())

    assert result.violations == []
    judged = {promise for promise, verdict in result.judged.items() if verdict == "PASS"}
    assert {"lost", "duplicated", "converged", "monotone", "authentic"} <= judged


@pytest.mark.parametrize("wipes", [False, True])
def test_a_few_histories_put_every_promise_of_the_checker_to_the_test(template: Path, wipes: bool) -> None:
    results = [play(seed, template=template, nodes=3, wipes=wipes) for seed in (1, 3, 10)]

    assert [result.violations for result in results] == [[], [], []]
    verdicts = [verdict for result in results for verdict in result.judged.items()]
    assert {promise for promise, verdict in verdicts if verdict == "PASS"} == set(get_args(Promise))
    assert {verdict for _, verdict in verdicts} <= {"PASS", None}  # None: nothing of it happened
