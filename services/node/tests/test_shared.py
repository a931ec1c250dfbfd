"""What many ask for at the same time is made once for all of them, and never before they asked."""

import asyncio
import itertools

import pytest

from app.services.shared import Shared

pytestmark = pytest.mark.anyio


class Counter:
    """Makes the next number when it may."""

    def __init__(self) -> None:
        self.may = asyncio.Semaphore(0)
        self.begins = asyncio.Semaphore(0)
        self._numbers = itertools.count(1)

    async def make(self) -> int:
        self.begins.release()
        await self.may.acquire()
        return next(self._numbers)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def test_all_who_ask_before_it_begins_share_it_and_who_asks_later_gets_another() -> None:
    counter = Counter()
    shared = Shared(counter.make, name="number")
    first = [asyncio.create_task(shared.get()) for _ in range(3)]
    await counter.begins.acquire()
    later = [asyncio.create_task(shared.get()) for _ in range(3)]
    await asyncio.sleep(0)
    counter.may.release()
    counter.may.release()
    assert (await asyncio.gather(*first), await asyncio.gather(*later)) == ([1, 1, 1], [2, 2, 2])
    await counter.begins.acquire()
    assert counter.begins.locked()  # it began twice


async def test_who_goes_away_takes_it_from_nobody() -> None:
    counter = Counter()
    shared = Shared(counter.make, name="number")
    gone, stays = asyncio.create_task(shared.get()), asyncio.create_task(shared.get())
    await counter.begins.acquire()
    gone.cancel()
    counter.may.release()
    assert await stays == 1
    with pytest.raises(asyncio.CancelledError):
        await gone


async def test_a_failure_is_raised_to_all_who_shared_it_and_to_nobody_else() -> None:
    failures = [OSError("no disk")]

    async def make() -> int:
        if failures:
            raise failures.pop()
        return 1

    shared = Shared(make, name="number")
    found = await asyncio.gather(shared.get(), shared.get(), return_exceptions=True)
    assert [type(each) for each in found] == [OSError, OSError]
    assert await shared.get() == 1
