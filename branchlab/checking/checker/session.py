"""A client reads at a branch what that branch answered before: its own writes, and nothing older than its
last read.

A session ends with the disk of its branch. What that disk had comes back when the peers that store it are
reached, or never, if it was at risk.
"""

from collections import defaultdict
from collections.abc import Iterator

from branchlab.checking.checker.finding import Finding
from branchlab.checking.checker.lost import altered_field
from branchlab.checking.evidence import Evidence, Operation
from branchlab.language import deferred

_MISSING = "not_found"


def check(evidence: Evidence) -> Iterator[Finding]:
    """Reads of an order that contradict an earlier answer of the same branch."""
    said: dict[tuple[str, str], list[Operation]] = defaultdict(list)
    for operation in evidence.operations:
        if operation.outcome == "ok" and (order_id := _order_id(operation)) is not None:
            said[operation.node, order_id].append(operation)
    for read in evidence.operations:
        if read.action == "read" and (read.outcome == "ok" or read.code == _MISSING):
            earlier = [
                one
                for one in said[read.node, read.request["order"]]
                if one.ended is not None and one.ended < read.began and not _parted(evidence, one, read)
            ]
            if (words := _contradiction(read, earlier)) is not None:
                yield Finding("session", deferred("{node} {words}", node=read.node, words=words))


def was_looked_at(evidence: Evidence) -> bool | None:
    """Whether clients read orders; None when none of their reads was answered."""
    reads = [operation for operation in evidence.operations if operation.action == "read"]
    if not reads:
        return False
    return True if any(read.outcome == "ok" or read.code == _MISSING for read in reads) else None


def _order_id(operation: Operation) -> str | None:
    if operation.action == "order":
        return str(operation.response["id"])
    return operation.request["order"] if operation.action in ("cancel", "read") else None


def _parted(evidence: Evidence, earlier: Operation, read: Operation) -> bool:
    """Whether something happened to the branch's disk since then, or during the read."""
    end = read.began if read.ended is None else read.ended
    return any(earlier.began < at < end for at in evidence.disk_events.get(read.node, ()))


def _contradiction(read: Operation, earlier: list[Operation]) -> str | None:
    if not earlier:
        return None
    name = deferred("order {order}", order=read.request["order"])
    if read.outcome != "ok":
        return deferred("does not know {name}, of which it had told a client", name=name)
    now = read.response
    for one in earlier:
        if one.action == "cancel" and now["status"] != "cancelled":
            return deferred(
                "shows {name} as {status} after it had acknowledged its cancellation",
                name=name,
                status=now["status"],
            )
        if one.action in ("order", "read"):
            if altered := altered_field(one.response, now):
                return deferred("shows {name} with another {field} than before", name=name, field=altered)
            if now["version"] < one.response["version"]:
                return deferred(
                    "shows {name} in version {version}, and had shown {earlier}",
                    name=name,
                    version=now["version"],
                    earlier=one.response["version"],
                )
    return None
