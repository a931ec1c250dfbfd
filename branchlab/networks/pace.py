"""The pace of this machine: how long the driver's own verbs take here, and so how long to wait for nodes.

A deadline in seconds says nothing on a machine whose processes take a minute to start. Nobody but the driver
knows how slow it is: it waits for processes and the kernel, not for anything that a node promises.
"""

import time
from collections.abc import Callable
from typing import Any, cast

from branchlab.networks.drivers import Driver

TIMES = 10
"""A wait is as long as so many of the slowest verb. On a quick machine that is below any deadline."""
_MOST_SECONDS = 1800.0
_MEASURED = ("start", "stop", "pause", "resume", "kill", "wipe", "heal")


class Pace:
    """The slowest of the verbs that were measured so far."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.slowest = 0.0

    def patience(self, seconds: float) -> float:
        """How long to wait here for what takes at most `seconds` on a quick machine."""
        return max(seconds, min(TIMES * self.slowest, _MOST_SECONDS))

    def measured(self, verb: Callable[..., Any]) -> Callable[..., Any]:
        """The verb, measured whenever it is called."""

        def run(*arguments: Any, **named: Any) -> Any:
            began = self._clock()
            try:
                return verb(*arguments, **named)
            finally:
                self.slowest = max(self.slowest, self._clock() - began)

        return run

    def watch(self, driver: Driver) -> Driver:
        """The driver, with the verbs measured that break and mend nodes."""
        return cast(Driver, _Watched(driver, self))


class _Watched:
    def __init__(self, driver: Driver, pace: Pace) -> None:
        self._driver = driver
        self._pace = pace

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._driver, name)
        return self._pace.measured(found) if name in _MEASURED else found
