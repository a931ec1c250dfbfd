"""The end of the demonstration in plain words."""

from collections.abc import Iterator, Sequence

from branchlab.teaching.demo.apart import STATE_IN
from branchlab.teaching.demo.story import DemoOutcome, Plan
from branchlab.teaching.demo.words import Words
from branchlab.teaching.replay.player import Played

_MOST_PROBLEMS = 10


def summary_lines(plan: Plan, outcome: DemoOutcome, words: Words) -> list[str]:
    """What went wrong, if anything; the verdict; and what happened, for somebody who did not look."""
    return [
        *(f"  {failure}" for failure in (*outcome.failures, *outcome.unjudged)),
        *(f"  {problem}" for problem in outcome.verdict.problems[:_MOST_PROBLEMS]),
        "",
        _verdict(outcome, words),
        "",
        *_story(plan, outcome, words),
        "",
    ]


def _verdict(outcome: DemoOutcome, words: Words) -> str:
    """The word stays VERDICT PASS, FAIL or UNKNOWN in every language; programs look for it."""
    verdict = outcome.verdict
    return words.verdict.format(
        result=outcome.result,
        acknowledged=words.number(verdict.acknowledged),
        lost=words.number(verdict.lost),
        duplicated=words.number(verdict.duplicated),
        oversold=words.number(verdict.oversold),
        allowed=words.as_allowed if verdict.oversold and verdict.may_oversell else "",
        others=words.by_others.format(orders=words.number(verdict.others)) if verdict.others else "",
        converged=words.converged[verdict.converged],
    )


def _story(plan: Plan, outcome: DemoOutcome, words: Words) -> Iterator[str]:
    absence = outcome.absence
    yield words.summary_apart.format(
        victim=plan.victim,
        seconds=words.number(absence.seconds, decimals=1),
        fault=words.state[STATE_IN[plan.fault]],
        orders=_count(absence.played, "accepted"),
        pending=words.unknown if absence.pending is None else words.number(absence.pending),
        expected=words.number(absence.expected),
    )
    extra = (absence.pending or 0) - absence.expected
    if extra > 0:
        yield words.summary_rights.format(extra=words.number(extra))
    if absence.drained_seconds is not None:
        yield words.summary_healed.format(seconds=words.number(absence.drained_seconds, decimals=1))
    yield words.summary_orders.format(
        total=words.number(len(outcome.played)),
        accepted=words.number(_count(outcome.played, "accepted")),
        money=words.money(_sold(outcome.played)),
        refused=words.number(_count(outcome.played, "refused")),
        unknown=words.number(_count(outcome.played, "unknown")),
    )
    endings = {0: words.all_well, 1: words.something_wrong, 2: words.not_all_checked}
    yield endings[outcome.exit_code]


def _count(played: Sequence[Played], outcome: str) -> int:
    return sum(one.placed.outcome == outcome for one in played)


def _sold(played: Sequence[Played]) -> int:
    return sum(one.placed.order["total_cents"] for one in played if one.placed.order is not None)
