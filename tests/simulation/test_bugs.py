"""The simulator has teeth: each planted bug breaks a promise that the observer or the verdict sees."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.simulation.bugs import BUGS, WIPE_BUGS, Plant
from tests.simulation.history import play

MOST_SEEDS = 30


@pytest.mark.parametrize("plant", [*BUGS, *WIPE_BUGS], ids=lambda plant: plant.__name__)
def test_a_planted_bug_is_caught(
    plant: Plant, template: Path, record_property: Callable[[str, object], None]
) -> None:
    """By one of a few random histories; which one, and by which promise, is a property of the test."""
    for seed in range(1, MOST_SEEDS + 1):
        with plant():
            violations = play(seed, template=template, wipes=plant in WIPE_BUGS).violations
        if violations:
            record_property("seed", seed)
            record_property("promise", violations[0].promise)
            return
    pytest.fail(f"{MOST_SEEDS} histories with {plant.__name__} went by as if nothing were wrong")
