"""Waiting for a change: who is woken, and when waiting ends."""

import asyncio

import pytest

from app.runtime import Notifier, wait

pytestmark = pytest.mark.anyio


async def test_all_that_wait_are_woken_and_the_next_one_waits_for_the_next_change() -> None:
    changes = Notifier()
    first = changes.next
    waiting = [asyncio.create_task(wait(first, 60)) for _ in range(2)]
    changes.notify()
    assert await asyncio.gather(*waiting) == [True, True]
    assert not changes.next.is_set()


async def test_a_change_between_the_look_and_the_wait_is_not_missed() -> None:
    changes = Notifier()
    taken = changes.next
    changes.notify()
    assert await wait(taken, 0)


async def test_waiting_ends_without_a_change() -> None:
    assert not await wait(Notifier().next, 0)
