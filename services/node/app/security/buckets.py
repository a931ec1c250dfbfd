"""Token buckets: how much of something each key may have, now and over time."""

from collections import OrderedDict
from dataclasses import dataclass

MOST_KEYS = 10_000
BURST_SECONDS = 10.0  # of requests that an address may send at once


@dataclass(frozen=True)
class _Level:
    tokens: float
    at: float


class Buckets:
    """A bucket for each key. It is full at first, with `size` tokens (1 at least), and gets `per_second`
    tokens until it is full again. Times are by the injected monotonic clock.

    At most 10,000 keys are remembered. The one used longest ago is dropped first: its bucket is full again.
    """

    def __init__(self, *, size: float, per_second: float) -> None:
        self._size = max(1.0, size)
        self._per_second = per_second
        self._levels: OrderedDict[str, _Level] = OrderedDict()

    def __len__(self) -> int:
        return len(self._levels)

    def wait(self, key: str, *, now: float) -> float:
        """How many seconds until the key's bucket has a token; 0 if it has one now."""
        missing = 1.0 - self._tokens(key, now)
        return 0.0 if missing <= 0 else missing / self._per_second

    def take(self, key: str, *, now: float, tokens: float = 1.0) -> None:
        """Take tokens, as many as there are; an empty bucket stays empty."""
        left = max(0.0, self._tokens(key, now) - tokens)
        self._levels[key] = _Level(left, now)
        self._levels.move_to_end(key)
        if len(self._levels) > MOST_KEYS:
            self._levels.popitem(last=False)

    def _tokens(self, key: str, now: float) -> float:
        level = self._levels.get(key)
        if level is None:
            return self._size
        return min(self._size, level.tokens + (now - level.at) * self._per_second)
