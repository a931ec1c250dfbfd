"""When nodes without a log of events are done: they have nothing left to send, and change no more.

Nodes with a log say which events they have, so that all is known to be there when they say the same. Nodes of
the small contract (docs/node-contract.md) say only what is pending. Where they differ after that, they go on
differing: it is a finding, and no reason to wait.
"""

import time
from collections.abc import Callable, Sequence

from branchlab.nodes.contract import Status

SETTLED_SECONDS = 2.0
"""How long nothing may be pending and nothing change."""


def keeps_no_log(status: Status) -> bool:
    """Whether a node whose data could be read numbers no events."""
    return status["epoch"] is None and not status["heads"] and status["digest"] is not None


class Settling:
    """Watches readings of one network for the moment from which on nothing changes."""

    def __init__(
        self, *, seconds: float = SETTLED_SECONDS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._seconds = seconds
        self._clock = clock
        self._shown: list[object] | None = None
        self._since = 0.0

    def is_over(self, statuses: Sequence[Status | None]) -> bool:
        """Whether no node keeps a log, and for long enough all have been ready, with nothing pending or
        parked and with unchanged data."""
        shown: list[object] = []
        for status in statuses:
            if status is None or not keeps_no_log(status) or not _is_quiet(status):
                self._shown = None
                return False
            shown.append((status["digest"], status["counts"], status["stock"]))
        if shown != self._shown:
            self._shown, self._since = shown, self._clock()
        return self._clock() - self._since >= self._seconds


def _is_quiet(status: Status) -> bool:
    pending = all(count == 0 for count in status["pending"].values())
    return status["ready"] and status["parked"] == 0 and pending
