"""The observed curve of a prediction, out of a run log."""

from collections.abc import Iterable

from branchlab.checking.runlog import Record

Curve = list[tuple[float, float]]


def of_pending(records: Iterable[Record], fact: str) -> Curve:
    """(seconds since the step began, pending events) for `STEP.pending.SENDER.RECEIVER`; empty for another
    fact."""
    step, what, *link = fact.split(".")
    if what != "pending" or len(link) != 2:
        return []
    began: float | None = None
    points: Curve = []
    for record in records:
        at = record["at_ns"] / 1e9
        if record["kind"] == "lesson.step":
            if began is not None:
                break
            began = at if record.get("name") == step else None
        elif began is not None and record["kind"] == "sample" and record["node"] == link[0]:
            status = record["status"] or {"pending": {}}
            if (count := status["pending"].get(link[1])) is not None:
                points.append((round(at - began, 2), float(count)))
    return points
