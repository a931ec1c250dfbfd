"""What a node of the small contract (docs/node-contract.md) leaves out, as the lab reads it.

Nothing that a node says is changed, and the lab's own nodes say all of it. A number that a node leaves out
becomes null (unknown), or follows from those that it gives.
"""

from collections.abc import Mapping
from typing import Any, cast

from branchlab.nodes.contract import Order, Status, Stock

_PEER = {
    **{"state": "ok", "pending": None, "oldest_pending_seconds": None, "acknowledged": None},
    **{"attempts": None, "next_retry_seconds": None, "last_success_at": None, "last_error": None},
}
_TOTALS = ("received", "returned", "sold", "removed")


def complete_status(answer: Any) -> Status:
    """The answer of `/status`, with what is left out: a node without a log of events has no epoch and no
    heads, and parks nothing."""
    if not isinstance(answer, Mapping) or "pending" not in answer:
        return cast(Status, answer)
    told: Mapping[str, Any] = answer.get("peers", {})
    peers = {
        name: {**_PEER, "pending": pending, **told.get(name, {})}
        for name, pending in answer["pending"].items()
    }
    left_out: dict[str, Any] = {
        **{"epoch": None, "policy": "own", "fenced": None, "sqlite": "", "counts": {}, "stock": {}},
        **{"heads": {}, "at_risk": None, "parked": 0, "alarms": {}},
    }
    return cast(Status, {**left_out, **answer, "peers": {**peers, **_beyond(told, peers)}})


def complete_order(answer: Any) -> Order:
    """An order, with what is left out: a node that does not know which peers store it names none."""
    if not isinstance(answer, Mapping):
        return cast(Order, answer)
    left_out: dict[str, Any] = {
        "epoch": "",
        "note": None,
        "version": 1,
        "stored_by": [],
        "possible_duplicates": [],
    }
    return cast(Order, {**left_out, **answer})


def complete_stock(answer: Any) -> Stock:
    """A product's stock. One that has totals and no rows gets one row of the whole company's."""
    if not isinstance(answer, Mapping) or "rows" in answer or "available" not in answer:
        return cast(Stock, answer)
    if not all(name in answer for name in _TOTALS):
        return cast(Stock, answer)
    totals = {name: answer[name] for name in _TOTALS}
    row = {
        **{"branch": "company", "epoch": "", **totals, "version": sum(totals.values())},
        **{"returned_frozen": 0, "recovered": 0, "written_off": 0, "granted": {}},
    }
    left_out: dict[str, Any] = {
        "id": answer.get("sku"),
        "frozen": 0,
        "oversold": 0,
        "here": answer["available"],
    }
    return cast(Stock, {**left_out, "deficits": [], **answer, "rows": [row]})


def _beyond(told: Mapping[str, Any], peers: Mapping[str, Any]) -> dict[str, Any]:
    """Peers that the node describes and counts nothing for."""
    return {name: {**_PEER, **said} for name, said in told.items() if name not in peers}
