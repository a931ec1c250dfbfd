"""What a lane does before a writer that commits by the group, at loads that the writer cannot bear. The
writer is a formula, and time is virtual: a group of `n` takes FIXED + n * MEMBER seconds."""

from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from random import Random

import pytest

from app.domain.admission import CALM_SECONDS, LEAST_TOGETHER, MOST_TOGETHER, Bounds, Pace, places
from app.domain.errors import Overloaded
from app.services.admission import Lane, Pass

BOUNDS = Bounds(together=64, queue_seconds=0.05, queue_bytes=1 << 20)
FIXED, MEMBER = 0.004, 0.0009
ALONE = FIXED + MEMBER
FULL_PACE = 32 / (FIXED + 32 * MEMBER)  # of 64 under way, half of them in the writer
_STEP = 0.0002


class HandClock:
    """Time that goes on when the test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def wall(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        raise AssertionError(f"nothing here waits, least of all {seconds} s")


@dataclass
class Ended:
    at: float
    took: float


class Shop:
    """One lane, and the writer behind it."""

    def __init__(self) -> None:
        self.clock = HandClock()
        self.lane = Lane(BOUNDS, clock=self.clock, random=Random(1))
        self.ended: list[Ended] = []
        self.came = 0
        self._queued: deque[Pass] = deque()
        self._group: list[Pass] = []
        self._commits_at = 0.0

    def one_by_one(self, count: int) -> None:
        for _ in range(count):
            self._come()
            while self._group or self._queued:
                self._go_on()

    def offer(self, a_second: float, *, seconds: float) -> None:
        """So many orders a second come, whatever becomes of the others."""
        began, come = self.clock.now, 0
        while self.clock.now < began + seconds:
            while come < (self.clock.now - began) * a_second:
                self._come()
                come += 1
            self._go_on()

    def taken(self, *, since: float) -> Sequence[Ended]:
        return [one for one in self.ended if one.at >= since]

    def _come(self) -> None:
        self.came += 1
        with suppress(Overloaded):
            self._queued.append(self.lane.admit(size=100))

    def _go_on(self) -> None:
        self.clock.now += _STEP
        if self._group and self.clock.now >= self._commits_at:
            for one in self._group:
                one.leave()
                self.ended.append(Ended(self.clock.now, self.clock.now - one.admitted_at))
            self._group = []
        if not self._group:
            self._group = [one for one in self._queued if one.holds]
            self._queued = deque(one for one in self._queued if not one.holds)
            self._commits_at = self.clock.now + FIXED + len(self._group) * MEMBER


@pytest.fixture
def shop() -> Shop:
    """It has had quiet hours."""
    made = Shop()
    made.one_by_one(50)
    return made


def offered(shop: Shop, times: float) -> tuple[float, float]:
    """Orders a second at so many times what the writer can do, once that has lasted a second, and how long
    99 in 100 of them took at most."""
    since = shop.clock.now + 1.0
    shop.offer(times * FULL_PACE, seconds=4.0)
    took = sorted(one.took for one in shop.taken(since=since))
    return len(took) / 3.0, took[int(0.99 * len(took))]


@pytest.mark.parametrize("times", [1.2, 2.0, 5.0, 10.0])
def test_beyond_its_capacity_a_lane_keeps_its_pace_and_shortens_the_wait(shop: Shop, times: float) -> None:
    """Nine tenths of the pace, in place of all of it at a third more of waiting."""
    pace, slowest = offered(shop, times)
    assert pace >= 0.9 * FULL_PACE
    assert slowest <= 0.75 * 64 / FULL_PACE


def test_a_load_that_the_lane_can_bear_is_borne_after_a_storm(shop: Shop) -> None:
    """The few places of the storm would not suffice for it, so keeping them would refuse for good."""
    offered(shop, 10.0)
    shop.offer(0.96 * FULL_PACE, seconds=2.0)
    came, since = shop.came, shop.clock.now
    shop.offer(0.96 * FULL_PACE, seconds=2.0)
    assert len(shop.taken(since=since)) >= 0.99 * (shop.came - came)


def test_a_calm_lane_has_all_its_places_at_once(shop: Shop) -> None:
    offered(shop, 10.0)
    shop.clock.now += CALM_SECONDS
    shop.offer(0.0, seconds=1.0)
    assert all(shop.lane.admit(size=100).holds for _ in range(BOUNDS.together))


@pytest.mark.parametrize(
    ("pace", "fewest"),
    [
        (Pace(alone=ALONE, each=1 / FULL_PACE, group=32), 38),
        (Pace(alone=0.0014, each=0.0009 + 0.0005 / 32, group=32), LEAST_TOGETHER),  # a disk that costs little
        (Pace(alone=1.0, each=1.0 / 32, group=32), MOST_TOGETHER - 10),  # members cost nothing
        (Pace(alone=0.001, each=0.002, group=32), LEAST_TOGETHER),  # company costs time
        (Pace(alone=0.01), BOUNDS.together),  # nothing is known yet
    ],
)
def test_the_dearer_a_commit_the_more_stay_together_under_strain(pace: Pace, fewest: int) -> None:
    assert places(BOUNDS, pace, refused=1.0) == pytest.approx(fewest, abs=1)


def test_the_more_are_refused_the_fewer_begin_together() -> None:
    pace = Pace(alone=ALONE, each=1 / FULL_PACE, group=32)
    found = [places(BOUNDS, pace, refused=share / 100) for share in range(101)]
    assert found == sorted(found, reverse=True)
    assert found[0] == BOUNDS.together


def test_fewer_than_the_least_stay_as_many() -> None:
    """Who set COMMANDS_TOGETHER to 8 has 8."""
    eight = Bounds(together=8, queue_seconds=0.05, queue_bytes=1000)
    assert places(eight, Pace(alone=0.002, each=0.001, group=4), refused=1.0) == 8


def test_the_pace_is_measured_though_ends_come_by_the_group(shop: Shop) -> None:
    """The time from one end to the next is that of a group between two groups, and nothing within one."""
    offered(shop, 2.0)
    measured = shop.lane.pace.each
    assert measured is not None
    taken = len(shop.taken(since=shop.clock.now - 1.0))
    assert measured == pytest.approx(1.0 / taken, rel=0.25)
