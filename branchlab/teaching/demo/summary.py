"""The end of the demonstration in plain words."""

from collections.abc import Iterator, Sequence

from branchlab.language import N_, _, money, number, shown
from branchlab.networks.drivers import STATE_WORDS
from branchlab.networks.words import convergence_words
from branchlab.teaching.demo.apart import STATE_IN
from branchlab.teaching.demo.screen import UNKNOWN
from branchlab.teaching.demo.story import DemoOutcome, Plan
from branchlab.teaching.replay.player import Played

_MOST_PROBLEMS = 10
_ENDINGS = {
    0: N_(
        "No acknowledged order was lost or doubled, nothing was oversold, and all nodes show the same"
        " orders and the same stock."
    ),
    1: N_("Something went wrong: see the lines above and the run log."),
    2: N_("Not everything could be checked: see the lines above and the run log."),
}


def summary_lines(plan: Plan, outcome: DemoOutcome) -> list[str]:
    """What went wrong, if anything; the verdict; and what happened, for somebody who did not look."""
    return [
        *(f"  {failure}" for failure in (*outcome.failures, *outcome.unjudged)),
        *(f"  {shown(problem)}" for problem in outcome.verdict.problems[:_MOST_PROBLEMS]),
        "",
        _verdict(outcome),
        "",
        *_story(plan, outcome),
        "",
    ]


def _verdict(outcome: DemoOutcome) -> str:
    """The word stays VERDICT PASS, FAIL or UNKNOWN in every language; programs look for it."""
    verdict = outcome.verdict
    return _(
        "VERDICT {result}: {acknowledged:,} orders acknowledged, {lost:,} lost, {duplicated:,} duplicated,"
        " {oversold:,} units oversold{allowed}{others}; {converged}",
        result=outcome.result,
        acknowledged=verdict.acknowledged,
        lost=verdict.lost,
        duplicated=verdict.duplicated,
        oversold=verdict.oversold,
        allowed=_(" as this policy allows") if verdict.oversold and verdict.may_oversell else "",
        others=_(", {orders:,} by somebody else", orders=verdict.others) if verdict.others else "",
        converged=convergence_words(verdict.converged),
    )


def _story(plan: Plan, outcome: DemoOutcome) -> Iterator[str]:
    absence = outcome.absence
    yield _(
        "{victim} was cut off for {seconds:,.1f} s ({fault}). Meanwhile the other branches sold {orders}"
        " orders, and {pending} events were pending to it; the orders wrote {expected:,}.",
        victim=plan.victim,
        seconds=absence.seconds,
        fault=_(STATE_WORDS[STATE_IN[plan.fault]]),
        orders=_count(absence.played, "accepted"),
        pending=_(UNKNOWN) if absence.pending is None else number(absence.pending, grouped=True),
        expected=absence.expected,
    )
    extra = (absence.pending or 0) - absence.expected
    if extra > 0:
        yield _(
            "The other {extra:,} are stock rights that the branches moved among themselves meanwhile.",
            extra=extra,
        )
    if absence.drained_seconds is not None:
        yield _(
            "Once back it got all of them in {seconds:,.1f} s, without any manual step.",
            seconds=absence.drained_seconds,
        )
    yield _(
        "Of {total:,} orders {accepted:,} were acknowledged ({money}), {refused:,} refused and"
        " {unknown:,} left without an answer.",
        total=len(outcome.played),
        accepted=_count(outcome.played, "accepted"),
        money=money(_sold(outcome.played)),
        refused=_count(outcome.played, "refused"),
        unknown=_count(outcome.played, "unknown"),
    )
    yield _(_ENDINGS[outcome.exit_code])


def _count(played: Sequence[Played], outcome: str) -> int:
    return sum(one.placed.outcome == outcome for one in played)


def _sold(played: Sequence[Played]) -> int:
    return sum(one.placed.order["total_cents"] for one in played if one.placed.order is not None)
