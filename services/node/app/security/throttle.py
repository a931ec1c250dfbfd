"""Slows down clients that guess passwords. It is in memory only: a restart clears it."""

import math
from collections import OrderedDict
from dataclasses import dataclass

from app.security.errors import Throttled

FREE_FAILURES = 5
_LONGEST_LOCK_SECONDS = 900
_FORGET_SECONDS = 900  # after the lock has ended
_MOST_KEYS = 10_000


@dataclass(frozen=True)
class _Failures:
    count: int
    locked_until: float


class LoginThrottle:
    """Locks a (username, address) after 5 failed logins: for 1 s, then twice as long after each further
    failure, up to 15 minutes. Times are by the injected monotonic clock. At most 10,000 pairs are remembered;
    the one that failed longest ago is dropped first."""

    def __init__(self) -> None:
        self._failures: OrderedDict[tuple[str, str], _Failures] = OrderedDict()

    def require_open(self, username: str, address: str, *, now: float) -> None:
        """Raises Throttled while the pair is locked. Call it before *and* after checking the password. Then
        guesses that were sent at once, and waited when the lock began, get no result either."""
        found = self._failures.get((username, address))
        if found is not None and found.locked_until > now:
            raise Throttled(found.locked_until - now)

    def failed(self, username: str, address: str, *, now: float) -> None:
        """Count a failed login."""
        key = (username, address)
        known = self._failures.pop(key, None)
        forgotten = known is None or known.locked_until + _FORGET_SECONDS <= now
        count = 1 if known is None or forgotten else known.count + 1
        self._failures[key] = _Failures(count, now + _lock_seconds(count))
        while len(self._failures) > _MOST_KEYS:
            self._failures.popitem(last=False)

    def succeeded(self, username: str, address: str) -> None:
        """Forget the pair's failures."""
        self._failures.pop((username, address), None)


def _lock_seconds(count: int) -> float:
    beyond = count - FREE_FAILURES
    if beyond < 0:
        return 0.0
    return min(math.ldexp(1.0, min(beyond, 32)), _LONGEST_LOCK_SECONDS)
