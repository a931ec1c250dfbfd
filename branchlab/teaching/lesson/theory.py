"""What arithmetic says of pending events and how long they take to drain. Pure: numbers in, numbers out."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from branchlab.checking.timeline.lesson import value_at

EVENTS_PER_ORDER = 2
"""A sale writes two events: the order, and the stock that it took."""


@dataclass(frozen=True)
class LinkModel:
    """A directed link as the lesson made it. `away` is a receiver that cannot be reached; `delay_seconds` is
    what a call takes longer; `batch_events` bounds a batch, None where only the node's own bound counts."""

    away: bool = False
    delay_seconds: float = 0.0
    batch_events: int | None = None

    @property
    def capacity(self) -> float:
        """Orders a second that the link can carry: what a batch holds ÷ what a call takes."""
        if self.away:
            return 0.0
        if self.batch_events is None or self.delay_seconds <= 0:
            return math.inf
        return math.ceil(self.batch_events / EVENTS_PER_ORDER) / self.delay_seconds


def backlog(rate: float, seconds: float, link: LinkModel) -> float:
    """Events pending on a link after so long: (rate − capacity) × seconds, two for each order; never below
    0."""
    if math.isinf(link.capacity):
        return 0.0
    return max(0.0, rate - link.capacity) * seconds * EVENTS_PER_ORDER


def drain_seconds(pending: float, link: LinkModel, *, rate: float = 0.0) -> float | None:
    """How long so many events take to drain while `rate` orders a second are added: backlog ÷ rate. None
    where they never do; 0 where nothing limits the link."""
    if math.isinf(link.capacity):
        return 0.0
    spare = (link.capacity - rate) * EVENTS_PER_ORDER
    return pending / spare if spare > 0 else None


def error_percent(said: float, observed: float) -> float | None:
    """How far a number was from what was observed, in percent of that; None where nothing was."""
    if observed == 0:
        return 0.0 if said == 0 else None
    return abs(said - observed) / abs(observed) * 100


def curve_error_percent(
    drawn: Sequence[tuple[float, float]], observed: Sequence[tuple[float, float]]
) -> float | None:
    """How far a drawn curve is from an observed one, on average, in percent of the highest observed value.
    Both are (seconds, value), by time."""
    top = max((value for _, value in observed), default=0.0)
    if not drawn or top == 0:
        return None
    total = sum(abs(value_at(drawn, at) - value) for at, value in observed)
    return total / len(observed) / top * 100
