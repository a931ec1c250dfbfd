"""Loading a history keeps what is there; playing it keeps each branch's order and the bound on requests."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from random import Random
from typing import TypeVar

import httpx
import pytest

from lab.checking.operations import Attempt, Operations, Patience, Placed
from lab.checking.runlog import RunLog
from lab.checking.verdict import judge
from lab.errors import LabError
from lab.nodes.client import NodeClient
from lab.nodes.outcome import Refused
from lab.teaching.replay.history import History, HistoryLine, HistoryOrder, HistoryProduct
from lab.teaching.replay.player import Played, play
from lab.teaching.replay.prepare import Prepared, load_catalogue, stock_wanted
from lab.teaching.replay.report import percentile, reasons, shown_reasons, summarise
from lab.tests.fake_node import PASSWORD, USERNAME, FakeNode, problem
from lab.tests.run_records import make_order

Value = TypeVar("Value")
IMPATIENT = Patience(base_seconds=0.0)


def make_history(*, norte: int = 4, sul: int = 2) -> History:
    """`norte` and `sul` orders of the two branches, taking turns; one unit each at 9.00."""
    branches = sorted([*((n, "Norte") for n in range(norte)), *((n, "Sul") for n in range(sul))])
    return History(
        products=(HistoryProduct("CAFE", "Café", 900), HistoryProduct("CHA", "Chá", 500)),
        customers=({"code": "ANA", "name": "Ana"},),
        orders=tuple(
            HistoryOrder(f"{branch}-{n}", "2026-01-02", branch, "ANA", (HistoryLine("CAFE", 1, 900),))
            for n, branch in branches
        ),
    )


def with_operations(
    nodes: list[FakeNode], path: Path, work: Callable[[Operations], Awaitable[Value]]
) -> Value:
    async def conversation() -> Value:
        clients: dict[str, NodeClient] = {node.name: node.client() for node in nodes}
        try:
            for client in clients.values():
                await client.login(USERNAME, PASSWORD)
            with RunLog(path / "run.jsonl") as log:
                return await work(Operations(clients, log, random=Random(1)))
        finally:
            for client in clients.values():
                await client.close()

    return asyncio.run(conversation())


def load_into(node: FakeNode, path: Path, history: History, *, steps: list[int] | None = None) -> Prepared:
    counted: list[int] = [] if steps is None else steps

    async def work(operations: Operations) -> Prepared:
        return await load_catalogue(
            operations,
            node.name,
            history,
            stock_wanted(history, "exact"),
            advance=lambda: counted.append(1),
        )

    return with_operations([node], path, work)


def play_at(
    nodes: list[FakeNode], path: Path, history: History, mapping: dict[str, str], *, concurrency: int = 8
) -> list[Played]:
    async def work(operations: Operations) -> list[Played]:
        return await play(
            operations,
            history,
            mapping,
            run="r1",
            concurrency=concurrency,
            patience=IMPATIENT,
            on_played=lambda _: None,
        )

    return with_operations(nodes, path, work)


def test_a_fresh_node_gets_the_whole_catalogue_and_the_stock(tmp_path: Path) -> None:
    node, steps = FakeNode(), list[int]()

    prepared = load_into(node, tmp_path, make_history(), steps=steps)

    assert prepared == Prepared(
        products=2, products_kept=0, other_price=0, customers=1, customers_kept=0, units=6
    )
    assert node.received == {"CAFE": 6}
    assert len(steps) == 4


def test_what_is_there_already_is_kept_and_stocked_again(tmp_path: Path) -> None:
    node = FakeNode()
    load_into(node, tmp_path, make_history())
    node.products["CAFE"]["price_cents"] = 1000

    prepared = load_into(node, tmp_path, make_history())

    assert prepared == Prepared(
        products=0, products_kept=2, other_price=1, customers=0, customers_kept=1, units=6
    )
    assert node.received == {"CAFE": 12}
    assert node.products["CAFE"]["price_cents"] == 1000


class StrictNode(FakeNode):
    """Takes no product."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if (request.method, request.url.path) == ("POST", "/products"):
            return problem(422, "validation")
        return await super().handle_async_request(request)


def test_a_node_that_refuses_the_catalogue_is_one_plain_line(tmp_path: Path) -> None:
    with pytest.raises(LabError, match=r"the node refused the product C.*: 422 validation"):
        load_into(StrictNode(), tmp_path, make_history())


@pytest.mark.parametrize(("rule", "units"), [("exact", 6), ("times:2", 12), ("times:0.25", 2)])
def test_stock_follows_the_orders_of_the_file(rule: str, units: int) -> None:
    assert stock_wanted(make_history(), rule) == {"CAFE": units}


@pytest.mark.parametrize("rule", ["", "exactly", "times", "times:", "times:0", "times:-1", "times:NaN"])
def test_another_rule_for_the_stock_is_refused(rule: str) -> None:
    with pytest.raises(LabError, match="--stock wants exact or times:K"):
        stock_wanted(make_history(), rule)


