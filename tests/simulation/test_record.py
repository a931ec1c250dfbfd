"""Histories as run logs: the checker of real networks has all it needs to judge them."""

from pathlib import Path
from typing import get_args

import pytest

from lab.checker.finding import Promise
from tests.simulation.history import play


@pytest.mark.parametrize("wipes", [False, True])
def test_a_history_puts_every_promise_of_the_checker_to_the_test(template: Path, wipes: bool) -> None:
    result = play(2, template=template, nodes=3, wipes=wipes)

    assert result.violations == []
    assert result.judged == dict.fromkeys(get_args(Promise), "PASS")
