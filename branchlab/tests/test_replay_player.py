"""Loading a history keeps what is there; playing it keeps each branch's order and the bound on requests."""

import asyncio
import re
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import TypeVar

import httpx
import pytest

from branchlab.checking.operations import Operations, Patience
from branchlab.checking.run import new_name
from branchlab.checking.runs import open_log
from branchlab.errors import LabError
from branchlab.nodes.client import NodeClient
from branchlab.teaching.replay.history import History, HistoryLine, HistoryOrder, HistoryProduct
from branchlab.teaching.replay.player import Pace, Played, key_of, play
from branchlab.teaching.replay.prepare import Prepared, load_catalogue, receipts_of, stock_wanted
from branchlab.tests.fake_node import PASSWORD, USERNAME, FakeNode, problem
from branchlab.tests.replay_clock import Clock

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
            with open_log(path, new_name("replay")) as log:
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


def test_more_stock_than_a_node_receives_at_once_comes_in_parts() -> None:
    assert receipts_of({"CAFE": 2_500_000, "CHA": 1_000_000}) == [
        ("CAFE", 1_000_000),
        ("CAFE", 1_000_000),
        ("CAFE", 500_000),
        ("CHA", 1_000_000),
    ]


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


@pytest.mark.parametrize(("lines", "attempts"), [(1, 11), (100, 16), (1000, 61)])
def test_a_longer_order_is_sent_again_more_often(tmp_path: Path, lines: int, attempts: int) -> None:
    node = FakeNode()
    node.next_orders.extend(problem(409, "out_of_stock", sku="CAFE") for _ in range(100))
    history = make_history(norte=1, sul=0)
    long = replace(history.orders[0], lines=history.orders[0].lines * lines)

    (played,) = play_at([node], tmp_path, replace(history, orders=(long,)), {"Norte": "matriz"})

    assert (played.placed.outcome, len(played.placed.attempts)) == ("refused", attempts)


def test_lines_sold_at_another_price_than_the_files_are_counted(tmp_path: Path) -> None:
    node = FakeNode()
    load_into(node, tmp_path, make_history())
    node.products["CAFE"]["price_cents"] = 1000

    played = play_at([node], tmp_path, make_history(norte=2, sul=1), {"Norte": "matriz", "Sul": "matriz"})

    assert sum(one.repriced for one in played) == 3


@pytest.mark.parametrize(
    "number", ["1", "Norte-0", "2026/17", "Nº 1", "Pedido 1", "9" * 180, " ", "~", "\udce9"]
)
def test_the_key_of_any_order_fits_a_header(number: str) -> None:
    key = key_of("replay-20260302T142210-b7e1", HistoryOrder(number, "", "Norte", "ANA", ()))

    assert re.fullmatch(r"[\x21-\x7e]{1,200}", key)


def test_no_two_orders_share_a_key() -> None:
    numbers = ["1", "Nº 1", "Nº 2", "No 1", "9" * 180, "9" * 181]
    numbers += [key_of("r", HistoryOrder(number, "", "", "", ()))[2:] for number in numbers]

    keys = {key_of("r", HistoryOrder(number, "", "", "", ())) for number in dict.fromkeys(numbers)}
    assert len(keys) == len(dict.fromkeys(numbers))


def test_orders_begin_no_faster_than_the_rate() -> None:
    clock = Clock()

    async def begin_four() -> list[float]:
        pace = Pace(2.0, sleep=clock.sleep, clock=clock)
        began = []
        for pause in (0.0, 0.0, 5.0, 0.0):
            clock.now += pause
            await pace.turn()
            began.append(clock.now)
        return began

    # What was not begun while nobody asked is not made up for.
    assert asyncio.run(begin_four()) == [100.0, 100.5, 105.5, 106.0]


def test_without_a_rate_every_turn_comes_at_once() -> None:
    clock = Clock()

    async def turns() -> None:
        pace = Pace(None, sleep=clock.sleep, clock=clock)
        for _ in range(3):
            await pace.turn()

    asyncio.run(turns())
    assert clock.now == 100.0
