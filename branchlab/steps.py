"""Lines about the progress of what takes a while, and how they look: one moving line, or one line for each.

Whatever tells of its progress takes a `Tell`. A plain text is something that begins. A `Step` also says how
far it is, or that it only passes: then the next one takes its place.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Self

from rich.console import Console, RenderableType
from rich.markup import escape
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Column
from rich.text import Text

from branchlab.language import _

Tell = Callable[[str], None]
"""Takes one line about the progress."""

EVERY_SECONDS = 10.0
"""How often a log gets one of the lines that only pass."""


class Step(str):
    """A line about the progress: `done` of `total` parts, where that is known. One that is `passing` is about
    the same wait as the line before, with other details."""

    done: int
    total: int | None
    passing: bool

    def __new__(cls, words: str, *, done: int = 0, total: int | None = None, passing: bool = False) -> Self:
        step = super().__new__(cls, words)
        step.done, step.total, step.passing = done, total, passing
        return step


def silent(_line: str) -> None:
    """Tells nobody."""


def first_of(lines: Sequence[str]) -> str:
    """The first of the lines, and how many more there are: what a wait is for, in one line."""
    more = len(lines) - 1
    return _("{lines} (and {more} more)", lines=lines[0], more=more) if more > 0 else lines[0]


class Lines:
    """Progress in a log: each line once, and of those that only pass one in ten seconds."""

    def __init__(self, write: Callable[[str], None], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._write = write
        self._clock = clock
        self._last = ""
        self._wrote_at = clock()

    def __call__(self, line: str) -> None:
        now = self._clock()
        is_passing = isinstance(line, Step) and line.passing
        if line == self._last or (is_passing and now - self._wrote_at < EVERY_SECONDS):
            return
        self._last, self._wrote_at = line, now
        self._write(line)


class Moving:
    """Progress on a terminal: one line with what goes on, a bar where its end is known, and the time."""

    def __init__(self, bars: Progress, first: str) -> None:
        self._bars = bars
        self._task = bars.add_task(escape(first), total=None)

    def __call__(self, line: str) -> None:
        done, total = (line.done, line.total) if isinstance(line, Step) else (0, None)
        task = self._bars.tasks[0]
        task.total = total  # which `update` would keep where it is None
        self._bars.update(self._task, description=escape(line), completed=done)


@contextmanager
def moving_line(console: Console, first: str) -> Iterator[Tell]:
    """Shows the progress as one line of the terminal, which is gone at the end."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", table_column=Column(ratio=1, no_wrap=True, overflow="ellipsis")),
        _BarWhereKnown(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True, expand=True) as bars:
        yield Moving(bars, first)


class _BarWhereKnown(ProgressColumn):
    _bar = BarColumn(bar_width=20)

    def render(self, task: Task) -> RenderableType:
        return Text("") if task.total is None else self._bar.render(task)
