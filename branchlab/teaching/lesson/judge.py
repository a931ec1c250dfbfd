"""Whether what was observed is what should be seen. Pure: facts in, findings out."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from branchlab.language import deferred
from branchlab.teaching.lesson.model import Expectation

Facts = Mapping[str, Any]
"""STEP.FACT → what was observed"""
_SHOWN = 12  # characters
_SLACK = 4.0  # two orders: one is on its way, one is being written, when the nodes are asked


@dataclass(frozen=True)
class Finding:
    """One expectation and what came of it. `holds` is None where the fact was not there to be judged."""

    that: str
    expected: str
    observed: Any
    holds: bool | None

    def as_record(self) -> dict[str, Any]:
        """For the run log."""
        return {"that": self.that, "expected": self.expected, "observed": self.observed, "holds": self.holds}

    def line(self) -> str:
        """The fact, what it should be, and what it was."""
        return deferred(
            "{that} should be {expected}, was {observed}",
            that=self.that,
            expected=self.expected,
            observed=shown(self.observed),
        )


def judge(expectation: Expectation, facts: Facts) -> Finding:
    """Holds one expectation against the facts."""
    observed = facts.get(expectation.that)
    expected = _words(expectation, facts)
    if observed is None:
        return Finding(expectation.that, expected, None, None)
    return Finding(expectation.that, expected, observed, _holds(expectation, observed, facts))


def _holds(expectation: Expectation, observed: Any, facts: Facts) -> bool | None:
    if expectation.equals is not None:
        return bool(observed == value_of(expectation.equals, facts))
    if not isinstance(observed, int | float):
        return None
    holds = True
    for bound, ways in ((expectation.about, "±"), (expectation.least, "-"), (expectation.most, "+")):
        if bound is None:
            continue
        value = value_of(bound, facts)
        if not isinstance(value, int | float):
            return None
        is_about = bound is expectation.about and ways == "±"
        slack = _slack(bound, value, expectation.within, always=is_about)
        holds = (
            holds
            and (ways == "+" or observed >= value - slack)
            and (ways == "-" or observed <= value + slack)
        )
    return holds


def _slack(bound: str | float | int, value: float, within: str, *, always: bool) -> float:
    """How far it may be from a bound: not at all from a number that only bounds."""
    share = int(within.rstrip("%")) / 100
    return max(_SLACK, share * abs(value)) if always or isinstance(bound, str) else 0.0


def value_of(said: str | float | int, facts: Facts) -> Any:
    """A number as it is; the fact of that name; else the word itself."""
    return facts.get(said, said) if isinstance(said, str) else said


def _words(expectation: Expectation, facts: Facts) -> str:
    if expectation.equals is not None:
        return shown(value_of(expectation.equals, facts))
    if expectation.about is not None:
        return f"about {shown(value_of(expectation.about, facts))} (±{expectation.within})"
    parts = [
        f"{words} {shown(value_of(bound, facts))}" + (f" (±{expectation.within})" * isinstance(bound, str))
        for words, bound in (("at least", expectation.least), ("at most", expectation.most))
        if bound is not None
    ]
    return " and ".join(parts)


def shown(value: Any) -> str:
    """A value in few characters; of a digest its beginning."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)[:_SHOWN]
