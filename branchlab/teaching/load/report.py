"""What a load test tells: a table of the requests by Locust's own figures, and what came of the orders."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from math import ceil
from typing import Any

from rich.table import Table

from branchlab.checking.runlog import Record
from branchlab.language import N_, _

RequestFigures = Mapping[str, Any]
"""One entry of Locust's `--json-file`: moments in seconds, `response_times` as {milliseconds: how many}."""

_ACTIONS = {
    "order": N_("orders"),
    "cancel": N_("cancellations"),
    "adjust": N_("stock adjustments"),
}


def requests_table(figures: Sequence[RequestFigures]) -> Table:
    """One row per kind of request, one per branch, and one for all; narrow enough for a terminal of 80
    columns."""
    seconds = _seconds_between(figures)
    table = Table(
        caption=_("p50, p95, p99: milliseconds from request to answer"),
        caption_justify="left",
        box=None,
        padding=(0, 1, 0, 0),
    )
    table.add_column(_("request"), no_wrap=True)
    for heading in (_("count"), _("failed"), _("per s"), "p50", "p95", "p99"):
        table.add_column(heading, justify="right", no_wrap=True)
    for (route, method), entries in _grouped(figures, lambda entry: (_split(entry)[1], entry["method"])):
        table.add_row(f"{method} {route}", *_cells(entries, seconds))
    for (branch,), entries in _grouped(figures, lambda entry: _split(entry)[:1]):
        table.add_row(_("at {branch}", branch=branch), *_cells(entries, seconds))
    table.add_row(_("all"), *_cells(figures, seconds), style="bold")
    return table


def _split(entry: RequestFigures) -> tuple[str, str]:
    """The branch and the route of an entry, which its name has both."""
    branch, _, route = entry["name"].partition(" ")
    return branch, route


def _grouped(
    figures: Sequence[RequestFigures], key_of: Callable[[RequestFigures], tuple[str, ...]]
) -> Iterator[tuple[tuple[str, ...], list[RequestFigures]]]:
    """Each key and its entries, by the order of the keys."""
    for key in sorted(set(map(key_of, figures))):
        yield key, [entry for entry in figures if key_of(entry) == key]


def _seconds_between(figures: Sequence[RequestFigures]) -> float:
    """From Locust's first moment to the last request; at least 1."""
    first = min((entry["start_time"] for entry in figures), default=0.0)
    last = max((entry["last_request_timestamp"] for entry in figures), default=0.0)
    return max(last - first, 1.0)


def _cells(figures: Iterable[RequestFigures], seconds: float) -> list[str]:
    count = failed = 0
    times: Counter[float] = Counter()
    for entry in figures:
        count += entry["num_requests"]
        failed += entry["num_failures"]
        for milliseconds, often in entry["response_times"].items():
            times[float(milliseconds)] += often
    return [
        str(count),
        str(failed),
        f"{count / seconds:.1f}",
        *(f"{percentile(times, percent):.0f}" if times else "–" for percent in (50, 95, 99)),
    ]


def percentile(times: Mapping[float, int], percent: float) -> float:
    """The smallest value that at least `percent` % of all do not exceed; `times` is value → how many."""
    rank = max(ceil(sum(times.values()) * percent / 100), 1)
    passed = 0
    for value in sorted(times):
        passed += times[value]
        if passed >= rank:
            return value
    raise ValueError("no percentile of nothing")


def tally_lines(records: Iterable[Record], *, after: int) -> list[str]:
    """What came of the requests with numbers above `after`: a line per kind of action."""
    actions: dict[int, str] = {}
    outcomes: dict[int, str] = {}
    repeated = 0
    for record in records:
        op = record.get("op", 0)
        if op <= after:
            continue
        kind = record["kind"]
        if kind == "op.invoke":
            actions[op] = record["action"]
            outcomes[op] = _("unknown")
            repeated += record["attempt"] > 1
        elif kind == "op.ok":
            outcomes[op] = _("accepted")
        elif kind == "op.fail":
            outcomes[op] = _("refused ({code})", code=record["code"])
    lines = []
    for action, words in _ACTIONS.items():
        counts = Counter(outcome for op, outcome in outcomes.items() if actions[op] == action)
        found = ", ".join(f"{count} {outcome}" for outcome, count in counts.most_common()) or _("none")
        again = (
            _("; {repeated} of them asked again with the same key", repeated=repeated)
            if action == "order"
            else ""
        )
        lines.append(f"{_(words)}: {found}{again}")
    return lines
