"""Alarms: troubles that must not happen, counted and shown on /status."""

import logging
from dataclasses import dataclass

log = logging.getLogger("app.alarms")


@dataclass(frozen=True)
class Alarm:
    """How often a kind of trouble happened since the start, and the text of the last time."""

    count: int
    last: str


class Alarms:
    """The node's alarms by kind (`fork`, `divergence`, …)."""

    def __init__(self) -> None:
        self._alarms: dict[str, Alarm] = {}

    def raise_(self, kind: str, text: str) -> None:
        """Count and log one trouble of a kind."""
        known = self._alarms.get(kind)
        self._alarms[kind] = Alarm(count=known.count + 1 if known else 1, last=text)
        log.error("%s: %s", kind, text)

    def end(self, kind: str) -> None:
        """Show a kind no more: what was wrong is over. Most kinds stay, since they tell what has happened."""
        if self._alarms.pop(kind, None) is not None:
            log.warning("%s: over", kind)

    @property
    def raised(self) -> dict[str, Alarm]:
        """The alarms so far that are not over, sorted by kind."""
        return dict(sorted(self._alarms.items()))
