"""Slows down clients that guess passwords. It is in memory only: a restart clears it."""

import math
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from typing import TypeVar

from app.security.buckets import MOST_KEYS, Buckets
from app.security.errors import Throttled
from app.security.login_lane import Standing

FREE_FAILURES = 5
ALL_FAILURES_FACTOR = 4  # all unknown addresses together may fail so many times as often as one
_REFILL_SECONDS = 60.0  # an empty bucket of failures is full again after it
_LONGEST_LOCK_SECONDS = 900
_FORGET_SECONDS = 900  # after the lock has ended
_LATELY_SECONDS = 7 * 24 * 3600  # how long a login from an address is remembered
_ALL = "all"

K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True)
class _Failures:
    count: int
    locked_until: float


class LoginThrottle:
    """Locks a (username, address) after 5 failed logins: for 1 s, then twice as long after each further
    failure, up to 15 minutes.

    A pair that logged in during the last seven days is held back by nothing else. For any other pair there
    are three more limits on failures, each filled up again within a minute. They count by address
    (`failures`), by username over all addresses (`failures`), and over all (4 × `failures`). An address from
    which somebody logged in lately is exempt from the last one.

    Times are by the injected monotonic clock. At most 10,000 pairs, names and addresses are remembered; the
    one used longest ago is dropped first.
    """

    def __init__(self, *, failures: int = 30) -> None:
        self._failures: OrderedDict[tuple[str, str], _Failures] = OrderedDict()
        self._known_pairs: OrderedDict[tuple[str, str], float] = OrderedDict()
        self._known_addresses: OrderedDict[str, float] = OrderedDict()
        rate = failures / _REFILL_SECONDS
        self._by_address = Buckets(size=failures, per_second=rate)
        self._by_name = Buckets(size=failures, per_second=rate)
        self._over_all = Buckets(size=ALL_FAILURES_FACTOR * failures, per_second=ALL_FAILURES_FACTOR * rate)

    def __len__(self) -> int:
        return len(self._failures)

    def standing(self, username: str, address: str, *, now: float) -> Standing:
        """What is known of the pair from logins of the last seven days."""
        if self._known_pairs.get((username, address), -math.inf) > now:
            return Standing.PAIR_KNOWN
        if self._known_addresses.get(address, -math.inf) > now:
            return Standing.ADDRESS_KNOWN
        return Standing.UNKNOWN

    def require_open(self, username: str, address: str, *, now: float) -> None:
        """Raises Throttled while a login by the pair is not to be checked. It costs no hash."""
        self.require_unlocked(username, address, now=now)
        standing = self.standing(username, address, now=now)
        if standing == Standing.PAIR_KNOWN:
            return
        seconds = max(self._by_address.wait(address, now=now), self._by_name.wait(username, now=now))
        if standing == Standing.UNKNOWN:
            seconds = max(seconds, self._over_all.wait(_ALL, now=now))
        if seconds > 0:
            raise Throttled(seconds)

    def require_unlocked(self, username: str, address: str, *, now: float) -> None:
        """Raises Throttled while the pair is locked. Call it after checking the password, too. Then guesses
        that were sent at once, and waited when the lock began, get no result either."""
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
        while len(self._failures) > MOST_KEYS:
            self._failures.popitem(last=False)
        self._by_address.take(address, now=now)
        self._by_name.take(username, now=now)
        self._over_all.take(_ALL, now=now)

    def succeeded(self, username: str, address: str, *, now: float) -> None:
        """Forget the pair's failures, and remember that it logged in."""
        self._failures.pop((username, address), None)
        _remember(self._known_pairs, (username, address), now + _LATELY_SECONDS)
        _remember(self._known_addresses, address, now + _LATELY_SECONDS)


def _remember(known: OrderedDict[K, float], key: K, until: float) -> None:
    known[key] = until
    known.move_to_end(key)
    if len(known) > MOST_KEYS:
        known.popitem(last=False)


def _lock_seconds(count: int) -> float:
    beyond = count - FREE_FAILURES
    if beyond < 0:
        return 0.0
    return min(math.ldexp(1.0, min(beyond, 32)), _LONGEST_LOCK_SECONDS)
