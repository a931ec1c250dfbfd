"""Histories in which a branch is lost for good: the others learn it, go on without it, and count."""

from pathlib import Path

import pytest

from tests.simulation.history import play
from tests.simulation.plan import LEAVE, draw

SEEDS = [seed for seed in range(200) if LEAVE in draw(seed, wipes=True).faults]


def test_branches_leave_only_where_disks_are_lost_and_none_goes_back() -> None:
    drawn = [draw(seed, wipes=True) for seed in SEEDS]

    assert all("wipe" in plan.faults and "restore" not in plan.faults for plan in drawn)
    assert all(len(plan.nodes) >= 3 for plan in drawn)
    assert not any(LEAVE in draw(seed).faults for seed in SEEDS)


@pytest.mark.parametrize("seed", SEEDS[:2])
def test_a_history_in_which_a_branch_leaves_keeps_every_promise(seed: int, template: Path) -> None:
    result = play(seed, template=template, wipes=True)

    assert result.violations == []


def test_a_branch_does_leave(template: Path) -> None:
    """In the first of a few, or the next: which one it is changes with the simulator."""
    left = (play(seed, template=template, wipes=True).faults.get(LEAVE, 0) for seed in SEEDS)

    assert next(count for count in left if count) == 1
