"""Readings of the network as text for the terminal: one heading per node, one line per link below it."""

from collections.abc import Callable, Iterator, Mapping

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from lab.networks.status import NetworkReading, NodeReading
from lab.nodes.convergence import decommissioned

UNKNOWN = "?"
_STATE_STYLES = {"running": "green", "paused": "yellow", "stopped": "red", "unreachable": "red"}
_NAME_WIDTH = 16
_STATE_WIDTH = 12

Charts = Callable[[str, str], str]
"""NODE, PEER → a small chart of what was pending on that link."""


def network_view(
    reading: NetworkReading, *, charts: Charts | None = None, silent: Mapping[str, float] | None = None
) -> RenderableType:
    """Every node with its links, and a line on convergence; `?` is an unknown value.

    `silent` has the nodes that give no status, each with the seconds since its last one.
    """
    parts: list[RenderableType] = []
    gone = decommissioned(reading.statuses)
    members = [node for node in reading.nodes if node.name not in gone]
    for node in members:
        peers = [other.name for other in members if other.name != node.name]
        parts += [_heading(node, (silent or {}).get(node.name)), _links(node, peers, charts)]
    parts += [Text(f"{name:<{_NAME_WIDTH}}decommissioned", style="dim") for name in gone]
    return Group(*parts, Text.from_markup(converged_words(reading.converged)))


def converged_words(converged: bool | None) -> str:
    words = {True: "[green]converged[/]", False: "[yellow]not converged[/]"}
    return "convergence unknown" if converged is None else words[converged]


def _heading(node: NodeReading, silent_seconds: float | None) -> Text:
    heading = Text(f"{node.name:<{_NAME_WIDTH}}", style="bold")
    heading.append(f"{node.state:<{_STATE_WIDTH}}", style=_STATE_STYLES[node.state])
    heading.append(" · ".join(_facts(node, silent_seconds)), style="not bold")
    return heading


def _facts(node: NodeReading, silent_seconds: float | None) -> Iterator[str]:
    if node.ready is False:
        yield "not ready"
    status = node.status
    if status is None:
        seen = "nothing known" if silent_seconds is None else f"last seen {silent_seconds:.0f} s ago"
        yield seen if node.error in (None, node.state) else f"{seen} ({node.error})"
        return
    yield f"orders {count_words(status['counts'].get('orders'))}"
    yield f"stock {stock_words(status['stock'])}"
    yield f"digest {(status['digest'] or UNKNOWN)[:8]}"
    if status["parked"] != 0:
        yield f"parked {count_words(status['parked'])}"
    if altered := status.get("altered"):
        yield f"altered {count_words(len(altered))}"


def _links(node: NodeReading, peers: list[str], charts: Charts | None) -> Table:
    # The last column takes what is left of the screen, so that a long trouble cuts neither names nor charts.
    links = Table.grid(padding=(0, 1), expand=True)
    links.add_column(width=_NAME_WIDTH + 2, no_wrap=True)
    links.add_column(width=7, justify="right", no_wrap=True)
    if charts is not None:
        links.add_column(no_wrap=True)
    links.add_column(width=9, justify="right", no_wrap=True)
    links.add_column(overflow="ellipsis", no_wrap=True, ratio=1)
    for peer in peers:
        pending = count_words(node.status["pending"].get(peer) if node.status else None)
        drawn = [] if charts is None else [charts(node.name, peer)]
        links.add_row(f"  → {peer}", pending, *drawn, *_delay_and_trouble(node, peer))
    return links


def _delay_and_trouble(node: NodeReading, peer: str) -> tuple[str, str]:
    """How long the oldest event has waited, and the link's problem, if any."""
    details = node.status["peers"].get(peer) if node.status else None
    if details is None:
        return ("", "")
    seconds = details["oldest_pending_seconds"]
    trouble = details["last_error"] or "no reason known"
    if details["state"] != "ok":
        words = f"{details['state']}: {trouble}"
    else:
        words = f"another schema ({details['schema']})" if details.get("another_schema") else ""
    return "" if seconds is None else f"{seconds:.1f} s", words


def stock_words(stock: Mapping[str, int | None] | None) -> str:
    """Units available in the company as this node knows it, and those frozen or oversold beside them."""
    if not stock:
        return UNKNOWN
    others = [f"{stock[name]} {name}" for name in ("frozen", "oversold") if stock.get(name)]
    return " + ".join([count_words(stock.get("available")), *others])


def count_words(count: int | None) -> str:
    return UNKNOWN if count is None else str(count)
