"""Plays the orders of a history at the nodes: each branch in the order of the file, several at once."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from lab.checking.operations import Operations, Patience, Placed
from lab.nodes.keys import same_key
from lab.teaching.replay.history import History, HistoryOrder
from lab.teaching.replay.mapping import share_workers


@dataclass(frozen=True)
class Played:
    """One order of the history and what became of it. `repriced` counts its lines that the catalogue sold at
    another price than the file's."""

    order: HistoryOrder
    node: str
    placed: Placed
    repriced: int


async def play(
    operations: Operations,
    history: History,
    mapping: Mapping[str, str],
    *,
    run: str,
    concurrency: int,
    patience: Patience,
    on_played: Callable[[Played], None],
) -> list[Played]:
    """Places every order once and returns what became of each; at most `concurrency` are under way in total.

    The key of an order is stable within `run`, so that a request repeated after an unknown outcome sells
    nothing twice. A branch that hangs uses up only its own share of `concurrency`.
    """
    branches = history.orders_by_branch()
    slots = asyncio.Semaphore(concurrency)
    results: list[Played] = []

    async def work(branch: str, queue: list[HistoryOrder]) -> None:
        while queue:
            async with slots:
                if not queue:  # another worker of this branch took the last one while we waited for the slot
                    return
                order = queue.pop(0)
                played = await play_one(operations, order, mapping[branch], run=run, patience=patience)
            results.append(played)
            on_played(played)

    workers = share_workers({branch: len(orders) for branch, orders in branches.items()}, concurrency)
    async with asyncio.TaskGroup() as group:
        for branch, orders in branches.items():
            queue = list(orders)
            for _ in range(workers[branch]):
                group.create_task(work(branch, queue))
    return results


async def play_one(
    operations: Operations, order: HistoryOrder, node: str, *, run: str, patience: Patience
) -> Played:
    """Places one order of the history at `node`, under a key that is stable within `run`."""
    placed = await operations.place(
        node,
        order.customer,
        [{"sku": line.sku, "quantity": line.quantity} for line in order.lines],
        key=f"{run}-{order.order}",
        patience=patience,
    )
    return Played(order, node, placed, _repriced(order, placed))


def _repriced(order: HistoryOrder, placed: Placed) -> int:
    if placed.order is None:
        return 0
    prices = {same_key(line["sku"]): line["unit_price_cents"] for line in placed.order["lines"]}
    return sum(prices[same_key(line.sku)] != line.unit_price_cents for line in order.lines)
