"""Readings of the network as text for the terminal: one heading per node, one line per link below it."""

import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from branchlab.language import _, counted, number, span
from branchlab.networks.broken import count_broken, find_broken
from branchlab.networks.drivers import STATE_WORDS
from branchlab.networks.implementation import spoken
from branchlab.networks.network import LAB, Network
from branchlab.networks.status import NetworkReading, NodeReading
from branchlab.networks.words import TROUBLES, convergence_words, reason_words
from branchlab.nodes.contract import Status
from branchlab.nodes.convergence import decommissioned, pending_obstacles

UNKNOWN = "?"
_STATE_STYLES = {"running": "green", "paused": "yellow", "stopped": "red", "unreachable": "red"}
_CONVERGED_STYLES = {True: "green", False: "yellow", None: ""}
_NAME_WIDTH = 16
_STATE_WIDTH = 12
_LINK_WIDTH = 37  # name, pending and age of a link, with what parts them
_INDENT = 6  # of what stands below its line
_ROOM = 24  # columns in which words beside their line can be read
_BESIDE = 40  # columns that a wide screen keeps for words beside a chart
_WIDE = 110  # columns from which on it does
_TIED = "\N{NO-BREAK SPACE}"
_UNIT = re.compile(r"(?<=\d) (?=(?:s|min|h)\b)")


class Charts(Protocol):
    """The small charts of what was pending on each link, all to one scale."""

    def draw(self, node: str, peer: str, *, width: int) -> str:
        """The link's last `width` readings, the newest at the right."""
        ...

    def legend(self, *, width: int) -> str:
        """What the charts of that width show."""
        ...


@dataclass(frozen=True)
class NetworkView:
    """Every node with its links, the active faults, and a line on convergence; `?` is an unknown value.

    It takes the width that there is. `silent` has the nodes that give no status, each with the seconds since
    its last one. With `keys`, the view is live, and keeps to the screen's height.
    """

    reading: NetworkReading
    network: Network
    charts: Charts | None = None
    silent: Mapping[str, float] = field(default_factory=dict)
    keys: str = ""
    held: bool = False

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        width = options.max_width
        if self.keys:
            yield from self._lines_within(width, options.size.height)
        else:
            yield from self._lines(width)

    def _lines_within(self, width: int, height: int) -> list[Text]:
        """As much as the screen takes: quiet links go first, then the legend, then the middle."""
        for all_links, legend in ((True, True), (False, True), (False, False)):
            lines = [*self._lines(width, all_links=all_links, legend=legend)]
            if len(lines) <= height:
                return lines
        return [*lines[: max(1, height - 3)], Text("…", style="dim"), *lines[-2:]]

    def _lines(self, width: int, *, all_links: bool = True, legend: bool = True) -> Iterator[Text]:
        yield from _rows(self._title(), width, style="bold")
        gone = decommissioned(self.reading.statuses)
        members = [node for node in self.reading.nodes if node.name not in gone]
        for node in members:
            yield from self._heading(node, width)
            peers = [other.name for other in members if other.name != node.name]
            shown = peers if all_links else [peer for peer in peers if not _is_quiet(node, peer)]
            for peer in shown:
                yield from self._link(node, peer, width)
            if quiet := len(peers) - len(shown):
                yield Text(
                    counted(
                        "  → {n} more link, nothing pending", "  → {n} more links, nothing pending", quiet
                    ),
                    style="dim",
                )
        for name in gone:
            yield Text(f"{name:<{_NAME_WIDTH}}{_('decommissioned')}", style="dim")
        yield from self._faults(width)
        for line in self._legend(width) if legend else ():
            yield from _rows(line, width, style="dim")
        style = _CONVERGED_STYLES[self.reading.converged]
        yield from _rows(converged_words(self.reading), width, style=style)
        yield from _rows(self.keys, width, style="dim")

    def _title(self) -> str:
        at = self.reading.at
        implementation = self.network.implementation
        title = _(
            "{n} branches · driver {driver} · policy {policy} · {clock}",
            n=len(self.network.nodes),
            driver=self.network.driver,
            policy=self.network.policy if implementation == LAB else spoken(implementation),
            clock=UNKNOWN if at is None else f"{at:%H:%M:%S}",
        )
        return title + (_(" · held") if self.held else "")

    def _heading(self, node: NodeReading, width: int) -> Iterator[Text]:
        heading = Text(f"{node.name:<{_NAME_WIDTH}}", style="bold")
        state = _(STATE_WORDS[node.state])
        heading.append(f"{state:<{_STATE_WIDTH - 1}} ", style=_STATE_STYLES[node.state])
        yield from _laid(heading, [*self._facts(node)], width=width, at=heading.cell_len)

    def _facts(self, node: NodeReading) -> Iterator[str]:
        status = node.status
        if node.ready is False:
            yield _("not ready ## of a node")
        if status is None:
            since = self.silent.get(node.name)
            seen = _("nothing known") if since is None else _("last seen {seconds:.0f} s ago", seconds=since)
            yield seen if node.error in (None, node.state) else f"{seen} ({reason_words(node.error or '')})"
            return
        yield _("orders {n}", n=count_words(status["counts"].get("orders")))
        yield _("stock {n}", n=stock_words(status["stock"]))
        yield _("digest {digest}", digest=(status["digest"] or UNKNOWN)[:8])
        if status["parked"] != 0:
            yield _("parked {n}", n=count_words(status["parked"]))
        if altered := status.get("altered"):
            yield _("altered {n}", n=count_words(len(altered)))

    def _link(self, node: NodeReading, peer: str, width: int) -> Iterator[Text]:
        pending = count_words(node.status["pending"].get(peer) if node.status else None)
        line = Text(f"  → {peer:<{_NAME_WIDTH - 2}} {pending:>7} ", no_wrap=True)
        charts = chart_width(width) if self.charts is not None else 0
        if self.charts is not None:
            line.append(f"{self.charts.draw(node.name, peer, width=charts)} ")
        age, trouble = self._age_and_trouble(node.status, peer)
        line.append(f"{age:>9} ")
        at = _LINK_WIDTH + (charts + 1 if charts else 0)
        yield from _laid(line, [trouble] if trouble else [], width=width, at=at, style="yellow")

    def _age_and_trouble(self, status: Status | None, peer: str) -> tuple[str, str]:
        """How long the oldest event has waited, and the link's problem, if any."""
        details = status["peers"].get(peer) if status else None
        if details is None:
            return ("", "")
        seconds = details["oldest_pending_seconds"]
        trouble = ""
        if details["state"] != "ok":
            last = details["last_error"]
            reason = _("no reason known") if last is None else reason_words(last)
            trouble = _(TROUBLES.get(details["state"], "{reason}"), reason=reason)
            if (wait := details["next_retry_seconds"]) is not None and wait >= 1:
                trouble = _("{trouble}; next try in {seconds:.0f} s", trouble=trouble, seconds=wait)
        elif details.get("another_schema"):
            trouble = _("another schema ({schema})", schema=details.get("schema"))
        return ("" if seconds is None else f"{number(seconds, decimals=1)} s", trouble)

    def _faults(self, width: int) -> Iterator[Text]:
        faults = find_broken(self.reading)
        if not faults:
            return
        yield Text(_("active faults"), style="bold")
        at = max(len(fault.where) for fault in faults) + 4
        for fault in faults:
            left = _("no lease")
            if fault.seconds_left is not None:
                left = _("{span} left", span=span(fault.seconds_left))
            where = Text(f"  {fault.where}".ljust(at), no_wrap=True)
            yield from _laid(where, [fault.what, left], width=width, at=at, style="red")

    def _legend(self, width: int) -> Iterator[str]:
        """What needs explaining among the signs that are shown."""
        known = [one.status for one in self.reading.nodes if one.status is not None]
        signs = []
        if self.keys or pending_obstacles({status["node"]: status for status in known}):
            signs.append(_("→ events pending to that branch, and how long the oldest has waited"))
        if any(one.status is None for one in self.reading.nodes):
            signs.append(_("? unknown"))
        if signs:
            yield " · ".join(signs)
        if self.charts is not None:
            yield self.charts.legend(width=chart_width(width))


