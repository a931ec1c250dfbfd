"""The live screen: pending per link with a small chart, oldest age, last error, stock and digest."""

import asyncio
import time
from collections import defaultdict, deque
from collections.abc import Sequence

from rich.console import Console, RenderableType
from rich.live import Live

from lab.networks.status import NetworkReading, StatusReader
from lab.networks.tables import network_view

INTERVAL_SECONDS = 1.0
_CHART_WIDTH = 30  # readings, one character each
_BARS = "▁▂▃▄▅▆▇█"
_GAP = "·"  # a reading that is unknown: never drawn as 0

Link = tuple[str, str]
"""(node, peer)"""


class Screen:
    """The last reading, its history and how they look. Reads no clock: time comes with each reading."""

    def __init__(self) -> None:
        self._reading = NetworkReading(nodes=())
        self._pending: dict[Link, deque[int | None]] = defaultdict(lambda: deque(maxlen=_CHART_WIDTH))
        self._seen_at: dict[str, float] = {}
        self._now = 0.0

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

    def render(self) -> RenderableType:
        """The screen for the last reading."""
        silent = {name: self._now - seen_at for name, seen_at in self._seen_at.items()}
        return network_view(self._reading, charts=self._chart, silent=silent)

    def _chart(self, node: str, peer: str) -> str:
        return sparkline(self._pending[node, peer]).rjust(_CHART_WIDTH)


def sparkline(values: Sequence[int | None]) -> str:
    """One character per value, from 0 to the highest of them; an unknown value is a gap."""
    highest = max((value for value in values if value is not None), default=0)
    return "".join(_GAP if value is None else _bar(value, highest) for value in values)


def _bar(value: int, highest: int) -> str:
    # Only 0 is drawn as 0: one pending event must show beside a thousand.
    return _BARS[0] if value == 0 else _BARS[max(1, (len(_BARS) - 1) * value // highest)]


async def watch(reader: StatusReader, console: Console, *, seconds: float | None) -> None:
    """Redraws once a second until `seconds` have passed, or for ever when that is None."""
    screen, started = Screen(), time.monotonic()
    with Live(console=console, auto_refresh=False) as live:
        while seconds is None or time.monotonic() - started < seconds:
            screen.update(await reader.read(), now=time.monotonic() - started)
            live.update(screen.render(), refresh=True)
            await asyncio.sleep(INTERVAL_SECONDS)
