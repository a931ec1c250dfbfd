"""Nodes that say less than the lab's own: what they leave out, and when nothing of theirs changes more."""

import asyncio
from typing import Any

import httpx

from branchlab.checking.checker import monotone
from branchlab.checking.evidence import collect
from branchlab.nodes.client import NodeClient
from branchlab.nodes.complete import complete_order, complete_status, complete_stock
from branchlab.nodes.contract import Status
from branchlab.nodes.convergence import has_moved, is_converged, obstacles, wait_converged
from branchlab.nodes.settling import Settling

ORDER = {"id": "o", "number": "M-1", "branch": "matriz"}


def told(node: str = "matriz", *, digest: str = "d", pending: int = 0, **others: Any) -> Status:
    """The `/status` of a small node with one peer."""
    peer = "norte" if node == "matriz" else "matriz"
    said = {"node": node, "ready": True, "digest": digest, "pending": {peer: pending}}
    return complete_status({**said, **others})


def test_what_a_node_says_is_left_as_it_is() -> None:
    order = {**ORDER, "epoch": "e", "note": "n", "version": 2, "stored_by": ["x"], "possible_duplicates": []}
    stock = {"sku": "A", "available": 1, "rows": [{"branch": "matriz"}]}

    assert complete_order(order) == order
    assert complete_stock(stock) == stock
    assert told(epoch="e", heads={"matriz@e": 3})["heads"] == {"matriz@e": 3}


def test_what_it_leaves_out_is_unknown_or_follows_from_what_it_says() -> None:
    totals = {"received": 5, "returned": 1, "sold": 2, "removed": 1}
    stock = complete_stock({"sku": "A", "available": 3, **totals})

    assert (stock["rows"][0]["received"], stock["rows"][0]["version"], stock["here"]) == (5, 9, 3)
    assert complete_order(ORDER)["stored_by"] == []
    assert told()["peers"]["norte"]["oldest_pending_seconds"] is None
    assert is_converged({"matriz": told(), "norte": told("norte")}) is True


def test_nodes_that_differ_are_done_when_nothing_has_changed_for_long_enough() -> None:
    now = [0.0]
    settling = Settling(seconds=2, clock=lambda: now[0])
    apart = [told(digest="a"), told("norte", digest="b")]

    seen = []
    for seconds, statuses in (
        (0, [told(digest="a"), told("norte", digest="c")]),
        (1, apart),
        (2.5, apart),
        (2.9, [told(digest="a", pending=1), told("norte", digest="b")]),
        (3.1, apart),
        (5.2, apart),
    ):
        now[0] = seconds
        seen.append(settling.is_over(statuses))
    assert seen == [False, False, False, False, False, True]


def test_nodes_with_a_log_are_never_done_while_they_differ() -> None:
    settling = Settling(seconds=0)
    with_log = told(epoch="e", heads={"matriz@e": 1})

    assert not settling.is_over([with_log, told("norte")])
    assert not settling.is_over([None, told("norte")])


def test_waiting_ends_with_the_difference_and_names_it_before() -> None:
    asked = {"matriz": told(digest="a"), "norte": told("norte", digest="b")}
    transport = httpx.MockTransport(lambda one: httpx.Response(200, json=dict(asked[one.url.host])))

    async def wait() -> dict[str, Status | None]:
        clients = [NodeClient(name, f"http://{name}", transport=transport) for name in asked]
        return await wait_converged(clients, deadline_seconds=30)

    assert asyncio.run(wait()) == asked
    assert obstacles(asked) == ["their data differ"]


def test_what_was_written_shows_in_the_digests_where_there_are_no_heads() -> None:
    before = {"matriz": told(digest="a")}

    assert not has_moved(before, {"matriz": told(digest="a")})
    assert has_moved(before, {"matriz": told(digest="b")})


def test_nobody_looks_whether_nodes_without_a_log_forget() -> None:
    def sampled(status: Status) -> bool | None:
        return monotone.was_looked_at(collect([{"kind": "sample", "node": "matriz", "status": status}]))

    assert (sampled(told()), sampled(told(epoch="e", heads={"matriz@e": 1}))) == (False, True)
