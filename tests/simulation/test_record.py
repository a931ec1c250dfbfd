"""Histories as run logs: the checker of real networks has all it needs to judge them."""

from pathlib import Path
from typing import get_args

import pytest

from lab.checker.finding import Promise
from tests.simulation.history import play


@pytest.mark.parametrize("wipes", [False, True])
def test_a_few_histories_put_every_promise_of_the_checker_to_the_test(template: Path, wipes: bool) -> None:
    results = [play(seed, template=template, nodes=3, wipes=wipes) for seed in (1, 3, 10)]

    assert [result.violations for result in results] == [[], [], []]
    verdicts = [verdict for result in results for verdict in result.judged.items()]
    assert {promise for promise, verdict in verdicts if verdict == "PASS"} == set(get_args(Promise))
    assert {verdict for _, verdict in verdicts} <= {"PASS", None}  # None: nothing of it happened
