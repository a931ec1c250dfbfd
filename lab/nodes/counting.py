"""Counts the shelf in a network that has just settled."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from lab.nodes.outcome import Refused
from lab.poll import poll

UNBLOCKS_WITHIN_SECONDS = 10.0
"""How long a count may stay blocked by a member's late message from an earlier life. One of its next hellos
ends that."""

Answer = TypeVar("Answer")


async def when_unblocked(
    count: Callable[[], Awaitable[Answer]], *, deadline_seconds: float = UNBLOCKS_WITHIN_SECONDS
) -> Answer:
    """Counts, and repeats while a member blocks the count; such a refusal has no effect. Raises that refusal
    when it lasts, and any other one at once."""

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
