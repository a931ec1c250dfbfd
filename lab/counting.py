"""Counting the shelf in a network that has just settled."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from lab.outcome import Refused

UNBLOCKS_WITHIN_SECONDS = 10.0
"""A member's late word of an earlier life may block a count, and ends with one of its next hellos."""

_AGAIN_SECONDS = 0.2
Answer = TypeVar("Answer")


async def when_unblocked(
    count: Callable[[], Awaitable[Answer]], *, deadline_seconds: float = UNBLOCKS_WITHIN_SECONDS
) -> Answer:
    """Counts, and again while a member blocks it, which is a refusal that nothing came of. Raises that
    refusal when it lasts, and any other one at once."""
    deadline = time.monotonic() + deadline_seconds
    while True:
        try:
            return await count()
        except Refused as refused:
            if refused.code != "count_blocked" or time.monotonic() >= deadline:
                raise
        await asyncio.sleep(_AGAIN_SECONDS)
