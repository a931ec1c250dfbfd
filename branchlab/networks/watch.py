"""The live screen: pending per link with a small chart, oldest age, reasons, faults, stock and digest."""

import asyncio
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Protocol

from rich.console import Console, RenderableType
from rich.live import Live

from branchlab.keyboard import Keys
from branchlab.language import _
from branchlab.networks.network import Network
from branchlab.networks.status import NetworkReading
from branchlab.networks.tables import NetworkView
from branchlab.tasks import cancel

INTERVAL_SECONDS = 1.0
_LONGEST_CHART = 400  # readings, one character each
_BARS = "▁▂▃▄▅▆▇█"
_GAP = "·"  # a reading that is unknown: never drawn as 0
_ENDS, _HOLDS = "qQ\x04", " "

Link = tuple[str, str]
"""(node, peer)"""
History = deque[int | None]


class Reader(Protocol):
    """Reads the network again and again, as a StatusReader does."""

    async def read(self) -> NetworkReading: ...


class Screen:
    """The last reading, its history and how they look. Reads no clock: time comes with each reading."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._reading = NetworkReading(nodes=())
        self._pending: dict[Link, History] = defaultdict(lambda: deque(maxlen=_LONGEST_CHART))
        self._seen_at: dict[str, float] = {}
        self._now = 0.0
        self._held: NetworkView | None = None

    def update(self, reading: NetworkReading, *, now: float) -> None:
        """Takes in one reading, made at `now` seconds of the screen's clock."""
        self._reading, self._now = reading, now
        names = [node.name for node in reading.nodes]
        for node in reading.nodes:
            if node.status is not None:
                self._seen_at[node.name] = now
            for peer in names:
                if peer != node.name:
                    known = node.status["pending"].get(peer) if node.status else None
                    self._pending[node.name, peer].append(known)

    def hold(self) -> None:
        """Keeps the picture as it is, or lets it go on; readings are taken in meanwhile."""
        self._held = self._view(held=True) if self._held is None else None

    def render(self) -> RenderableType:
        """The screen for the last reading, or the picture that is held."""
        return self._held or self._view(held=False)

    def _view(self, *, held: bool) -> NetworkView:
        return NetworkView(
            self._reading,
            self._network,
            charts=_Charts({link: deque(history) for link, history in self._pending.items()}),
            silent={name: self._now - seen_at for name, seen_at in self._seen_at.items()},
            keys=_("keys: q ends · space goes on") if held else _("keys: q ends · space holds the picture"),
            held=held,
        )


class _Charts:
    def __init__(self, pending: dict[Link, History]) -> None:
        self._pending = pending

    def draw(self, node: str, peer: str, *, width: int) -> str:
        drawn = sparkline(_last(self._pending[node, peer], width), highest=self._highest(width))
        return drawn.rjust(width)

    def legend(self, *, width: int) -> str:
        return _(
            "chart: pending in the last {seconds:.0f} s (· no reading), one scale for all,"
            " full height {highest}",
            seconds=min(width, _LONGEST_CHART) * INTERVAL_SECONDS,
            highest=self._highest(width),
        )

    def _highest(self, width: int) -> int:
        """The most that is pending on any link in the part of the history that is shown."""
        shown = (value for history in self._pending.values() for value in _last(history, width))
        return max((value for value in shown if value is not None), default=0)


def _last(history: History, width: int) -> list[int | None]:
    return list(islice(history, max(0, len(history) - width), None))


def sparkline(values: Sequence[int | None], *, highest: int) -> str:
    """One character per value, from 0 to `highest`; an unknown value is a gap."""
    return "".join(_GAP if value is None else _bar(value, highest) for value in values)


def _bar(value: int, highest: int) -> str:
    # Only 0 is drawn as 0: one pending event must show beside a thousand.
    return _BARS[0] if value == 0 else _BARS[max(1, (len(_BARS) - 1) * value // highest)]


async def watch(
    reader: Reader, screen: Screen, console: Console, *, seconds: float | None, keys: Keys | None
) -> None:
    """Redraws once a second until `seconds` have passed (for ever when that is None) or a key ends it."""
    with _ended_line(console), Live(console=console, auto_refresh=False, vertical_overflow="crop") as live:

        def draw() -> None:
            live.update(screen.render(), refresh=True)

        tasks = [asyncio.create_task(_read_on(reader, screen, draw, seconds))]
        if keys is not None:
            tasks.append(asyncio.create_task(_obey(keys, screen, draw)))
        try:
            ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await cancel(tasks)
        for task in ended:
            task.result()  # raises what it raised


@contextmanager
def _ended_line(console: Console) -> Iterator[None]:
    """In a file or a pipe the last screen has no end of its own: what comes after it begins a line."""
    try:
        yield
    finally:
        if not console.is_terminal:
            console.print()


async def _read_on(reader: Reader, screen: Screen, draw: Callable[[], None], seconds: float | None) -> None:
    started = time.monotonic()
    while seconds is None or time.monotonic() - started < seconds:
        screen.update(await reader.read(), now=time.monotonic() - started)
        draw()
        await asyncio.sleep(INTERVAL_SECONDS)


async def _obey(keys: Keys, screen: Screen, draw: Callable[[], None]) -> None:
    """Does what the keys say, until one of them ends it."""
    while (key := await keys.get()) not in _ENDS:
        if key in _HOLDS:
            screen.hold()
            draw()
