"""Counting the shelf in a network that has just settled."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from lab.nodes.outcome import Refused
from lab.poll import poll

UNBLOCKS_WITHIN_SECONDS = 10.0
"""A member's late word of an earlier life may block a count, and ends with one of its next hellos."""

Answer = TypeVar("Answer")


async def when_unblocked(
    count: Callable[[], Awaitable[Answer]], *, deadline_seconds: float = UNBLOCKS_WITHIN_SECONDS
) -> Answer:
    """Counts, and again while a member blocks it, which is a refusal that nothing came of. Raises that
    refusal when it lasts, and any other one at once."""

    async def ask() -> Answer | Refused:
        try:
            return await count()
        except Refused as refused:
            if refused.code != "count_blocked":
                raise
            return refused

    found = await poll(ask, until=lambda one: not isinstance(one, Refused), seconds=deadline_seconds)
    if isinstance(found, Refused):
        raise found
    return found
