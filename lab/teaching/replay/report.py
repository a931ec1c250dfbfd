"""What a replay tells: a table per branch, the reason of each refusal, the counts, the verdict."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from math import ceil
from typing import Any

from rich.markup import escape
from rich.table import Table

from lab.checking.verdict import Verdict
from lab.nodes.outcome import Refused
from lab.teaching.replay.player import Played

_CONFLICT = 409
_MOST_REASONS = 40  # lines of refusals on screen; the run log has them all


@dataclass(frozen=True)
class Summary:
    """The counts of one replay, by the names that `--json` gives them. `seconds` is how long the orders took;
    `converged` is null when not every node could be read."""

    orders: int
    accepted: int
    accepted_first_try: int
    refused: int
    unknown: int
    retries: int
    repriced: int
    lost: int
    duplicated: int
    oversold: int
    converged: bool | None
    seconds: float

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def summarise(played: Sequence[Played], verdict: Verdict, *, seconds: float) -> Summary:
    accepted = _with_outcome(played, "accepted")
    return Summary(
        orders=len(played),
        accepted=len(accepted),
        accepted_first_try=sum(len(one.placed.attempts) == 1 for one in accepted),
        refused=len(_with_outcome(played, "refused")),
        unknown=len(_with_outcome(played, "unknown")),
        retries=sum(len(one.placed.attempts) - 1 for one in played),
        repriced=sum(one.repriced for one in played),
        lost=verdict.lost,
        duplicated=verdict.duplicated,
        oversold=verdict.oversold,
        converged=verdict.converged,
        seconds=round(seconds, 3),
    )


def branch_table(played: Sequence[Played], mapping: Mapping[str, str]) -> Table:
    """One row per branch; latencies run from an order's first request to its last answer, pauses included."""
    table = Table(
        caption="p50, p95, p99: ms from an order's first request to its last answer",
        caption_justify="left",
        box=None,
        padding=(0, 1, 0, 0),  # ten columns have to fit a terminal of 80
    )
    table.add_column("branch")
    table.add_column("node", no_wrap=True)
    for heading in ("orders", "accepted", "1st try", "refused", "unknown", "p50", "p95", "p99"):
        table.add_column(heading, justify="right", no_wrap=True)
    for branch, node in mapping.items():
        own = [one for one in played if one.order.branch == branch]
        table.add_row(escape(branch), node, *_cells(own))
    if len(mapping) > 1:
        table.add_row("all", "", *_cells(played), style="bold")
    return table


def _cells(played: Sequence[Played]) -> list[str]:
    accepted = _with_outcome(played, "accepted")
    counts = (
        len(played),
        len(accepted),
        sum(len(one.placed.attempts) == 1 for one in accepted),
        len(_with_outcome(played, "refused")),
        len(_with_outcome(played, "unknown")),
    )
    milliseconds = [one.placed.seconds * 1000 for one in played]
    return [
        *(str(count) for count in counts),
        *(f"{percentile(milliseconds, percent):.0f}" if milliseconds else "–" for percent in (50, 95, 99)),
    ]


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that at least `percent` % of `values` (not empty) do not exceed."""
    ordered = sorted(values)
    return ordered[max(ceil(len(ordered) * percent / 100), 1) - 1]


def reasons(played: Iterable[Played]) -> list[str]:
    """One line for each refusal: which order, where, at which attempt, and what the node said."""
    lines = []
    for one in played:
        for number, attempt in enumerate(one.placed.attempts, start=1):
            if attempt.refused is not None:
                place = f"order {one.order.order} at {one.node}, attempt {number}"
                lines.append(f"{place}: {_reason(attempt.refused)}")
    return lines


def shown_reasons(lines: Sequence[str], log: str) -> list[str]:
    """The first of the reasons, and where the rest is."""
    hidden = len(lines) - _MOST_REASONS
    return [*lines[:_MOST_REASONS], *([f"… and {hidden} more in {log}"] if hidden > 0 else [])]


def _reason(refused: Refused) -> str:
    problem = refused.problem
    if refused.status == _CONFLICT and "sku" in problem:
        return (
            f"409 {refused.code} {problem['sku']}: wanted {problem.get('wanted')}, here"
            f" {problem.get('available_here')}, in the company {problem.get('available_company')}"
        )
    return str(refused)


def _with_outcome(played: Iterable[Played], outcome: str) -> list[Played]:
    return [one for one in played if one.placed.outcome == outcome]
