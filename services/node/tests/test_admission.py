"""Who may begin, who waits and who is refused; and that every place comes back."""

import asyncio
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.admission import (
    CALM_SECONDS,
    LONG_QUEUE,
    MOST_TOGETHER,
    STRETCH,
    Bounds,
    Load,
    Pace,
    judge,
    lane_of,
    places,
    retry_after,
    turn_after,
)
from app.domain.errors import CallerGone, Overloaded
from app.services.admission import Lane, Pass
from tests.support.virtual import VirtualClock

pytestmark = pytest.mark.anyio

BOUNDS = Bounds(together=4, queue_seconds=0.1, queue_bytes=1000, aside=5)
QUICK = Pace(alone=0.01, each=0.01)


def load(under_way: int, waiting: int = 0, *, size: int = 0, strained: bool = False) -> Load:
    return Load(under_way, waiting, size, strained)


@pytest.mark.parametrize(
    ("method", "path", "lane"),
    [
        ("POST", "/orders", "commands"),
        ("POST", "/orders/1/cancel", "commands"),
        ("GET", "/orders", "reads"),
        ("HEAD", "/stock/CAFE", "reads"),
        ("GET", "/status", "status"),
        ("POST", "/replica/event", "replica"),
        ("GET", "/healthz", None),
        ("GET", "/readyz", None),
        ("POST", "/auth/login", None),
        ("PUT", "/faults/links", None),
        ("DELETE", "/nowhere", "commands"),
    ],
)
def test_every_kind_of_request_has_its_lane(method: str, path: str, lane: str | None) -> None:
    assert lane_of(method, path) == lane


@pytest.mark.parametrize(
    ("now", "verdict"),
    [
        (load(3), "begin"),
        (load(4), "wait"),
        (load(3, 1), "wait"),  # nobody overtakes
        (load(4, 9), "wait"),
        (load(4, 10), "refuse"),  # it would wait longer than 0.1 s
        (load(4, size=991), "refuse"),  # their bodies are too large together
        (load(4, strained=True), "refuse"),  # others were refused lately
        (load(3, strained=True), "begin"),
    ],
)
def test_a_short_queue_absorbs_a_burst_and_no_more(now: Load, verdict: str) -> None:
    assert judge(now, BOUNDS, QUICK, size=10) == verdict


@pytest.mark.parametrize(
    ("now", "verdict"),
    [
        (Load(4, 5, 0, strained=True), "wait"),  # others were refused lately
        (Load(4, 9, 0, strained=True, turn=0.01), "wait"),
        (Load(4, 10, 0, strained=False, turn=0.01), "refuse"),  # it would wait longer than 0.1 s
        (Load(4, 39, 0, strained=False), "wait"),  # nothing is known of its pace yet
        (Load(4, 40, 0, strained=False), "refuse"),
        (Load(4, 1, 991, strained=False), "refuse"),
    ],
)
def test_a_queue_that_stands_has_bounds_and_no_pauses(now: Load, verdict: str) -> None:
    assert judge(now, replace(BOUNDS, stands=True), QUICK, size=10) == verdict


@given(known=st.none() | st.floats(0.0, 1.0), waited=st.floats(0.0, 10.0), position=st.integers(1, 200))
def test_the_longer_a_queue_was_the_more_a_wait_in_it_tells(
    known: float | None, waited: float, position: int
) -> None:
    found, told = turn_after(known, waited, position=position), waited / position
    if known is None or position >= LONG_QUEUE:
        assert found == pytest.approx(told)
    else:
        assert min(known, told) <= found * (1 + 1e-9)
        assert found <= max(known, told) * (1 + 1e-9)


def test_who_would_wait_too_long_is_refused_at_once() -> None:
    slow = Pace(alone=0.01, each=0.04)
    assert [judge(load(4, waiting), BOUNDS, slow, size=0) for waiting in (0, 1, 2)] == [
        "wait",
        "wait",
        "refuse",
    ]


@pytest.mark.parametrize(
    ("pace", "expected"),
    [
        (Pace(), 4),
        (Pace(alone=0.01), 4),
        (Pace(alone=0.01, each=0.01), 4),  # one after the other: company only costs time
        (Pace(alone=0.1, each=0.01), 40),  # a slow disk: a commit takes as long for many as for one
        (Pace(alone=10.0, each=0.01), MOST_TOGETHER),
    ],
)
def test_more_begin_together_where_company_costs_no_time(pace: Pace, expected: int) -> None:
    assert places(BOUNDS, pace) == expected


