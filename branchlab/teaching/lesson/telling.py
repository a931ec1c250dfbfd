"""Says in a run log what arithmetic expects of a step, before it is seen."""

from collections.abc import Mapping

from branchlab.checking.runlog import RunLog
from branchlab.teaching.lesson import theory

Pair = tuple[str, str]
"""(sender, receiver)"""


def growth(
    log: RunLog, step: str, links: Mapping[Pair, theory.LinkModel], rate: float, seconds: float
) -> None:
    """How the events pending on these links grow while a branch sells at that rate."""
    for pair, link in links.items():
        grown = theory.backlog(rate, seconds, link)
        _tell(log, step, pair, start=0, per_second=grown / seconds, seconds=seconds)


def draining(log: RunLog, step: str, waiting: Mapping[Pair, tuple[int, theory.LinkModel]]) -> None:
    """How the events that wait on these links drain: backlog ÷ rate, where anything limits the rate."""
    for pair, (events, link) in waiting.items():
        lasts = theory.drain_seconds(float(events), link)
        slope = -events / lasts if lasts else None
        _tell(log, step, pair, start=events, per_second=slope, seconds=lasts or None)


def _tell(
    log: RunLog, step: str, pair: Pair, *, start: int, per_second: float | None, seconds: float | None
) -> None:
    log.told(
        "lesson.theory",
        step=step,
        sender=pair[0],
        receiver=pair[1],
        start=start,
        per_second=None if per_second is None else round(per_second, 3),
        seconds=None if seconds is None else round(seconds, 3),
    )
