"""The lane of password checks."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from app.security.errors import LoginsBusy
from app.security.login_lane import LoginLane, Standing
from tests.support.virtual import VirtualLoop

KNOWN, HERE, UNKNOWN = Standing.PAIR_KNOWN, Standing.ADDRESS_KNOWN, Standing.UNKNOWN


async def _stays() -> bool:
    return False


async def _has_gone() -> bool:
    return True


class Counter:
    """Logins that take a second each, and the order in which they were checked."""

    def __init__(self, *, waiting: int) -> None:
        self.lane = LoginLane(waiting=waiting)
        self.checked: list[str] = []
        self.most_at_once = 0
        self._at_once = 0

    def come(self, name: str, standing: Standing = UNKNOWN, *, abandoned: Any = _stays) -> asyncio.Task[None]:
        return asyncio.create_task(self._log_in(name, standing, abandoned))

    async def _log_in(self, name: str, standing: Standing, abandoned: Any) -> None:
        async with self.lane.turn(standing, abandoned=abandoned):
            self.checked.append(name)
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
            try:
                await asyncio.sleep(1)
            finally:
                self._at_once -= 1


def play(scenario: Callable[[], Coroutine[Any, Any, None]]) -> None:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(scenario())


def test_two_are_checked_at_once_and_a_bounded_number_waits() -> None:
    async def scenario() -> None:
        counter = Counter(waiting=3)
        tasks = [counter.come(str(n), KNOWN) for n in range(9)]
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [type(None)] * 5 + [LoginsBusy] * 4
        assert (counter.checked, counter.most_at_once) == (["0", "1", "2", "3", "4"], 2)

    play(scenario)


@pytest.mark.parametrize("standing", [HERE, UNKNOWN])
def test_one_place_is_kept_for_pairs_that_are_known(standing: Standing) -> None:
    async def scenario() -> None:
        counter = Counter(waiting=9)
        others = [counter.come(str(n), standing) for n in range(3)]
        await asyncio.sleep(0.5)
        began = asyncio.get_running_loop().time()
        await counter.come("known", KNOWN)
        assert asyncio.get_running_loop().time() - began == 1  # its own check
        await asyncio.gather(*others)
        assert (counter.checked, counter.most_at_once) == (["0", "known", "1", "2"], 2)

    play(scenario)


def test_a_login_of_better_standing_goes_first_and_takes_the_newest_place_of_the_worst() -> None:
    async def scenario() -> None:
        counter = Counter(waiting=3)
        names = ("a", "first", "second", "newest")
        tasks = [counter.come("b", KNOWN), *(counter.come(name) for name in names)]
        await asyncio.sleep(0)
        known, here = counter.come("known", KNOWN), counter.come("here", HERE)
        outcomes = await asyncio.gather(*tasks, known, here, return_exceptions=True)
        assert counter.checked == ["b", "a", "known", "here", "first"]
        assert [isinstance(outcome, LoginsBusy) for outcome in outcomes] == [
            *(False, False, False, True, True),
            *(False, False),
        ]

    play(scenario)


def test_the_best_known_take_no_place_from_each_other() -> None:
    async def scenario() -> None:
        counter = Counter(waiting=1)
        tasks = [counter.come(name, KNOWN) for name in ("a", "b", "waits")]
        await asyncio.sleep(0)
        with pytest.raises(LoginsBusy):
            await counter.come("late", KNOWN)
        await asyncio.gather(*tasks)
        assert counter.checked == ["a", "b", "waits"]

    play(scenario)


def test_a_turn_that_comes_to_a_client_that_has_gone_is_passed_on() -> None:
    async def scenario() -> None:
        counter = Counter(waiting=9)
        first = counter.come("a")
        gone = [counter.come(name, abandoned=_has_gone) for name in ("b", "c")]
        last = counter.come("d")
        await asyncio.gather(first, last)
        assert [type(task.exception()) for task in gone] == [LoginsBusy] * 2
        assert counter.checked == ["a", "d"]

    play(scenario)


def test_a_login_that_is_cancelled_loses_no_turn() -> None:
    async def scenario() -> None:
        counter = Counter(waiting=9)
        running = counter.come("a")
        waiting = [counter.come(name) for name in ("b", "c")]
        await asyncio.sleep(0)
        waiting[0].cancel()
        running.cancel()
        await asyncio.sleep(0)
        waiting[1].cancel()  # its turn has just been given to it
        last = [counter.come(name) for name in ("d", "e")]
        await asyncio.gather(*last)
        assert counter.lane.waiting == 0
        assert counter.checked == ["a", "d", "e"]

    play(scenario)
