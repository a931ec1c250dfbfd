"""Virtual time, and what is refused in it."""

import asyncio
import threading

import pytest

from tests.simulation.machines import virtual


def test_an_hour_passes_at_once_and_timers_ring_in_order() -> None:
    """Whoever waits less is first, whoever waits as long comes in order of waiting; time is what they say."""
    rung: list[tuple[str, float]] = []

    async def ring(name: str, seconds: float) -> None:
        await asyncio.sleep(seconds)
        rung.append((name, asyncio.get_running_loop().time()))

    async def main() -> None:
        await asyncio.gather(ring("late", 3600.0), ring("first", 0.5), ring("second", 0.5))

    virtual.run(main())

    assert rung == [("first", 0.5), ("second", 0.5), ("late", 3600.0)]


def test_a_time_out_is_as_exact_as_a_timer() -> None:
    async def main() -> float:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(2.0):
                await asyncio.Event().wait()
        return asyncio.get_running_loop().time()

    assert virtual.run(main()) == 2.0


def test_waiting_for_what_nobody_will_bring_is_an_error_and_no_hang() -> None:
    async def main() -> None:
        await asyncio.Event().wait()

    with pytest.raises(AssertionError, match="every task waits"):
        virtual.run(main())


def test_nothing_runs_in_a_thread() -> None:
    async def through_the_loop() -> None:
        await asyncio.to_thread(print)

    async def by_itself() -> None:
        threading.Thread(target=print).start()

    for main in (through_the_loop, by_itself):
        with pytest.raises(AssertionError, match="take the injected Executor"):
            virtual.run(main())
