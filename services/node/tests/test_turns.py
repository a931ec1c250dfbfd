"""Turns under one name: in order, never two at once, and none is lost with who gives up."""

import asyncio
from collections.abc import Awaitable, Callable

from app.services.turns import Turns


async def going_on(turns: Turns, name: str, done: list[str], work: Callable[[], Awaitable[object]]) -> None:
    await turns.begin(name)
    try:
        done.append(f"{name} begins")
        await work()
        done.append(f"{name} ends")
    finally:
        turns.end(name)


async def breath() -> None:
    """Let every task that can go on do so."""
    for _ in range(10):
        await asyncio.sleep(0)


def test_one_name_goes_on_one_after_the_other_and_two_names_side_by_side() -> None:
    async def play() -> None:
        turns, done, gate = Turns(), list[str](), asyncio.Event()
        tasks = [asyncio.create_task(going_on(turns, name, done, gate.wait)) for name in "aab"]
        await breath()
        assert done == ["a begins", "b begins"]
        gate.set()
        await asyncio.gather(*tasks)
        assert [word for word in done if word.startswith("a")] == ["a begins", "a ends"] * 2
        assert turns.is_free("a")
        assert turns.is_free("b")

    asyncio.run(play())


def test_a_turn_passes_on_when_work_fails_or_who_waits_gives_up() -> None:
    async def fail() -> None:
        raise ValueError

    async def play() -> None:
        turns, done, gate = Turns(), list[str](), asyncio.Event()
        first = asyncio.create_task(going_on(turns, "a", done, gate.wait))
        await breath()
        second, third = (asyncio.create_task(going_on(turns, "a", done, fail)) for _ in range(2))
        await breath()
        second.cancel()
        gate.set()
        ended = await asyncio.gather(first, second, third, return_exceptions=True)
        assert [type(one) for one in ended] == [type(None), asyncio.CancelledError, ValueError]
        assert turns.is_free("a")

    asyncio.run(play())


def test_a_turn_that_comes_as_its_owner_gives_up_is_the_next_ones() -> None:
    async def play() -> None:
        turns, done = Turns(), list[str]()
        await turns.begin("a")
        second = asyncio.create_task(going_on(turns, "a", done, breath))
        third = asyncio.create_task(going_on(turns, "a", done, breath))
        await breath()
        turns.end("a")
        second.cancel()
        await asyncio.gather(second, third, return_exceptions=True)
        assert done == ["a begins", "a ends"]
        assert turns.is_free("a")

    asyncio.run(play())