@given(
    alone=st.floats(0.0001, 10.0),
    each=st.floats(0.0001, 10.0),
    together=st.integers(1, 64),
)
def test_beyond_the_least_nobody_takes_longer_than_the_stretch(
    alone: float, each: float, together: int
) -> None:
    found = places(Bounds(together, 0.1, 1000), Pace(alone, each))
    assert together <= found
    assert found == together or found * each <= STRETCH * alone * (1 + 1e-9)


def test_one_slow_command_says_little_of_how_long_orders_take() -> None:
    pace = Pace()
    for seconds in (0.05, *[0.004] * 20, 3.0):
        pace = pace.took_alone(seconds)
    assert pace.alone is not None
    assert 0.004 < pace.alone < 0.1
    for _ in range(20):
        pace = pace.took_alone(0.004)
    assert pace.alone is not None
    assert pace.alone < 0.005


def test_refused_clients_come_back_at_different_times() -> None:
    assert [retry_after(chance) for chance in (0.0, 0.5)] == [0.5, 1.0]


def lane_of_four() -> Lane:
    return Lane(BOUNDS, clock=VirtualClock(), random=Random(1))


async def under_way(lane: Lane, count: int = 4) -> list[Pass]:
    """So many requests that have begun."""
    begun = [lane.admit(size=0) for _ in range(count)]
    for one in begun:
        await one.begin()
    return begun


async def test_places_go_to_those_who_wait_in_the_order_of_their_coming() -> None:
    lane = lane_of_four()
    first, *_ = await under_way(lane)
    waiting = [lane.admit(size=0) for _ in range(2)]
    tasks = [asyncio.create_task(one.begin()) for one in waiting]
    await asyncio.sleep(0.01)
    first.leave()
    await asyncio.sleep(0)
    assert [task.done() for task in tasks] == [True, False]
    waiting[0].leave()
    await asyncio.gather(*tasks)


async def test_who_waited_too_long_is_refused_and_so_are_newcomers_for_a_while() -> None:
    lane = lane_of_four()
    first, *_ = await under_way(lane)
    late = lane.admit(size=0)
    with pytest.raises(Overloaded):
        await late.begin()
    late.leave()
    with pytest.raises(Overloaded):
        lane.admit(size=0)
    first.leave()
    for _ in range(64):  # a place is a place, and requests are quick again
        lane.admit(size=0).leave()
    lane.admit(size=0)
    assert lane.refuses(size=0)
    await asyncio.sleep(CALM_SECONDS)
    assert not lane.refuses(size=0)


async def test_who_hung_up_gets_no_turn() -> None:
    lane = lane_of_four()
    first, *_ = await under_way(lane)
    gone, there = lane.admit(size=0), lane.admit(size=0)
    gone.gone = True
    first.leave()
    await there.begin()
    with pytest.raises(CallerGone):
        await gone.begin()


async def test_who_waits_for_others_leaves_its_place_to_the_next() -> None:
    lane = lane_of_four()
    first, *_ = await under_way(lane)
    following = lane.admit(size=0)
    first.step_aside()
    first.step_aside()
    await following.begin()
    first.leave()
    assert lane.refuses(size=2000)
    following.leave()
    await under_way(lane, 1)


async def test_not_everybody_may_step_aside() -> None:
    lane = lane_of_four()
    for _ in range(BOUNDS.aside):
        (one,) = await under_way(lane, 1)
        one.step_aside()
    for one in await under_way(lane):
        one.step_aside()
    late = lane.admit(size=0)
    with pytest.raises(Overloaded):
        await late.begin()


STEPS = st.lists(st.tuples(st.sampled_from(["admit", "aside", "leave", "hang up"]), st.integers(0, 30)))


@given(steps=STEPS)
def test_every_place_comes_back(steps: list[tuple[str, int]]) -> None:
    """Whatever requests do and in whatever order, at most as many are under way as there are places, and in
    the end all places are free."""

    async def play() -> None:
        lane = lane_of_four()
        passes: list[Pass] = []
        for step, which in steps:
            if step == "admit":
                if not lane.refuses(size=1):
                    passes.append(lane.admit(size=1))
                continue
            if not passes:
                continue
            one = passes[which % len(passes)]
            if step == "aside":
                one.step_aside()
            elif step == "hang up":
                one.gone = True
            else:
                one.leave()
            assert sum(each.holds for each in passes) <= places(BOUNDS, Pace())
        for one in passes:
            one.leave()
        assert [one.holds for one in await under_way(lane)] == [True] * 4

    with asyncio.Runner() as runner:
        runner.run(play())
