"""What the demonstration shows: its steps, progress bars, and the live chart while a branch is away."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn
from rich.text import Text

from branchlab.language import N_, _, number
from branchlab.networks.drivers import STATE_WORDS
from branchlab.networks.status import NetworkReading
from branchlab.networks.tables import count_words
from branchlab.steps import Lines, Tell, moving_line
from branchlab.teaching.demo import chart
from branchlab.teaching.demo.chart import Axes, Point

UNKNOWN = N_("unknown ## of a number")
_TAIL_SECONDS = 5.0  # room on the time axis for the drain
_LINE_EVERY_SECONDS = 3.0  # where no terminal shows the live chart


@dataclass(frozen=True)
class Expectation:
    """What the chart compares with: `start` events were pending before the first sale; then come `orders` a
    second for `seconds`, each of `events` events on average."""

    victim: str
    fault: str
    start: int
    orders: float
    events: float
    seconds: float

    @property
    def rate(self) -> float:
        return self.orders * self.events

    def axes(self, *, now: float, fault_until: float | None) -> Axes:
        """The chart's axes `now` seconds after the first sale; a fault that lasts has no `fault_until`."""
        return Axes(
            span=max(self.seconds + _TAIL_SECONDS, now),
            selling_until=self.seconds,
            fault_until=fault_until or max(self.seconds, now),
            rate=self.rate,
            start=self.start,
        )


class Curve:
    """The chart and the links below it, growing with every reading. Reads no clock."""

    def __init__(self, expectation: Expectation) -> None:
        self._expectation = expectation
        self._points: list[Point] = []
        self._reading = NetworkReading(nodes=())
        self._fault_until: float | None = None

    @property
    def last(self) -> Point:
        return self._points[-1] if self._points else Point(0.0, None)

    def add(self, reading: NetworkReading, *, seconds: float) -> None:
        """Takes in one reading, made so many seconds after the first sale."""
        self._reading = reading
        self._points.append(Point(seconds, pending_to(reading, self._expectation.victim)))

    def heal(self, *, seconds: float) -> None:
        """The fault is being undone from now on."""
        self._fault_until = seconds

    def render(self) -> RenderableType:
        expected = self._expectation
        return Group(
            Text(
                _("Pending to {victim} ({fault})", victim=expected.victim, fault=expected.fault), style="bold"
            ),
            *chart.draw(self._points, self._axes()),
            self._legend(),
            Text(_("Pending at each node (? = unknown)"), style="bold"),
            *self._links(),
        )

    def line(self) -> str:
        """The last reading in words, for where no chart can move; nothing is expected once it drains."""
        seconds, pending = self.last.seconds, self._pending_words()
        if self._fault_until is not None:
            return _("  {seconds:,.1f} s: {pending} pending", seconds=seconds, pending=pending)
        return _(
            "  {seconds:,.1f} s: {pending} pending, expected {expected:,.0f}",
            seconds=seconds,
            pending=pending,
            expected=self._axes().expected_at(seconds),
        )

    def _axes(self) -> Axes:
        return self._expectation.axes(now=self.last.seconds, fault_until=self._fault_until)

    def _legend(self) -> Text:
        expected = self._expectation
        formula = _(
            "expected: {start}{orders:,.1f} orders/s × {events:,.2f} events = {rate:,.1f}/s",
            start=f"{number(expected.start, grouped=True)} + " if expected.start else "",
            orders=expected.orders,
            events=expected.events,
            rate=expected.rate,
        )
        measured = _("measured: {pending}", pending=self._pending_words())
        legend = Text.assemble(
            (f"  {chart.MEASURED} {measured}", "cyan"), (f"   {chart.EXPECTED} {formula}", "yellow")
        )
        if any(point.pending is None for point in self._points):
            legend.append(f"\n  {chart.UNKNOWN} {_(UNKNOWN)}", style="dim")
        return legend

    def _pending_words(self) -> str:
        known = self.last.pending
        return _(UNKNOWN) if known is None else number(known, grouped=True)

    def _links(self) -> Iterator[Text]:
        victim = self._expectation.victim
        for node in self._reading.nodes:
            line = Text(f"  {node.name:<16}", no_wrap=True)
            state = _(STATE_WORDS[node.state])
            line.append(f"{state:<13}", style="green" if node.state == "running" else "red")
            pending = node.status["pending"] if node.status else {}
            others = [count for peer, count in pending.items() if peer != victim]
            if node.name != victim:
                line.append(f"→ {victim} {count_words(pending.get(victim)):<7}")
            line.append(f"→ {_('others')} {count_words(_sum(others) if pending else None)}")
            yield line


def _sum(counts: Iterable[int | None]) -> int | None:
    """None as soon as one is not known."""
    total = 0
    for count in counts:
        if count is None:
            return None
        total += count
    return total


def pending_to(reading: NetworkReading, victim: str) -> int | None:
    """Events that all other nodes together hold for `victim`; None as soon as one of them is not known."""
    others = [node for node in reading.nodes if node.name != victim]
    return _sum(node.status["pending"].get(victim) if node.status else None for node in others)


class Screen:
    """Prints to one console; on a terminal the chart and the bars move."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def say(self, text: str, *, style: str = "") -> None:
        self._console.print(text, markup=False, style=style)

    def step(self, text: str) -> None:
        """A step of the demonstration begins."""
        self._console.print()
        self.say(text, style="bold")

    @contextmanager
    def bar(self, total: int) -> Iterator[Callable[[], None]]:
        """A progress bar; each call of what it gives moves it by one."""
        columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=self._console) as progress:
            task = progress.add_task("", total=total)
            yield lambda: progress.advance(task)
            progress.update(task, completed=total)  # what was there already needed no step

    @contextmanager
    def telling(self) -> Iterator[Tell]:
        """Shows what the start of a network is at: one moving line on a terminal, else one for each step."""
        if self._console.is_terminal:
            with moving_line(self._console, "") as tell:
                yield tell
        else:
            yield Lines(lambda line: self.say(f"  {line}"))

    @contextmanager
    def waiting(self) -> Iterator[None]:
        with self._console.status(_("waiting until the nodes agree…")):
            yield

    @contextmanager
    def live(self, curve: Curve) -> Iterator[Callable[[], None]]:
        """Shows the curve until the block ends; each call of what it gives draws it anew."""
        if not self._console.is_terminal:
            yield _Lines(self, curve).draw
            self._console.print(curve.render())
            return
        with Live(curve.render(), console=self._console, auto_refresh=False) as live:
            yield lambda: live.update(curve.render(), refresh=True)
            live.update(curve.render(), refresh=True)


class _Lines:
    """One line every few seconds in place of a chart that moves."""

    def __init__(self, screen: Screen, curve: Curve) -> None:
        self._screen, self._curve = screen, curve
        self._next_at = 0.0

    def draw(self) -> None:
        if self._curve.last.seconds >= self._next_at:
            self._screen.say(self._curve.line())
            self._next_at = self._curve.last.seconds + _LINE_EVERY_SECONDS
