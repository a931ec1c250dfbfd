"""A recorded run, played again in the same screens."""

import time
from collections.abc import Callable, Iterable, Sequence

from branchlab.checking.runlog import Record
from branchlab.checking.timeline.timeline import Timeline


class Replay:
    """A run by its records, as it was at any moment of it. It begins at its end, paused: the whole run is
    there to be seen at once."""

    is_live = False

    def __init__(self, records: Iterable[Record], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._records: Sequence[Record] = tuple(records)
        self._clock = clock
        self._place = 0
        self._moment = 0.0
        self._played_from: float | None = None
        self.length = max((record["at_ns"] / 1e9 for record in self._records), default=0.0)
        self.speed = 1.0
        self.timeline = Timeline()
        self.go_to(self.length)

    @property
    def now(self) -> float:
        return self._moment

    @property
    def is_playing(self) -> bool:
        return self._played_from is not None

    def go_to(self, moment: float) -> None:
        """Shows the run as it was then."""
        moment = min(max(0.0, moment), self.length)
        if moment < self._moment:
            self.timeline, self._place = Timeline(), 0
        self._moment = moment
        while self._place < len(self._records) and self._records[self._place]["at_ns"] / 1e9 <= moment:
            self.timeline.add(self._records[self._place])
            self._place += 1
        if self._played_from is not None:
            self._played_from = self._clock() - moment / self.speed

    def play(self) -> None:
        """Lets time go on from here; from the start where the run was at its end."""
        if self._moment >= self.length:
            self.go_to(0.0)
        self._played_from = self._clock() - self._moment / self.speed

    def pause(self) -> None:
        """Holds the moment."""
        self._played_from = None

    def tick(self) -> None:
        """Moves on as far as time has, while it plays."""
        if self._played_from is not None:
            self.go_to((self._clock() - self._played_from) * self.speed)
            if self._moment >= self.length:
                self.pause()
