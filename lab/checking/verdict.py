"""Judges a run by its run log alone: what clients were promised against what every node shows at the end."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from lab.checking.checker import authentic, converged, duplicated, monotone, oversold, rights, session
from lab.checking.checker.finding import Finding, Promise
from lab.checking.checker.lost import lost_orders
from lab.checking.evidence import Evidence, Units, collect
from lab.checking.runlog import Record

Result = Literal["PASS", "FAIL", "UNKNOWN"]
_EXIT_CODES: Mapping[Result, int] = {"PASS": 0, "FAIL": 1, "UNKNOWN": 2}
_CONVERGED = {True: "converged", False: "not converged", None: "convergence unknown"}


@dataclass(frozen=True)
class Verdict:
    """What the checks found. `converged` is null when not every node could be read.

    acknowledged   orders that some client was answered with
    unknown        requests that nobody could tell the outcome of; their orders may exist or not
    lost           acknowledged orders (or cancellations) that are missing or altered at any node
    duplicated     orders that exist more often than they were asked for
    oversold       units sold beyond what was there
    gone           orders that went with a lost disk and were declared at risk before: not counted as lost
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
    findings: tuple[Finding, ...] = ()
    unproven: tuple[str, ...] = ()
    promises: Mapping[Promise, Result | None] = field(default_factory=dict)

    @property
    def problems(self) -> tuple[str, ...]:
        """What is wrong and what nobody can say, in plain words."""
        return (*(finding.words for finding in self.findings), *self.unproven)

    @property
    def exit_code(self) -> int:
        return _EXIT_CODES[self.result]

    def as_record(self) -> dict[str, Any]:
        numbers = ("result", "acknowledged", "unknown", "lost", "duplicated", "oversold", "converged", "gone")
        return {
            **{name: getattr(self, name) for name in numbers},
            "problems": list(self.problems),
            "promises": dict(self.promises),
        }


def judge(records: Iterable[Record]) -> Verdict:
    """Runs every check over the records of one run log."""
    evidence = collect(records)
    unproven = [f"{node} was not read at the end of the run" for node in _unread(evidence)]
    if not evidence.nodes:
        unproven.append("the run log names no nodes")
    units = oversold.units_oversold(evidence)
    findings = tuple(_findings(evidence, units))
    broken = [finding.promise for finding in findings]
    looked_at: dict[Promise, bool | None] = {
        **dict.fromkeys(get_args(Promise), None if unproven else True),
        "monotone": monotone.was_looked_at(evidence),
        "session": session.was_looked_at(evidence),
    }
    if looked_at["monotone"] is None:
        unproven.append("a node that was sampled never said how far it was")
    if looked_at["session"] is None:
        unproven.append("no client's read was answered")
    return Verdict(
        result="FAIL" if findings else "UNKNOWN" if unproven else "PASS",
        acknowledged=len(evidence.acknowledged()),
        unknown=len(evidence.unresolved()),
        lost=broken.count("lost"),
        duplicated=broken.count("duplicated"),
        oversold=units.total(),
        converged=None if looked_at["converged"] is None else "converged" not in broken,
        gone=len(evidence.gone()),
        findings=findings,
        unproven=tuple(unproven),
        promises={name: _result(name in broken, looked) for name, looked in looked_at.items()},
    )


def _unread(evidence: Evidence) -> list[str]:
    complete = evidence.complete()
    return [node for node in evidence.nodes if node not in complete]


def _findings(evidence: Evidence, units: Units) -> Iterator[Finding]:
    yield from (Finding("lost", words) for words in lost_orders(evidence).values())
    yield from duplicated.check(evidence)
    yield from oversold.check(evidence, units)
    yield from authentic.check(evidence)
    yield from converged.check(evidence)
    yield from rights.check(evidence)
    yield from monotone.check(evidence)
    yield from session.check(evidence)


def _result(is_broken: bool, looked_at: bool | None) -> Result | None:
    if is_broken:
        return "FAIL"
    return "UNKNOWN" if looked_at is None else "PASS" if looked_at else None


def verdict_lines(verdict: Verdict, *, most: int = 10) -> list[str]:
    """The verdict in plain words: its first problems and the promises they break, then the word itself."""
    problems = [*(f"{one.promise}: {one.words}" for one in verdict.findings), *verdict.unproven]
    hidden = len(problems) - most
    gone = f", {verdict.gone} gone with a disk (declared at risk)" if verdict.gone else ""
    return [
        *(f"  {problem}" for problem in problems[:most]),
        *([f"  … and {hidden} more"] if hidden > 0 else []),
        f"VERDICT {verdict.result}: {verdict.acknowledged} acknowledged, {verdict.lost} lost{gone},"
        f" {verdict.duplicated} duplicated, {verdict.oversold} oversold, {_CONVERGED[verdict.converged]}",
    ]
