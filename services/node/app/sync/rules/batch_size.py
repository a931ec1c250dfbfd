"""How large a peer's next batch may be. Pure."""

from typing import NamedTuple

QUICK_SECONDS = 0.5
SLOW_SECONDS = 2.0


class BatchSize(NamedTuple):
    """The most events, and the most bytes of their JSON; the last command may go beyond either."""

    events: int
    bytes: int

    def times(self, factor: float) -> "BatchSize":
        """A size so many times as large, within the bounds."""
        events = min(max(int(self.events * factor), SMALLEST.events), LARGEST.events)
        size = min(max(int(self.bytes * factor), SMALLEST.bytes), LARGEST.bytes)
        return BatchSize(events, size)

    def at_most(self, events: int | None) -> "BatchSize":
        """This size with no more events than so many; None is no bound."""
        return self if events is None else self._replace(events=min(self.events, events))


SMALLEST = BatchSize(500, 1 << 20)
LARGEST = BatchSize(2_000, 4 << 20)
"""A few hundredths of a second of a receiver's writer: its own orders wait no longer."""


def after_success(size: BatchSize, *, seconds: float, full: bool) -> BatchSize:
    """The size after a batch that its peer took in so many seconds. It grows while the backlog fills batches
    and they are taken quickly; a slow link or peer gets smaller ones, well before a time-out."""
    if seconds > SLOW_SECONDS:
        return size.times(0.5)
    return size.times(2) if full and seconds <= QUICK_SECONDS else size


def after_failure() -> BatchSize:
    """The size after an attempt that failed: what is lost again costs least."""
    return SMALLEST
