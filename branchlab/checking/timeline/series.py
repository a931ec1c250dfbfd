"""Lines over the time of a run. What is not known is a gap, never 0."""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple


class Point(NamedTuple):
    """From `at` (seconds of the run) the value holds, until the next point. None: nobody knows."""

    at: float
    value: float | None


@dataclass
class Series:
    """A step line: a point wherever the value changes. `seen` is the moment of the last reading, known or
    not."""

    points: list[Point] = field(default_factory=list)
    seen: float | None = None

    def add(self, at: float, value: float | None) -> None:
        """Takes in one reading, made after all earlier ones."""
        self.seen = at
        if not self.points or self.points[-1].value != value:
            self.points.append(Point(at, value))

    @property
    def last(self) -> float | None:
        """The newest reading; None where nobody knows."""
        return self.points[-1].value if self.points else None

    def at(self, moment: float) -> float | None:
        """The value that held at a moment; None before the first reading."""
        place = bisect_right(self.points, moment, key=lambda point: point.at)
        return self.points[place - 1].value if place else None

    def gaps(self, end: float) -> Iterator[tuple[float, float]]:
        """The stretches in which nobody knew, from the first point on; one that is open lasts to `end`."""
        for place, point in enumerate(self.points):
            if point.value is None:
                after = self.points[place + 1].at if place + 1 < len(self.points) else end
                yield point.at, after

    def forget_before(self, moment: float) -> None:
        """Leaves out what was over by then. The value that held at that moment stays."""
        place = bisect_right(self.points, moment, key=lambda point: point.at)
        if place > 1:
            del self.points[: place - 1]
