"""Waiting for a condition, under a clock that only pauses move."""

import asyncio
from collections.abc import Iterable, Iterator

from branchlab.poll import poll, poll_blocking


class Answers:
    """One answer for each time it is asked; the pauses between move its clock."""

    def __init__(self, answers: Iterable[int]) -> None:
        self._answers: Iterator[int] = iter(answers)
        self.now = 0.0

    def ask(self) -> int:
        return next(self._answers)

    def pause(self, seconds: float) -> None:
        self.now += seconds

    def clock(self) -> float:
        return self.now


def both_ways(answers: Iterable[int], *, seconds: float) -> tuple[int, float]:
    """What both forms of `poll` return when an answer above 2 is waited for, and how long they wait."""
    answers = [*answers]
    blocking, awaited = Answers(answers), Answers(answers)

    async def ask() -> int:
        return awaited.ask()

    async def pause(seconds: float) -> None:
        awaited.pause(seconds)

    found = poll_blocking(
        blocking.ask,
        seconds=seconds,
        every=1.0,
        until=lambda answer: answer > 2,
        sleep=blocking.pause,
        clock=blocking.clock,
    )
    also = asyncio.run(
        poll(
            ask,
            seconds=seconds,
            every=1.0,
            until=lambda answer: answer > 2,
            sleep=pause,
            clock=awaited.clock,
        )
    )
    assert (found, blocking.now) == (also, awaited.now)
    return found, blocking.now


def test_the_first_answer_that_will_do_is_returned_at_once() -> None:
    assert both_ways([3], seconds=10.0) == (3, 0.0)


def test_it_asks_again_after_a_pause_until_one_will_do() -> None:
    assert both_ways([0, 1, 7, 9], seconds=10.0) == (7, 2.0)


def test_when_the_time_is_over_the_last_answer_is_returned() -> None:
    assert both_ways([0, 0, 0, 1, 9], seconds=2.5) == (1, 3.0)


def test_without_any_time_it_asks_once() -> None:
    assert both_ways([0, 9], seconds=0.0) == (0, 0.0)
