"""The live screen: pending per link with a small chart, oldest age, last error, stock and digest."""

import asyncio
import time
from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from lab.contract import PeerStatus
from lab.status import NetworkReading, NodeReading, StatusReader
from lab.tables import UNKNOWN, converged_words, count_words, seconds_words, state_words, stock_words

INTERVAL_SECONDS = 1.0
_CHART_WIDTH = 30  # readings, one character each
_BARS = "▁▂▃▄▅▆▇█"
_GAP = "·"  # a reading that is unknown: never drawn as 0
_ERROR_WIDTH = 40


@dataclass(frozen=True)
class _Seen:
    """A node's last reading that told something, and when (seconds of the screen's clock)."""

    node: NodeReading
    at: float


class Screen:
    """The last readings, their history and how they look. Reads no clock: time comes with each reading."""

    def __init__(self) -> None:
        self._pending: dict[tuple[str, str], deque[int | None]] = defaultdict(
            lambda: deque(maxlen=_CHART_WIDTH)
        )
        self._seen: dict[str, _Seen] = {}
        self._reading = NetworkReading(nodes=())
        self._now = 0.0

    def update(self, reading: NetworkReading, *, now: float) -> None:
        """Takes in one reading; a node that told nothing keeps what it last told, with its age."""
        self._reading, self._now = reading, now
        names = [node.name for node in reading.nodes]
        for node in reading.nodes:
            if node.status is not None:
                self._seen[node.name] = _Seen(node, now)
            for peer in names:
                if peer != node.name:
                    known = node.status["pending"].get(peer) if node.status else None
                    self._pending[node.name, peer].append(known)

    def render(self) -> RenderableType:
        """The screen for the last reading."""
        table = Table(expand=True)
        for heading in (
            "node",
            "state",
            "orders",
            "stock",
            "digest",
            "pending to",
            "",
            "",
            "oldest",
            "last error",
        ):
            table.add_column(heading, no_wrap=True)
        for node in self._reading.nodes:
            self._add_node(table, node)
            table.add_section()
        return Group(table, Text.from_markup(converged_words(self._reading.converged)))

    def _add_node(self, table: Table, node: NodeReading) -> None:
        peers = [other.name for other in self._reading.nodes if other.name != node.name]
        facts = [node.name, state_words(node), *self._facts(node)]
        for position, peer in enumerate(peers):
            own = facts if position == 0 else [""] * len(facts)
            table.add_row(*own, *self._link(node, peer), style=None if node.status else "dim")

    def _facts(self, node: NodeReading) -> tuple[str, str, str]:
        """Orders, stock and digest, or how long ago the node last told them."""
        seen = self._seen.get(node.name)
        if seen is None or seen.node.status is None:
            return (UNKNOWN, UNKNOWN, UNKNOWN)
        status = seen.node.status
        orders, stock = count_words(status["counts"].get("orders")), stock_words(status["stock"])
        if node.status is None:
            return (UNKNOWN, UNKNOWN, f"seen {seconds_words(self._now - seen.at)} ago")
        return (orders, stock, (status["digest"] or UNKNOWN)[:8])

    def _link(self, node: NodeReading, peer: str) -> Iterator[str]:
        history = self._pending[node.name, peer]
        details = node.status["peers"].get(peer) if node.status else None
        yield peer
        yield count_words(history[-1])
        yield sparkline(history)
        yield seconds_words(details["oldest_pending_seconds"]) if details else UNKNOWN
        yield _trouble(details) if details else (node.error or "")[:_ERROR_WIDTH]


def sparkline(values: Sequence[int | None]) -> str:
    """One character per value, from 0 to the highest of them; an unknown value is a gap."""
    highest = max((value for value in values if value is not None), default=0)
    return "".join(_GAP if value is None else _bar(value, highest) for value in values)


def _bar(value: int, highest: int) -> str:
    # Only 0 is drawn as 0: one pending event must show beside a thousand.
    return _BARS[0] if value == 0 else _BARS[max(1, (len(_BARS) - 1) * value // highest)]


def _trouble(peer: PeerStatus) -> str:
    if peer["state"] == "ok":
        return ""
    words = f"{peer['state']}: {peer['last_error'] or 'no reason known'}"
    return words[:_ERROR_WIDTH]


async def watch(reader: StatusReader, console: Console, *, seconds: float | None) -> None:
    """Redraws once a second until `seconds` have passed, or for ever when that is None."""
    screen, started = Screen(), time.monotonic()
    with Live(console=console, auto_refresh=False, screen=False) as live:
        while seconds is None or time.monotonic() - started < seconds:
            screen.update(await reader.read(), now=time.monotonic() - started)
            live.update(screen.render(), refresh=True)
            await asyncio.sleep(INTERVAL_SECONDS)
