"""A buyer asks again when that helps, keeps its key, and leaves a trace of every request."""

import asyncio
from pathlib import Path
from random import Random

import httpx
import pytest

from branchlab.checking.operations import NO_RETRY, Attempt, Operations, Patience, Placed
from branchlab.checking.runlog import RunLog, read_records
from branchlab.tests.fake_node import PASSWORD, USERNAME, FakeNode, problem
from branchlab.tests.run_records import make_order

EAGER = Patience(conflicts=3, hiccups=2)
REFUSED = problem(409, "out_of_stock", sku="CAFE", wanted=1, available_here=0, available_company=1)


def place(node: FakeNode, path: Path, *, patience: Patience = EAGER) -> tuple[Placed, list[float]]:
    """One order, and the pauses that were made in between."""
    pauses: list[float] = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    async def buy() -> Placed:
        async with node.client() as client:
            await client.login(USERNAME, PASSWORD)
            with RunLog(path) as log:
                operations = Operations({node.name: client}, log, random=Random(1), sleep=pause)
                return await operations.place(
                    node.name, "ANA", [{"sku": "CAFE", "quantity": 1}], key="k", patience=patience
                )

    return asyncio.run(buy()), pauses


def test_an_order_that_is_taken_at_once_needs_one_request(tmp_path: Path) -> None:
    placed, pauses = place(FakeNode(), tmp_path / "run.jsonl")

    assert (placed.outcome, len(placed.attempts), pauses) == ("accepted", 1, [])


def test_a_refused_order_is_asked_again_until_it_is_taken(tmp_path: Path) -> None:
    node = FakeNode()
    node.next_orders.extend([REFUSED, REFUSED])

    placed, pauses = place(node, tmp_path / "run.jsonl")

    assert (placed.outcome, len(placed.attempts), len(pauses)) == ("accepted", 3, 2)
    assert [refused.code for refused in placed.refusals] == ["out_of_stock", "out_of_stock"]


def test_a_buyer_gives_up_after_as_many_retries_as_its_patience_allows(tmp_path: Path) -> None:
    node = FakeNode()
    node.next_orders.extend([REFUSED] * 10)

    placed, _ = place(node, tmp_path / "run.jsonl")

    assert (placed.outcome, len(placed.attempts)) == ("refused", 1 + EAGER.conflicts)


def test_what_cannot_change_is_not_asked_again(tmp_path: Path) -> None:
    node = FakeNode()
    node.next_orders.append(problem(422, "unknown_sku"))

    placed, _ = place(node, tmp_path / "run.jsonl")

    assert (placed.outcome, len(placed.attempts)) == ("refused", 1)


def test_an_unknown_outcome_is_cleared_up_by_the_same_key(tmp_path: Path) -> None:
    node = FakeNode()
    node.next_orders.append(httpx.ReadTimeout("slow"))

    placed, _ = place(node, tmp_path / "run.jsonl")

    assert (placed.outcome, len(placed.attempts), list(node.orders)) == ("accepted", 2, ["k"])


def test_an_outcome_that_stays_unknown_is_reported_as_unknown(tmp_path: Path) -> None:
    node = FakeNode()
    node.next_orders.extend([httpx.ReadTimeout("slow")] * 5)

    placed, _ = place(node, tmp_path / "run.jsonl")

    assert (placed.outcome, len(placed.attempts)) == ("unknown", 1 + EAGER.hiccups)


def test_a_refusal_after_an_unknown_outcome_leaves_it_unknown(tmp_path: Path) -> None:
    """The first request may still wait inside the node when the second one is refused."""
    node = FakeNode()
    node.next_orders.extend([httpx.ReadTimeout("slow"), problem(422, "unknown_sku")])

    placed, _ = place(node, tmp_path / "run.jsonl")

    assert placed.outcome == "unknown"


def test_without_patience_there_is_one_request(tmp_path: Path) -> None:
    node = FakeNode()
    node.next_orders.append(REFUSED)

    placed, _ = place(node, tmp_path / "run.jsonl", patience=NO_RETRY)

    assert len(placed.attempts) == 1


def test_every_attempt_is_in_the_run_log_with_its_outcome(tmp_path: Path) -> None:
    node = FakeNode()
    node.next_orders.extend([REFUSED, httpx.ReadTimeout("slow")])

    place(node, tmp_path / "run.jsonl")

    records = list(read_records(tmp_path / "run.jsonl"))
    assert [record["kind"] for record in records] == [
        *("op.invoke", "op.fail"),
        *("op.invoke", "op.info"),
        *("op.invoke", "op.ok"),
    ]
    assert [record["key"] for record in records if record["kind"] == "op.invoke"] == ["k", "k", "k"]
    assert [record["attempt"] for record in records if record["kind"] == "op.invoke"] == [1, 2, 3]


@pytest.mark.parametrize(
    ("attempt", "most"),
    [(1, 0.1), (2, 0.2), (5, 1.6), (6, 2.0), (50, 2.0)],  # doubles from 0.1 s, never beyond 2 s
)
def test_pauses_are_spread_over_all_of_a_growing_span(attempt: int, most: float) -> None:
    random = Random(3)
    pauses = [Patience().pause(attempt, random) for _ in range(500)]

    assert 0 <= min(pauses) < most * 0.05
    assert most * 0.95 < max(pauses) <= most


def test_conflicts_and_hiccups_are_counted_apart() -> None:
    unknown = Attempt(unknown="ReadTimeout")

    assert EAGER.asks_again([unknown, unknown])
    assert not EAGER.asks_again([unknown, unknown, unknown])
    assert not EAGER.asks_again([unknown, Attempt(order=make_order(1))])
