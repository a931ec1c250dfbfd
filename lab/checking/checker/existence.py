"""Which orders at the nodes nobody was told of, and which request each of them answers, if any."""

from collections.abc import Iterator
from dataclasses import dataclass

from lab.checking.evidence import Evidence, Operation, units_of
from lab.nodes.contract import Order
from lab.nodes.keys import same_key


@dataclass(frozen=True)
class Unasked:
    """An order too many. It `repeats` another when a request asked for just that, but was answered otherwise
    or is explained already; else nobody ever asked for it, or whoever did was refused."""

    order: Order
    repeats: bool


def unasked_orders(evidence: Evidence) -> Iterator[Unasked]:
    """Orders that neither were acknowledged nor can be the outcome of a request whose outcome is unknown."""
    known = evidence.acknowledged().keys() | evidence.ids_before()
    candidates = [*evidence.unresolved(), *_asked_again(evidence)]
    asked = [op for op in evidence.operations if op.action == "order" and op.outcome != "fail"]
    for order_id, order in sorted(evidence.final_orders().items()):
        if order_id in known:
            continue
        match = next((candidate for candidate in candidates if answers(order, candidate)), None)
        if match is None:
            yield Unasked(order, repeats=any(answers(order, request) for request in asked))
        else:
            candidates.remove(match)


def _asked_again(evidence: Evidence) -> Iterator[Operation]:
    """Requests that were asked both before and after their branch lost its disk, and the keys with it: what a
    peer had of the first one may have come back later than the second one was asked."""
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
    )
