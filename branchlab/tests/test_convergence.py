"""When the nodes agree, and what is said when they do not."""

import asyncio
from collections.abc import Callable
from typing import cast

import httpx
import pytest

from branchlab.nodes.client import NodeClient
from branchlab.nodes.contract import Status
from branchlab.nodes.convergence import (
    NotConvergedError,
    Statuses,
    is_converged,
    obstacles,
    wait_converged,
    wait_pending_zero,
)
from branchlab.steps import Step
from branchlab.tests.readings import status


def pair(left: Status | None = None, right: Status | None = None) -> Statuses:
    return {
        "matriz": left or status("matriz", ["filial-norte"]),
        "filial-norte": right or status("filial-norte", ["matriz"]),
    }


def test_equal_heads_and_digests_with_nothing_pending_is_converged() -> None:
    assert is_converged(pair()) is True
    assert obstacles(pair()) == []


@pytest.mark.parametrize(
    ("different", "words"),
    [
        (
            status("matriz", ["filial-norte"], pending=3, oldest=4.2),
            "matriz → filial-norte: 3 pending, the oldest for 4 s",
        ),
        (status("matriz", ["filial-norte"], parked=1), "matriz has 1 parked"),
        (status("matriz", ["filial-norte"], ready=False), "matriz is not ready"),
        (status("matriz", ["filial-norte"], heads={"matriz@1": 9}), "the nodes have seen different events"),
        (
            status("matriz", ["filial-norte"], digest="other"),
            "the nodes have seen the same events but their data differ",
        ),
        (
            {**status("matriz", ["filial-norte"]), "stock": {"available": 34, "frozen": 6}},
            "the nodes do not know of the same lost disks yet: their frozen stock differs",
        ),
    ],
)
def test_each_difference_disproves_it_and_is_named(different: Status, words: str) -> None:
    assert is_converged(pair(different)) is False
    assert obstacles(pair(different)) == [words]


def of_revision(revision: int, *, products: str, customers: str) -> Status:
    """A node whose version writes customers under this revision."""
    return {
        **status("matriz", ["filial-norte"], digest=f"{products}{customers}"),
        "canonical": {"products": 1, "customers": revision},
        "digests": {"products": products, "customers": customers},
    }


def test_digests_of_unlike_revisions_are_not_compared_and_those_of_like_ones_are() -> None:
    old, new = of_revision(1, products="p", customers="c"), of_revision(2, products="p", customers="other")
    assert is_converged(pair(old, new)) is True
    assert obstacles(pair(old, new)) == []
    differing = of_revision(2, products="other", customers="other")
    assert is_converged(pair(old, differing)) is False
    assert obstacles(pair(old, differing)) == ["the nodes have seen the same events but their data differ"]


def test_rows_that_are_not_what_was_written_disprove_it_and_are_named() -> None:
    row = {
        "relation": "customers",
        "row_key": "c",
        "bucket": 7,
        "asked": 2,
        "why": "",
        "since": "2026-11-23T22:01:00+00:00",
    }
    altered = cast(Status, {**status("matriz", ["filial-norte"]), "altered": [row]})
    assert is_converged(pair(altered)) is False
    assert obstacles(pair(altered)) == [
        "matriz has 1 rows that are not what was written (`./lab altered matriz`)"
    ]


def test_a_decommissioned_node_is_not_asked_for_and_all_have_to_know_of_it() -> None:
    gone = {name: {**told, "decommissioned": ["filial-sul"]} for name, told in pair().items() if told}
    seen = cast(Statuses, {**gone, "filial-sul": None})
    assert (is_converged(seen), obstacles(seen)) == (True, [])

    half = cast(Statuses, {**seen, "matriz": pair()["matriz"]})
    assert is_converged(half) is False
    assert obstacles(half) == ["the nodes do not know of the same decommissioned branches yet"]


def test_a_node_that_does_not_answer_leaves_it_unknown() -> None:
    seen: Statuses = {**pair(), "filial-sul": None}
    assert is_converged(seen) is None
    assert obstacles(seen) == ["filial-sul gives no status"]


def test_an_unknown_pending_count_is_not_taken_for_zero() -> None:
    seen = pair(status("matriz", ["filial-norte"], pending=None))
    assert is_converged(seen) is None
    assert obstacles(seen) == ["matriz → filial-norte: pending unknown"]


def test_what_is_seen_can_disprove_it_although_a_node_is_silent() -> None:
    seen: Statuses = {"matriz": status("matriz", ["filial-norte"], pending=1), "filial-norte": None}
    assert is_converged(seen) is False


def test_the_last_error_is_told_with_the_pending_count() -> None:
    seen = pair(status("matriz", ["filial-norte"], pending=1, oldest=2.0, error="connection refused"))
    assert obstacles(seen) == [
        "matriz → filial-norte: 1 pending, the oldest for 2 s, last error: connection refused"
    ]


def network_of(answer: Callable[[int], Status]) -> NodeClient:
    """A client of one node whose nth `/status` (from 0) is `answer(n)`."""
    asked = iter(range(1_000_000))
    transport = httpx.MockTransport(lambda _request: httpx.Response(200, json=answer(next(asked))))
    return NodeClient("matriz", "http://matriz", transport=transport)


def test_waiting_ends_as_soon_as_nothing_is_pending(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("branchlab.poll.EVERY_SECONDS", 0.0)
    client = network_of(lambda asked: status("matriz", ["filial-norte"], pending=max(0, 2 - asked)))
    final = asyncio.run(wait_pending_zero([client], deadline_seconds=20))
    assert final["matriz"] is not None
    assert final["matriz"]["pending"] == {"filial-norte": 0}


def test_waiting_tells_what_it_waits_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("branchlab.poll.EVERY_SECONDS", 0.0)
    client = network_of(
        lambda asked: status("matriz", ["filial-norte"], pending=max(0, 2 - asked), ready=asked > 0)
    )
    told: list[str] = []
    asyncio.run(wait_converged([client], deadline_seconds=20, tell=told.append))
    assert told == [
        "waiting until the nodes agree: matriz → filial-norte: 2 pending (and 1 more)",
        "waiting until the nodes agree: matriz → filial-norte: 1 pending",
    ]
    assert all(isinstance(line, Step) and line.passing for line in told)


def test_waiting_ends_at_the_deadline_with_what_is_still_in_the_way() -> None:
    client = network_of(lambda _asked: status("matriz", ["filial-norte"], pending=7))
    with pytest.raises(NotConvergedError, match="after 0 s: matriz → filial-norte: 7 pending"):
        asyncio.run(wait_converged([client], deadline_seconds=0))
