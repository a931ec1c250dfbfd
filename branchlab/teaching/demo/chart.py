"""The curve of what is pending, drawn in characters beside what was expected. Pure: values in, text out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from rich.text import Text

_EIGHTHS = " ▁▂▃▄▅▆▇█"
_EXPECTED = "•"
_UNKNOWN = "╱"  # hatching: a reading that is not known is never drawn as 0
_FAULT = "▒"
_STYLES = {_EXPECTED: "bold yellow", _UNKNOWN: "dim", _FAULT: "red"}
_MEASURED_STYLE = "cyan"
_LABEL_WIDTH = 6

MEASURED = "█"
EXPECTED = _EXPECTED
UNKNOWN = _UNKNOWN


@dataclass(frozen=True)
class Point:
    """One reading: `pending` is None when it could not be known."""

    seconds: float
    pending: int | None


@dataclass(frozen=True)
class Axes:
    """What the chart covers: time from 0 to `span` seconds and the fault from 0 to `fault_until`; until
    `selling_until`, `rate` events a second are expected to join the `start` events pending at 0."""

    span: float
    selling_until: float
    fault_until: float
    rate: float
    start: float = 0.0
    width: int = 60
    height: int = 10

    def expected_at(self, seconds: float) -> float:
        return self.start + self.rate * min(seconds, self.selling_until)


def draw(points: Sequence[Point], axes: Axes) -> list[Text]:
    """The chart's lines from the top down: measured bars, the expected line, the fault's band, the times."""
    known = [point.pending for point in points if point.pending is not None]
    top = max(axes.expected_at(axes.selling_until), *known, 1)
    columns = list(_columns(points, axes, top))
    lines = []
    for row in reversed(range(axes.height)):
        label = f"{top:.0f}" if row == axes.height - 1 else "0" if row == 0 else ""
        lines.append(_line(label, "┤" if label else "│", [column[row] for column in columns]))
    fault_columns = round(axes.width * min(axes.fault_until / axes.span, 1))
    lines.append(_line("", "└", [_FAULT] * fault_columns + ["─"] * (axes.width - fault_columns)))
    end = f"{axes.span:.0f} s"
    lines.append(_line("", " ", ["0 s".ljust(axes.width - len(end)) + end]))
    return lines


def _line(label: str, edge: str, cells: Sequence[str]) -> Text:
    text = Text(f"{label:>{_LABEL_WIDTH}} {edge}", no_wrap=True)
    for style, run in groupby(cells, key=_style):
        text.append("".join(run), style=style)
    return text


def _style(cell: str) -> str:
    return _STYLES.get(cell, _MEASURED_STYLE if cell in _EIGHTHS else "")


def _columns(points: Sequence[Point], axes: Axes, top: float) -> Iterator[str]:
    """Each column as one string, its lowest cell first."""
    for number, value in enumerate(_values(points, axes)):
        column = _bar(value, top, axes.height)
        middle = (number + 0.5) * axes.span / axes.width
        if middle <= axes.fault_until:
            row = min(int(axes.expected_at(middle) / top * axes.height), axes.height - 1)
            column = column[:row] + _EXPECTED + column[row + 1 :]
        yield column


def _bar(point: Point | None, top: float, height: int) -> str:
    if point is None:
        return " " * height
    if point.pending is None:
        return _UNKNOWN * height
    # One pending event must show, and only 0 looks like 0.
    eighths = round(8 * height * point.pending / top) or (1 if point.pending else 0)
    return "".join(_EIGHTHS[max(0, min(8, eighths - 8 * row))] for row in range(height))


def _values(points: Sequence[Point], axes: Axes) -> list[Point | None]:
    """The reading each column shows: its last one, else the one before it; None before the first reading and
    after the last."""
    columns: list[Point | None] = []
    for point in points:
        place = min(int(point.seconds / axes.span * axes.width), axes.width - 1)
        gap = place - len(columns)
        columns += [columns[-1] if columns else None] * gap
        columns[place:] = [point]
    return columns + [None] * (axes.width - len(columns))
