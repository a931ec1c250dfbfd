"""Orders at the nodes that were never acknowledged, and which request each of them answers, if any."""

from collections.abc import Iterator
from dataclasses import dataclass

from branchlab.checking.evidence import Evidence, Operation
from branchlab.checking.reads import units_of
from branchlab.nodes.contract import Order
from branchlab.nodes.keys import same_key


@dataclass(frozen=True)
class Unasked:
    """An order too many. It `repeats` another order if a request asked for it, but was answered with another
    order or is explained already. Otherwise no request asked for it, or all that did were refused.

    One `by_others` is not the run's: it lacks the run's mark, or no request of an unmarked run asked for the
    like of it. With `marked`, it certainly is the run's."""

    order: Order
    repeats: bool
    by_others: bool = False
    marked: bool = False


def orders_by_others(evidence: Evidence) -> list[Order]:
    """The orders that somebody else placed during the run."""
    return [unasked.order for unasked in unasked_orders(evidence) if unasked.by_others]


def unasked_orders(evidence: Evidence) -> Iterator[Unasked]:
    """Orders that were not acknowledged and cannot be the outcome of a request whose outcome is unknown."""
    marks = evidence.marks()
    known = evidence.acknowledged().keys() | evidence.ids_before()
    candidates = [*evidence.unresolved(), *_asked_again(evidence)]
    requests = [operation for operation in evidence.operations if operation.action == "order"]
    asked = [request for request in requests if request.outcome != "fail"]
    for order_id, order in sorted(evidence.final_orders().items()):
        if order_id in known:
            continue
        match = next((candidate for candidate in candidates if answers(order, candidate)), None)
        if match is None:
            marked = bool(marks) and order["note"] in marks
            named = marked if marks else any(answers(order, request) for request in requests)
            yield Unasked(
                order,
                repeats=any(answers(order, request) for request in asked),
                by_others=not named and not evidence.alone,
                marked=marked,
            )
        else:
            candidates.remove(match)


def _asked_again(evidence: Evidence) -> Iterator[Operation]:
    """Requests that were sent both before and after their branch lost its disk, and the keys with it. A
    peer's copy of the first order may have come back later than the second request."""
    last: dict[tuple[str, str], Operation] = {}
    for operation in evidence.operations:
        if operation.action != "order" or operation.key is None:
            continue
        earlier = last.get((operation.node, operation.key))
        if earlier is not None and parted_by_a_loss(evidence, earlier, operation):
            yield earlier
        last[operation.node, operation.key] = operation


def parted_by_a_loss(evidence: Evidence, one: Operation, other: Operation) -> bool:
    """Whether the branch of both requests lost its disk between their beginnings."""
    first, second = sorted((one.began, other.began))
    return one.node == other.node and any(
        first < at < second for at in evidence.disk_events.get(one.node, ())
    )


def answers(order: Order, request: Operation) -> bool:
    """Whether the order may be what the request asked for."""
    customer = order["customer"]
    return (
        order["branch"] == request.node
        and same_key(request.request["customer"]) in (customer["id"], same_key(customer["code"]))
        and units_of(order["lines"]) == units_of(request.request["lines"])
        and (request.request.get("note") is None or request.request["note"] == order["note"])
    )
