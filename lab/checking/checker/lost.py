"""Every acknowledged order and cancellation is at every node, as it was promised."""

from collections.abc import Iterator, Mapping
from typing import Any

from lab.checking.evidence import Evidence
from lab.nodes.contract import Order

# What never changes after the 201.
_AS_PROMISED = ("number", "branch", "epoch", "lines", "total_cents", "created_at")


def lost_orders(evidence: Evidence) -> dict[str, str]:
    """Order id → what is wrong, for each acknowledged order that some node lacks or shows otherwise. An order
    lost at every node is one lost order."""
    lost: dict[str, str] = {}
    for order_id, words in _lost(evidence):
        lost.setdefault(order_id, words)
    return lost


def _lost(evidence: Evidence) -> Iterator[tuple[str, str]]:
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
        name = f"order {promised['number']} ({order_id}), acknowledged at {answers[0].node},"
        for node, orders in shown.items():
            order = orders.get(order_id)
            if order is None:
                yield order_id, f"{name} is missing at {node}"
            elif altered := altered_field(promised, order):
                yield order_id, f"{name} has another {altered} at {node}"
            elif order_id in cancelled - uncancelled and order["status"] != "cancelled":
                yield order_id, f"{name} was cancelled, but is not at {node}"
            elif order_id not in cancelled | maybe_cancelled and order["status"] != promised["status"]:
                yield order_id, f"{name} is {order['status']} at {node}, and nobody asked for that"


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
