"""Which X-Replica-Tokens were used already: each one is good for one request.

The memory is bounded and lives as long as the process. What it no longer holds is refused all the same: a
token issued before the process began, or before the oldest one that was forgotten for want of room.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from app.runtime import Clock

MOST_TOKENS_A_SENDER = 50_000
"""How many unexpired tokens of one sender are remembered: some 750 requests a second for their whole life."""


class ReceiverClock:
    """The clock by which tokens to this process are stamped and judged. It starts at the wall clock, when it
    is first read, and then never goes back: a token that expired by it stays expired, whatever happens to the
    wall clock."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._began: tuple[float, float] | None = None

    def began_at(self) -> float:
        """When it started, in seconds since 1970."""
        if self._began is None:
            self._began = self._clock.wall(), self._clock.monotonic()
        return self._began[0]

    def now(self) -> float:
        """Seconds since 1970, by this clock."""
        began_at = self.began_at()
        assert self._began is not None, "reading it starts it"
        return began_at + self._clock.monotonic() - self._began[1]


def _always() -> float:
    return float("-inf")


@dataclass
class _Memory:
    """One sender's used tokens with the end of their validity, in order of use. Tokens issued at `floor` or
    before are refused unseen."""

    ends: OrderedDict[bytes, tuple[float, float]] = field(default_factory=OrderedDict)
    floor: float = float("-inf")


class UsedTokens:
    """The used tokens of each of `senders`. Others are not remembered: their requests have no effect."""

    def __init__(
        self,
        senders: Iterable[str],
        *,
        began_at: Callable[[], float] = _always,
        most: int = MOST_TOKENS_A_SENDER,
    ) -> None:
        self._began_at = began_at
        self._most = most
        self._memories = {sender: _Memory() for sender in senders}

    def use(self, sender: str, token_id: bytes, *, issued_at: float, ends_at: float, now: float) -> bool:
        """Take a token for one request. False if it was used before, or if that can no longer be told."""
        if issued_at < self._began_at():
            return False
        memory = self._memories.get(sender)
        if memory is None:
            return True
        if issued_at <= memory.floor or token_id in memory.ends:
            return False
        self._make_room(memory, now)
        memory.ends[token_id] = (issued_at, ends_at)
        return True

    def _make_room(self, memory: _Memory, now: float) -> None:
        while memory.ends:
            issued_at, ends_at = next(iter(memory.ends.values()))
            if ends_at > now and len(memory.ends) < self._most:
                return
            memory.ends.popitem(last=False)
            if ends_at > now:
                memory.floor = max(memory.floor, issued_at)
