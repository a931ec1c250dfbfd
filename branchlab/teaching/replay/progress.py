"""How far a replay is: bars on a terminal, and steps told where there is none."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol

from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn
from rich.progress import TimeRemainingColumn as TimeLeft
from rich.text import Text

from branchlab.console import progress as screen
from branchlab.language import N_, _
from branchlab.steps import Step, Tell
from branchlab.teaching.replay.player import Played

_MOST_BARS = 8  # of branches; where there are more, one bar has all their orders
_ALL = N_("all orders")


class Shown(Protocol):
    """Where a replay says how far it is."""

    def catalogue_step(self) -> None:
        """One product, customer or receipt is there."""

    def catalogue_done(self) -> None:
        """The orders begin."""

    def played(self, played: Played) -> None:
        """One order has ended."""


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:.0f}/s", style="progress.data.speed")


class _Bars:
    """A bar for the catalogue, one per branch, and one for all orders."""

    def __init__(self, bars: Progress, *, steps: int, orders: Mapping[str, int]) -> None:
        self._bars = bars
        self._catalogue = bars.add_task(_("catalogue and stock"), total=steps)
        named = orders if 1 < len(orders) <= _MOST_BARS else {}
        self._branches = {
            branch: bars.add_task(escape(branch), total=count, start=False) for branch, count in named.items()
        }
        self._all = bars.add_task(_(_ALL), total=sum(orders.values()), start=False)

    def catalogue_step(self) -> None:
        self._bars.advance(self._catalogue)

    def catalogue_done(self) -> None:
        """The bar jumps to its end, since what was kept needed no step; the orders' clocks start."""
        total = self._bars.tasks[self._catalogue].total
        self._bars.update(self._catalogue, completed=total)
        for task in (*self._branches.values(), self._all):
            self._bars.start_task(task)

    def played(self, played: Played) -> None:
        for task in (self._branches.get(played.order.branch), self._all):
            if task is not None:
                self._bars.advance(task)


class Told:
    """A passing step for each order, with the count, the rate and the time left."""

    def __init__(self, *, total: int, tell: Tell, clock: Callable[[], float] = time.monotonic) -> None:
        self._total = total
        self._tell = tell
        self._clock = clock
        self._done = 0
        self._began = clock()

    def catalogue_step(self) -> None:
        """The catalogue takes seconds, and its steps are not told."""

    def catalogue_done(self) -> None:
        self._began = self._clock()

    def played(self, played: Played) -> None:
        self._done += 1
        seconds = self._clock() - self._began
        if seconds > 0 and self._done < self._total:
            rate = self._done / seconds
            left = int((self._total - self._done) / rate)
            words = _(
                "{done} of {total} orders, {rate:.0f}/s, about {minutes}:{seconds:02d} left",
                done=self._done,
                total=self._total,
                rate=rate,
                minutes=left // 60,
                seconds=left % 60,
            )
            self._tell(Step(words, done=self._done, total=self._total, passing=True))


@contextmanager
def shown(*, steps: int, orders: Mapping[str, int], tell: Tell) -> Iterator[Shown]:
    """Shows the progress of `steps` of the catalogue and of so many orders by branch; through `tell` where
    there is no terminal."""
    if not screen.is_terminal:
        yield Told(total=sum(orders.values()), tell=tell)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), _Rate(), TimeLeft())
    with Progress(*columns, console=screen) as bars:
        yield _Bars(bars, steps=steps, orders=orders)
