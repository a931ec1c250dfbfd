"""Counts the shelf in a network that has just settled."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from branchlab.language import _
from branchlab.nodes.contract import Stock
from branchlab.nodes.outcome import Refused
from branchlab.poll import poll

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


def below_zero(stock: Stock, *, gone: int) -> str | None:
    """Why a count of `gone` units is doubtful: more would be gone than is frozen. None where it is not."""
    frozen = stock["frozen"]
    if gone <= max(0, frozen):
        return None
    frozen, beyond = max(0, frozen), gone - max(0, frozen)
    return _(
        "only {frozen} of {sku} are frozen, not {gone}: branches could still sell the {beyond}"
        " beyond that, which nobody has, until another count corrects it",
        frozen=frozen,
        sku=stock["sku"],
        gone=gone,
        beyond=beyond,
    )
