"""What a replay tells: a table per branch, the reason of each refusal, the counts, the verdict."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from math import ceil
from typing import Any

from rich.markup import escape
from rich.table import Table

from branchlab.checking.verdict import Verdict
from branchlab.language import _, counted
from branchlab.nodes.outcome import Refused
from branchlab.teaching.replay.player import Played

_CONFLICT = 409
_MOST_LINES = 40  # of orders that were not accepted, on screen; the run log has them all


@dataclass(frozen=True)
class Summary:
    """The counts of one replay, by the names that `--json` gives them. `rejected` are the orders of the files
    that were not played; `seconds` is how long the others took; `converged` is null when not every node could
    be read."""

    orders: int
    rejected: int
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


def summarise(played: Sequence[Played], verdict: Verdict, *, seconds: float, rejected: int = 0) -> Summary:
    """How the orders of a replay ended, in numbers. `rejected` are those that were not even sent."""
    accepted = _with_outcome(played, "accepted")
    return Summary(
        orders=len(played),
        rejected=rejected,
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
        caption=_("p50, p95, p99: ms from an order's first request to its last answer"),
        caption_justify="left",
        box=None,
        padding=(0, 1, 0, 0),  # ten columns have to fit a terminal of 80
    )
    table.add_column(_("branch"))
    table.add_column(_("node"), no_wrap=True)
    for heading in (
        _("orders"),
        _("accepted"),
        _("1st try"),
        _("refused"),
        _("unknown"),
        "p50",
        "p95",
        "p99",
    ):
        table.add_column(heading, justify="right", no_wrap=True)
    for branch, node in mapping.items():
        own = [one for one in played if one.order.branch == branch]
        table.add_row(escape(branch), node, *_cells(own))
    if len(mapping) > 1:
        table.add_row(_("all"), "", *_cells(played), style="bold")
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


def ended_well(played: Iterable[Played]) -> list[str]:
    """One line for all refusals of orders that were accepted in the end, or none."""
    orders = [one for one in played if one.placed.outcome == "accepted" and one.placed.refusals]
    if not orders:
        return []
    counts = Counter(f"{refused.status} {refused.code}" for one in orders for refused in one.placed.refusals)
    told = ", ".join(f"{count} × {reason}" for reason, count in counts.most_common())
    return [
        _("{count} orders were refused at first and accepted later ({told})", count=len(orders), told=told)
    ]


def ended_badly(played: Iterable[Played]) -> list[str]:
    """One line for each order that was not accepted: where, after how many attempts, and the last answer."""
    lines = []
    for one in played:
        if one.placed.outcome != "accepted":
            count = len(one.placed.attempts)
            last = one.placed.attempts[-1]
            answer = (
                _reason(last.refused)
                if last.refused is not None
                else _("no answer ({unknown})", unknown=last.unknown)
            )
            attempts = counted("{n} attempt", "{n} attempts", count)
            lines.append(
                _(
                    "order {order} at {node}, {attempts}: {answer}",
                    order=one.order.order,
                    node=one.node,
                    attempts=attempts,
                    answer=answer,
                )
            )
    return lines


def shown_lines(lines: Sequence[str], log: str) -> list[str]:
    """The first of the lines, and where the rest is."""
    hidden = len(lines) - _MOST_LINES
    return [
        *lines[:_MOST_LINES],
        *([_("… and {hidden} more in {log}", hidden=hidden, log=log)] if hidden > 0 else []),
    ]


def _reason(refused: Refused) -> str:
    problem = refused.problem
    if refused.status == _CONFLICT and "sku" in problem:
        return _(
            "409 {code} {sku}: wanted {wanted}, here {here}, in the company {company}",
            code=refused.code,
            sku=problem["sku"],
            wanted=problem.get("wanted"),
            here=problem.get("available_here"),
            company=problem.get("available_company"),
        )
    return str(refused)


def _with_outcome(played: Iterable[Played], outcome: str) -> list[Played]:
    return [one for one in played if one.placed.outcome == outcome]