def chart_width(width: int) -> int:
    """The columns of a link's chart on a screen of that width. A wide one keeps room beside it."""
    return max(8, width - _LINK_WIDTH - 1 - (_BESIDE if width >= _WIDE else 0))


def converged_words(reading: NetworkReading) -> str:
    """`converged (3 links broken)`: whether all agree, and what is broken meanwhile."""
    broken = count_broken(reading)
    return convergence_words(reading.converged) + (f" ({', '.join(broken)})" if broken else "")


def stock_words(stock: Mapping[str, int | None] | None) -> str:
    """Units available in the company as this node knows it, and those frozen or oversold beside them."""
    if not stock:
        return UNKNOWN
    frozen, oversold = stock.get("frozen") or 0, stock.get("oversold") or 0
    said = count_words(stock.get("available"))
    said += _(" + {n} frozen", n=frozen) if frozen > 0 else ""
    said += _(", {n} more gone than frozen", n=-frozen) if frozen < 0 else ""
    return said + (_(" + {n} oversold", n=oversold) if oversold else "")


def count_words(count: int | None) -> str:
    return UNKNOWN if count is None else str(count)


def _is_quiet(node: NodeReading, peer: str) -> bool:
    details = node.status["peers"].get(peer) if node.status else None
    return details is not None and details["state"] == "ok" and details["pending"] == 0


def _rows(text: str, width: int, *, style: str) -> Iterator[Text]:
    for row in textwrap.wrap(text, width):
        yield Text(row, style=style)


def _laid(line: Text, parts: list[str], *, width: int, at: int, style: str = "not bold") -> Iterator[Text]:
    """The line with the parts after it, from column `at` on. Parts that do not fit go on under themselves, or
    below the line where there is too little room beside it. Nothing is cut off."""
    length = len(" · ".join(parts))
    beside = width - at >= min(_ROOM, length)
    indent, room = (at, width - at) if beside else (_INDENT, width - _INDENT)
    rows = _wrapped(parts, max(room, _ROOM))
    if beside and rows:
        line.append(rows.pop(0), style=style)
    line.rstrip()
    yield line
    for row in rows:
        yield Text(" " * indent + row, style=style, no_wrap=True)


def _wrapped(parts: Sequence[str], width: int) -> list[str]:
    """The parts in rows, broken between them where each fits by itself; a number stays with its unit."""
    kept = [
        part.replace(" ", _TIED) if len(parts) > 1 and len(part) <= width else _UNIT.sub(_TIED, part)
        for part in parts
    ]
    rows = textwrap.wrap(" · ".join(kept), width, break_long_words=False, break_on_hyphens=False)
    return [row.replace(_TIED, " ") for row in rows]