def test_more_stock_than_a_node_receives_at_once_is_refused() -> None:
    with pytest.raises(LabError, match="needs 1800000 of CAFE"):
        stock_wanted(make_history(), "times:300000")


def test_each_branch_plays_at_its_node_in_the_order_of_the_file(tmp_path: Path) -> None:
    north, south = FakeNode("north"), FakeNode("south")

    played = play_at([north, south], tmp_path, make_history(), {"Norte": "north", "Sul": "south"})

    assert list(north.orders) == [f"r1-Norte-{number}" for number in range(4)]
    assert list(south.orders) == ["r1-Sul-0", "r1-Sul-1"]
    assert Counter(one.node for one in played) == {"north": 4, "south": 2}


def test_two_branches_may_share_a_node(tmp_path: Path) -> None:
    node = FakeNode()

    played = play_at([node], tmp_path, make_history(), {"Norte": "matriz", "Sul": "matriz"})

    assert len(node.orders) == len(played) == 6


class CountingNode(FakeNode):
    """Says how many orders were under way at once."""

    def __init__(self) -> None:
        super().__init__()
        self.now = self.most = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.now += 1
        self.most = max(self.most, self.now)
        await asyncio.sleep(0)  # lets every other worker send its request, if it may
        answer = await super().handle_async_request(request)
        self.now -= 1
        return answer


@pytest.mark.parametrize("concurrency", [1, 2, 5])
def test_no_more_orders_are_under_way_than_asked_for(tmp_path: Path, concurrency: int) -> None:
    node = CountingNode()

    play_at(
        [node],
        tmp_path,
        make_history(norte=10, sul=10),
        {"Norte": "matriz", "Sul": "matriz"},
        concurrency=concurrency,
    )

    assert node.most == concurrency


def test_an_order_refused_at_first_is_played_again(tmp_path: Path) -> None:
    node = FakeNode()
    node.next_orders.append(problem(409, "out_of_stock", sku="CAFE", wanted=1, available_here=0))

    played = play_at([node], tmp_path, make_history(norte=1, sul=0), {"Norte": "matriz"})

    assert [(one.placed.outcome, len(one.placed.attempts)) for one in played] == [("accepted", 2)]


def test_lines_sold_at_another_price_than_the_files_are_counted(tmp_path: Path) -> None:
    node = FakeNode()
    load_into(node, tmp_path, make_history())
    node.products["CAFE"]["price_cents"] = 1000

    played = play_at([node], tmp_path, make_history(norte=2, sul=1), {"Norte": "matriz", "Sul": "matriz"})

    assert sum(one.repriced for one in played) == 3


def make_played(outcome: str, *, refusals: int = 0) -> Played:
    problem_of = {"sku": "CAFE", "wanted": 2, "available_here": 0, "available_company": 1}
    refused = Attempt(refused=Refused(409, "out_of_stock", problem_of))
    last = {
        "accepted": Attempt(order=make_order(1)),
        "refused": refused,
        "unknown": Attempt(unknown="ReadTimeout"),
    }
    attempts = (*[refused] * refusals, last[outcome])
    placed = Placed(outcome, last[outcome].order, attempts, 0.5)  # type: ignore[arg-type]  # one of the three
    return Played(make_history().orders[0], "matriz", placed, 0)


def test_the_summary_counts_every_outcome_by_its_name() -> None:
    played = [
        make_played("accepted"),
        make_played("accepted", refusals=2),
        make_played("refused", refusals=1),
        make_played("unknown"),
    ]

    summary = summarise(played, judge([]), seconds=1.23456)

    assert summary.as_json() == {
        "orders": 4,
        "accepted": 2,
        "accepted_first_try": 1,
        "refused": 1,
        "unknown": 1,
        "retries": 3,
        "repriced": 0,
        "lost": 0,
        "duplicated": 0,
        "oversold": 0,
        "converged": None,
        "seconds": 1.235,
    }


def test_the_reason_of_each_409_is_told() -> None:
    assert reasons([make_played("accepted", refusals=1)]) == [
        "order Norte-0 at matriz, attempt 1: 409 out_of_stock CAFE: wanted 2, here 0, in the company 1"
    ]


def test_a_long_list_of_reasons_says_where_the_rest_is() -> None:
    lines = shown_reasons([f"reason {number}" for number in range(50)], "run.jsonl")

    assert lines[-1] == "… and 10 more in run.jsonl"
    assert len(lines) == 41


@pytest.mark.parametrize(("percent", "expected"), [(50, 5), (95, 10), (99, 10), (10, 1)])
def test_percentiles_are_values_that_occurred(percent: float, expected: float) -> None:
    assert percentile([10, 9, 8, 7, 6, 5, 4, 3, 2, 1], percent) == expected
