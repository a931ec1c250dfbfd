"""Judges a run by its run log alone: what clients were promised against what every node shows at the end."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from branchlab.checking.checker import authentic, converged, duplicated, monotone, oversold, rights, session
from branchlab.checking.checker.existence import orders_by_others
from branchlab.checking.checker.finding import Doubt, Finding, Promise
from branchlab.checking.checker.lost import lost_orders
from branchlab.checking.evidence import Evidence, collect
from branchlab.checking.reads import Units
from branchlab.checking.runlog import Record
from branchlab.language import _, deferred, shown
from branchlab.networks.words import convergence_words

Result = Literal["PASS", "FAIL", "UNKNOWN"]
EXIT_CODES: Mapping[Result, int] = {"PASS": 0, "FAIL": 1, "UNKNOWN": 2}
_FROM_BAD_TO_GOOD: Sequence[Result] = ("FAIL", "UNKNOWN", "PASS")


@dataclass(frozen=True)
class Verdict:
    """What the checks found. `converged` is null when not every node could be read.

    acknowledged   orders that some client was answered with
    unknown        requests that nobody could tell the outcome of; their orders may exist or not
    lost           acknowledged orders (or cancellations) that are missing or altered at any node
    duplicated     orders that exist more often than they were asked for
    oversold       units sold beyond what was there
    gone           orders that went with a lost disk and were declared at risk before: not counted as lost
    others         orders that somebody else placed during the run
    may_oversell   whether the network's policy allows units to be sold too often
    findings       what is wrong
    unproven       what nobody can say, in plain words
    promises       the result for each promise; null for one that the run did not put to the test
    """

    result: Result
    acknowledged: int
    unknown: int
    lost: int
    duplicated: int
    oversold: int
    converged: bool | None
    gone: int = 0
    others: int = 0
    may_oversell: bool = False
    findings: tuple[Finding, ...] = ()
    unproven: tuple[str, ...] = ()
    promises: Mapping[Promise, Result | None] = field(default_factory=dict)

    @property
    def problems(self) -> tuple[str, ...]:
        """What is wrong and what nobody can say, in plain words."""
        return (*(finding.words for finding in self.findings), *self.unproven)

    @property
    def exit_code(self) -> int:
        return EXIT_CODES[self.result]

    def as_record(self) -> dict[str, Any]:
        numbers = ("acknowledged", "unknown", "lost", "duplicated", "oversold", "converged", "gone", "others")
        return {
            "result": self.result,
            **{name: getattr(self, name) for name in numbers},
            "problems": list(self.problems),
            "promises": dict(self.promises),
        }


def worst(*results: Result) -> Result:
    """FAIL where one is that, else UNKNOWN where one is that."""
    return min(results, key=_FROM_BAD_TO_GOOD.index)


def judge(records: Iterable[Record]) -> Verdict:
    """Runs every check over the records of one run log."""
    evidence = collect(records)
    unproven: list[str] = [
        deferred("{node} was not read at the end of the run", node=node) for node in _unread(evidence)
    ]
    if not evidence.nodes:
        unproven.append(deferred("the run log names no nodes"))
    units = oversold.units_oversold(evidence)
    found = tuple(_findings(evidence, units))
    findings = tuple(finding for finding in found if not _doubts(evidence, finding))
    doubted = [finding for finding in found if _doubts(evidence, finding)]
    broken = [finding.promise for finding in findings]
    by_others = len(orders_by_others(evidence))
    looked_at: dict[Promise, bool | None] = {
        **dict.fromkeys(get_args(Promise), None if unproven else True),
        "monotone": monotone.was_looked_at(evidence),
        "session": session.was_looked_at(evidence),
    }
    if looked_at["monotone"] is None:
        unproven.append(deferred("a node that was sampled never said how far it was"))
    if looked_at["session"] is None:
        unproven.append(deferred("no client's read was answered"))
    unproven += _doubted_words(evidence, doubted)
    looked_at.update(dict.fromkeys((finding.promise for finding in doubted), None))
    if by_others:
        looked_at["authentic"] = None
        unproven.append(
            deferred(
                "orders by somebody else during the run: {by_others}; whether a client asked for them,"
                " nobody can say",
                by_others=by_others,
            )
        )
    acknowledged = len(evidence.acknowledged())
    if not acknowledged:
        unproven.append(deferred("no order was acknowledged, so nothing was judged"))
    return Verdict(
        result="FAIL" if findings else "UNKNOWN" if unproven else "PASS",
        acknowledged=acknowledged,
        unknown=len(evidence.unresolved()),
        lost=broken.count("lost"),
        duplicated=broken.count("duplicated"),
        oversold=units.total(),
        converged=None if looked_at["converged"] is None else "converged" not in broken,
        gone=len(evidence.gone()),
        others=by_others,
        may_oversell=evidence.may_oversell,
        findings=findings,
        unproven=tuple(unproven),
        promises={name: _result(name in broken, looked) for name, looked in looked_at.items()},
    )


def _unread(evidence: Evidence) -> list[str]:
    complete = evidence.complete()
    return [node for node in evidence.nodes if node not in complete]


def _findings(evidence: Evidence, units: Units) -> Iterator[Finding]:
    yield from lost_orders(evidence).values()
    yield from duplicated.check(evidence)
    yield from oversold.check(evidence, units)
    yield from authentic.check(evidence)
    yield from converged.check(evidence)
    yield from rights.check(evidence)
    yield from monotone.check(evidence)
    yield from session.check(evidence)


def _doubts(evidence: Evidence, finding: Finding) -> list[Doubt]:
    """Those doubts about a finding that its run does not rule out."""
    there: dict[Doubt, bool] = {"late": evidence.late is not None, "others": not evidence.alone}
    return [doubt for doubt in finding.doubts if there[doubt]]


def _doubted_words(evidence: Evidence, doubted: Sequence[Finding]) -> Iterator[str]:
    """What may be wrong, and what else would explain it."""
    for finding in doubted:
        is_late = "late" in _doubts(evidence, finding)
        why = (
            deferred("the nodes were read too early: {late}", late=evidence.late)
            if is_late
            else deferred("somebody else may have done it")
        )
        yield deferred("{promise}: {words}, but {why}", promise=finding.promise, words=finding.words, why=why)


def _result(is_broken: bool, looked_at: bool | None) -> Result | None:
    if is_broken:
        return "FAIL"
    return "UNKNOWN" if looked_at is None else "PASS" if looked_at else None


def verdict_lines(verdict: Verdict, *, most: int = 10) -> list[str]:
    """The verdict in plain words: its first problems and the promises they break, then the word itself."""
    problems = [*(f"{one.promise}: {shown(one.words)}" for one in verdict.findings), *verdict.unproven]
    hidden = len(problems) - most
    gone = _(", {gone} gone with a disk (declared at risk)", gone=verdict.gone) if verdict.gone else ""
    allowed = _(" as this policy allows") if verdict.oversold and verdict.may_oversell else ""
    others = _(", {others} by somebody else", others=verdict.others) if verdict.others else ""
    return [
        *(f"  {shown(problem)}" for problem in problems[:most]),
        *([_("  … and {hidden} more", hidden=hidden)] if hidden > 0 else []),
        _(
            "VERDICT {result}: {acknowledged} acknowledged, {lost} lost{gone}, {duplicated}"
            " duplicated, {oversold} oversold{allowed}{others}, {converged}",
            result=verdict.result,
            acknowledged=verdict.acknowledged,
            lost=verdict.lost,
            gone=gone,
            duplicated=verdict.duplicated,
            oversold=verdict.oversold,
            allowed=allowed,
            others=others,
            converged=convergence_words(verdict.converged),
        ),
    ]
