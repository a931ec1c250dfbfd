"""Readings of the network as tables for the terminal."""

from collections.abc import Mapping

from rich.table import Table

from lab.status import NetworkReading, NodeReading

UNKNOWN = "?"
_CONVERGED_WORDS = {
    True: "[green]converged[/]",
    False: "[yellow]not converged[/]",
    None: "convergence unknown",
}
_STATE_STYLES = {"running": "green", "paused": "yellow", "stopped": "red", "unreachable": "red"}


def reading_table(reading: NetworkReading) -> Table:
    """One row per node, and the word on convergence below; `?` is what is not known."""
    table = Table(caption=converged_words(reading.converged), caption_justify="left")
    for heading in ("node", "state", "ready", "orders", "pending", "oldest", "digest", "last error"):
        table.add_column(heading)
    for node in reading.nodes:
        table.add_row(*_cells(node))
    return table


def converged_words(converged: bool | None) -> str:
    return _CONVERGED_WORDS[converged]


def stock_words(stock: Mapping[str, int | None] | None) -> str:
    """Units available in the company as this node knows it, and those frozen beside them."""
    if not stock:
        return UNKNOWN
    words = count_words(stock.get("available"))
    return f"{words} + {stock['frozen']} frozen" if stock.get("frozen") else words


def state_words(node: NodeReading) -> str:
    return f"[{_STATE_STYLES[node.state]}]{node.state}[/]"


def _cells(node: NodeReading) -> list[str]:
    status = node.status
    ready = {True: "yes", False: "no", None: UNKNOWN}[node.ready]
    if status is None:
        return [node.name, state_words(node), ready, *[UNKNOWN] * 4, node.error or ""]
    pending = "\n".join(f"{peer} {count_words(count)}" for peer, count in status["pending"].items())
    oldest = "\n".join(seconds_words(peer["oldest_pending_seconds"]) for peer in status["peers"].values())
    errors = "\n".join(peer["last_error"] or "" for peer in status["peers"].values())
    orders = count_words(status["counts"].get("orders"))
    digest = (status["digest"] or UNKNOWN)[:8]
    return [node.name, state_words(node), ready, orders, pending, oldest, digest, errors]


def count_words(count: int | None) -> str:
    return UNKNOWN if count is None else str(count)


def seconds_words(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds:.1f} s"
