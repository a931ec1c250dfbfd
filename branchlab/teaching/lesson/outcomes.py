"""How the orders of a step ended, as facts."""

from collections import Counter
from collections.abc import Sequence

from branchlab.checking.operations import Placed
from branchlab.teaching.lesson import theory


def outcomes_of(placed: Sequence[Placed]) -> dict[str, object]:
    """How the orders ended: by status, in all, and the slowest answer."""
    statuses: Counter[str] = Counter()
    for one in placed:
        last = one.attempts[-1]
        status = "201" if last.order else str(last.refused.status) if last.refused else "unknown"
        statuses[status] += 1
    accepted = statuses["201"]
    return {
        **statuses,
        "409": statuses["409"],
        "ok": accepted,
        "sold": sum(line["quantity"] for one in placed if one.order for line in one.order["lines"]),
        "events": accepted * theory.EVENTS_PER_ORDER,
        "other": len(placed) - accepted - statuses["409"],
        "share_ok": round(100 * accepted / len(placed), 1),
        "slowest_ms": round(1000 * max(one.seconds for one in placed)),
    }
