"""Whole histories: they end well, they replay exactly, and faults of every kind are in them."""

import asyncio
from collections import Counter
from pathlib import Path

import pytest

from tests.simulation.history import play
from tests.simulation.plan import FAULTS, GO_BACK, UPGRADE, draw
from tests.simulation.runner import Runner, Tally


@pytest.mark.parametrize("seed", range(4))
def test_a_history_keeps_every_promise(seed: int, template: Path) -> None:
    result = play(seed, template=template)

    assert result.violations == []
    assert result.outcomes["order ok"] > 0


@pytest.mark.parametrize("seed", range(4))
def test_a_history_in_which_disks_are_lost_keeps_every_promise(seed: int, template: Path) -> None:
    """Nothing is oversold and nothing is missing but what only the lost disk had."""
    assert play(seed, template=template, wipes=True).violations == []


def test_a_history_of_optimistic_branches_sells_too_often_and_names_everybody_who_is_short(
    template: Path,
) -> None:
    seeds = [seed for seed in range(95, 1000) if draw(seed).policy == "optimistic"]
    for seed in seeds:
        result = play(seed, template=template)
        assert result.violations == []
        if result.outcomes["units short"]:
            break
    else:
        pytest.fail(f"nobody was short in {len(seeds)} histories")


def test_branches_are_optimistic_in_a_few_histories_and_where_no_disk_is_lost() -> None:
    seeds = [seed for seed in range(1000) if draw(seed).policy == "optimistic"]

    assert 40 < len(seeds) < 80
    assert {draw(seed, wipes=True).policy for seed in seeds} == {"escrow"}


def test_a_history_of_five_branches_keeps_every_promise(template: Path) -> None:
    assert play(3, template=template, nodes=5).violations == []


def test_a_history_through_the_whole_application_keeps_every_promise(template: Path) -> None:
    """Some histories send their messages through routes, limits and problems."""
    seed = next(seed for seed in range(1000) if draw(seed).http)

    assert play(seed, template=template).violations == []


def test_a_seed_is_one_history_whatever_was_played_before(template: Path) -> None:
    """Line by line: nothing is left over from another history of the same process."""
    before = play(5, template=template, keep_lines=True)
    play(6, template=template)

    assert before == play(5, template=template, keep_lines=True)


def test_another_seed_is_another_history(template: Path) -> None:
    assert play(7, template=template).digest != play(8, template=template).digest


def test_two_processes_with_other_orders_of_sets_play_the_same_history() -> None:
    """The runner plays each seed in two processes under different hash seeds, and finds nothing wrong."""
    reports: list[str] = []
    done: list[int] = []

    tally = asyncio.run(
        Runner(nodes=3, report=reports.append, progress=lambda t: done.append(t.histories)).run(
            range(20, 23), jobs=2
        )
    )

    assert (tally.histories, tally.twice, tally.same_digest, reports) == (3, 3, 3, [])
    assert tally.passed
    assert done == [1, 2, 3]


def test_a_share_of_many_histories_is_played_twice() -> None:
    runner = Runner(nodes=2, twice=0.4, report=lambda _: None, progress=lambda _: None)

    tally = asyncio.run(runner.run(range(30, 35), jobs=1))

    assert (tally.histories, tally.twice, tally.same_digest) == (5, 2, 2)
    assert tally.passed


def test_most_networks_are_small_and_all_sizes_occur() -> None:
    """A history of nine branches costs as much as twenty of two, and finds seldom more."""
    sizes = Counter(len(draw(seed).nodes) for seed in range(5000))

    assert set(sizes) == set(range(2, 10))
    assert sizes[2] + sizes[3] > 4000
    assert len(draw(1, nodes=4).nodes) == 4


def test_the_last_line_names_what_was_broken() -> None:
    tally = Tally(histories=3, operations=1234, twice=2, same_digest=1, judged=1, failed=[7])
    tally.faults.update(cut=2, crash=1, skew=1)
    tally.pairs.add(("crash", "cut"))
    tally.broken.update(oversold=1, stalled=2)

    assert not tally.passed
    assert tally.summary() == (
        "3 histories, 1,234 operations (0 orders acknowledged), faults: crash 1, cut 2, skew 1;"
        " 1 of 3 pairs of them met in one history; oversold 1, lost 0,"
        " other promises broken {'stalled': 2}, checker: PASS 1 of 3, same digest twice: 1 of 2"
    )


def test_what_never_occurred_is_named() -> None:
    tally = Tally()
    tally.faults.update(crash=2, cut=1, wipe=1)
    tally.pairs.add(("crash", "cut"))

    assert tally.never(("crash", "cut", "stall")) == (
        "never occurred: stall; never met: crash+wipe, cut+wipe"
    )


def test_a_hundred_seeds_draw_every_kind_of_fault_and_most_pairs() -> None:
    """No fault is left out, and none comes alone only."""
    drawn = [draw(seed).faults for seed in range(100)]
    pairs = Counter((one, other) for faults in drawn for one in faults for other in faults if one < other)

    assert {*FAULTS, UPGRADE, GO_BACK} == {kind for faults in drawn for kind in faults}
    among = {pair for pair in pairs if not {UPGRADE, GO_BACK} & {*pair}}
    assert len(among) == len(FAULTS) * (len(FAULTS) - 1) // 2
