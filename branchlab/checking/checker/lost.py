"""Every acknowledged order and cancellation is at every node, as it was promised."""

from collections.abc import Iterator, Mapping
from typing import Any

from branchlab.checking.checker.finding import Doubt, Finding
from branchlab.checking.evidence import Evidence
from branchlab.language import deferred
from branchlab.nodes.contract import Order

# What never changes after the 201.
_AS_PROMISED = ("number", "branch", "epoch", "lines", "total_cents", "created_at")


def lost_orders(evidence: Evidence) -> dict[str, Finding]:
    """Order id → what is wrong, for each acknowledged order that some node lacks or shows otherwise. An order
    lost at every node is one lost order. What is certain counts before what is in doubt."""
    lost: dict[str, Finding] = {}
    for order_id, words, doubts in _lost(evidence):
        if order_id not in lost or (lost[order_id].doubts and not doubts):
            lost[order_id] = Finding("lost", words, doubts)
    return lost


def _lost(evidence: Evidence) -> Iterator[tuple[str, str, tuple[Doubt, ...]]]:
    shown = {
        node: {order["id"]: order for order in read.orders} for node, read in evidence.complete().items()
    }
    cancelled = evidence.cancellations("ok")
    maybe_cancelled, uncancelled = evidence.cancellations("info"), evidence.uncancelled()
    gone = evidence.gone()
    for order_id, answers in evidence.acknowledged().items():
        if order_id in gone:
            continue
        promised: Order = answers[0].response
        name = deferred(
            "order {number} ({order_id}), acknowledged at {node},",
            number=promised["number"],
            order_id=order_id,
            node=answers[0].node,
        )
        for node, orders in shown.items():
            # Its own branch had it before it answered; to the others it may be on its way.
            late: tuple[Doubt, ...] = () if node == promised["branch"] else ("late",)
            order = orders.get(order_id)
            if order is None:
                yield order_id, deferred("{name} is missing at {node}", name=name, node=node), late
            elif altered := altered_field(promised, order):
                yield (
                    order_id,
                    deferred("{name} has another {altered} at {node}", name=name, altered=altered, node=node),
                    (),
                )
            elif order_id in cancelled - uncancelled and order["status"] != "cancelled":
                yield (
                    order_id,
                    deferred("{name} was cancelled, but is not at {node}", name=name, node=node),
                    late,
                )
            elif order_id not in cancelled | maybe_cancelled and order["status"] != promised["status"]:
                words = deferred(
                    "{name} is {status} at {node}, and nobody asked for that",
                    name=name,
                    status=order["status"],
                    node=node,
                )
                yield order_id, words, ("others",)


def altered_field(promised: Order, shown: Order) -> str | None:
    """The first field that differs from the client's answer. A customer's name may be edited later."""
    then: Mapping[str, Any] = promised
    now: Mapping[str, Any] = shown
    for name in _AS_PROMISED:
        if then[name] != now[name]:
            return name
    if any(promised["customer"][key] != shown["customer"][key] for key in ("id", "code")):
        return "customer"
    return None
