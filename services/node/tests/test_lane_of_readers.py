"""What the lane of reads does when many clients read pages all the time. A page is a formula, and time is
virtual: one page after the other, each takes PAGE seconds."""

from collections import Counter
from dataclasses import dataclass, field
from random import Random

import pytest

from app.domain.admission import Bounds
from app.domain.errors import Overloaded
from app.services.admission import Lane, Pass
from tests.support.virtual import VirtualClock
from tests.test_lane_under_load import HandClock

BOUNDS = Bounds(together=2, queue_seconds=0.5, queue_bytes=1 << 20, aside=32, stands=True)
PAGE = 0.005
MANY = 64  # of them each waits for 0.32 s


@dataclass
class Reader:
    """A client that asks for its next page as soon as it has one, and pauses where it is refused."""

    name: int
    served: int = 0
    refused: int = 0
    again_at: float = 0.0
    asked: Pass | None = None


@dataclass
class Readers:
    """One lane, its readers, and how long each page was waited for."""

    count: int
    page: float = PAGE
    clock: HandClock = field(default_factory=HandClock)
    waits: list[float] = field(default_factory=list)
    late: int = 0  # how many were refused after they had been let in

    def __post_init__(self) -> None:
        self.lane = Lane(BOUNDS, clock=self.clock, random=Random(1))
        self.all = [Reader(number) for number in range(self.count)]

    def read(self, seconds: float, *, pause: float = 0.05) -> None:
        """Pages are made one after the other, in the order in which their requests got places."""
        end, begun = self.clock.now + seconds, list[Reader]()
        while self.clock.now < end:
            self._ask(pause)
            waiting = [one for one in self.all if one.asked is not None and one.asked.holds]
            begun += [one for one in waiting if one not in begun]
            self.clock.now += self.page
            if begun:
                self._serve(begun.pop(0))

    def _ask(self, pause: float) -> None:
        for one in self.all:
            if one.asked is not None and not one.asked.holds and self._is_late(one.asked):
                one.asked.leave()
                one.asked, one.again_at = None, self.clock.now + pause
                self.late += 1
            if one.asked is None and one.again_at <= self.clock.now:
                try:
                    one.asked = self.lane.admit(size=0)
                except Overloaded:
                    one.refused += 1
                    one.again_at = self.clock.now + pause

    def _is_late(self, asked: Pass) -> bool:
        return self.clock.now - asked.admitted_at > BOUNDS.longest_wait

    def _serve(self, one: Reader) -> None:
        assert one.asked is not None
        self.waits.append(self.clock.now - one.asked.admitted_at)
        one.asked.step_aside()
        one.asked.leave()
        one.asked, one.served = None, one.served + 1

    @property
    def served(self) -> Counter[int]:
        return Counter({one.name: one.served for one in self.all})


def test_readers_who_come_again_at_once_take_nobodys_turn() -> None:
    readers = Readers(MANY)
    readers.read(5.0)
    assert max(readers.served.values()) - min(readers.served.values()) <= 1
    assert sum(one.refused for one in readers.all) == 0


def test_a_refusal_leaves_no_lottery_behind() -> None:
    """Where no queue formed after it, those who were just served would find each place that is free."""
    readers = Readers(MANY)
    readers.lane.refusal()
    readers.read(5.0)
    assert max(readers.served.values()) - min(readers.served.values()) <= 1
    assert sum(one.refused for one in readers.all) == 0


@pytest.mark.parametrize("page", [0.004, 0.02, 0.1])
def test_who_is_let_in_is_served_within_the_bound_and_others_are_refused_at_once(page: float) -> None:
    readers = Readers(400, page=page)
    readers.read(3.0)  # it takes them all at first, as long as their pace is unknown
    readers.waits.clear()
    readers.late = 0
    readers.read(5.0)
    assert sum(one.refused for one in readers.all) > 0
    assert readers.late == 0
    assert BOUNDS.queue_seconds / 2 <= max(readers.waits) <= BOUNDS.queue_seconds + 4 * page


def test_a_reader_of_slow_pages_is_no_reason_to_refuse_the_next_of_quick_ones() -> None:
    readers = Readers(20, page=0.1)
    readers.read(3.0)
    for one in readers.all:
        if one.asked is not None:
            one.asked.leave()
            one.asked = None
    found = [readers.lane.admit(size=0) for _ in range(MANY)]
    assert [one.holds for one in found[:3]] == [True, True, False]


@pytest.mark.anyio
async def test_who_waited_for_twice_the_bound_is_refused_after_all() -> None:
    """Where a page never ends, nobody waits for ever."""
    lane = Lane(BOUNDS, clock=VirtualClock(), random=Random(1))
    stuck = [lane.admit(size=0) for _ in range(BOUNDS.together)]
    late = lane.admit(size=0)
    with pytest.raises(Overloaded):
        await late.begin()
    assert all(one.holds for one in stuck)
