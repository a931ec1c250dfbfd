"""A count is tried again while a member blocks it, and only then."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from lab.nodes.counting import when_unblocked
from lab.nodes.outcome import Refused

BLOCKED = Refused(409, "count_blocked", {"member": "filial-sul"})


def counting(*answers: Refused | int) -> Callable[[], Awaitable[int]]:
    left = list(answers)

    async def count() -> int:
        answer = left.pop(0)
        if isinstance(answer, Refused):
            raise answer
        return answer

    return count


def test_a_count_that_a_late_word_blocks_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lab.poll.EVERY_SECONDS", 0.0)
    assert asyncio.run(when_unblocked(counting(BLOCKED, BLOCKED, 7))) == 7


def test_a_member_that_goes_on_blocking_is_named() -> None:
    with pytest.raises(Refused, match="409 count_blocked"):
        asyncio.run(when_unblocked(counting(BLOCKED), deadline_seconds=0))


def test_another_refusal_is_told_at_once() -> None:
    with pytest.raises(Refused, match="422 invalid"):
        asyncio.run(when_unblocked(counting(Refused(422, "invalid", {}), 7)))
