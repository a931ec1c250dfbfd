"""Warnings that would come thousands of times a second: the first is logged, then one a minute."""

import logging
from collections.abc import Callable

EVERY_SECONDS = 60.0


class QuietLog:
    """Logs `words`, a format for the arguments of `warn`, at most once a minute. `now` is monotonic."""

    def __init__(self, log: logging.Logger, words: str, *, now: Callable[[], float]) -> None:
        self._log = log
        self._words = words
        self._now = now
        self._next = 0.0

    def warn(self, *arguments: object) -> None:
        """Log it, unless it was logged within the last minute."""
        now = self._now()
        if now >= self._next:
            self._next = now + EVERY_SECONDS
            self._log.warning(self._words, *arguments)
