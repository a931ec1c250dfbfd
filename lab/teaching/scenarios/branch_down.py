"""A branch is away; the others sell on, keep what it misses, and hand it over as soon as it is back."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from lab.teaching.scenarios.stage import Stage

# Transfers in the background write events of their own: without them every pending event is accounted for.
SETTINGS = {"REBALANCE_SECONDS": "0"}
ROUNDS = 50  # orders at each of the other branches
_AT_ONCE = 4

Fault = Callable[[Stage, str], Awaitable[None]]


async def play_branch_down(stage: Stage, *, away: Fault, back: Fault) -> None:
    """Takes the last branch away, sells at the others, brings it back: nothing refused, nothing left over."""
    victim, others = stage.nodes[-1], stage.nodes[:-1]
    await _stock(stage, others)
    events_per_order = {node: await _events_of_one_order(stage, node) for node in others}
    heads = {node: await stage.head(node) for node in others}
    await away(stage, victim)
    for node in others:
        await _sell(stage, node)
    expected = {node: stage.rounds * events for node, events in events_per_order.items()}
    await stage.until(lambda: _drained(stage, others), "the others did not drain among themselves")
    for node in others:
        pending = (await stage.status(node))["pending"]
        written = await stage.head(node) - heads[node]
        stage.expect(
            pending[victim] == expected[node] == written,
            f"{node} has {pending[victim]} pending for {victim}, wrote {written}, expected {expected[node]}",
        )
        stage.facts.append(
            f"{node} → {victim}: {pending[victim]} pending for {stage.rounds} orders; to the others 0"
        )
    began = time.monotonic()
    await back(stage, victim)
    if await stage.until(lambda: _drained(stage, stage.nodes), f"{victim} did not catch up by itself"):
        stage.facts.append(
            f"{victim} caught up {time.monotonic() - began:.1f} s after it was told to come back"
        )


def _sku(stage: Stage, node: str) -> str:
    return f"{stage.tag}-{node}"


async def _stock(stage: Stage, others: tuple[str, ...]) -> None:
    """Every branch that stays gets units of its own product, so that no sale needs another branch."""
    first = stage.nodes[0]
    await stage.operations.create_customer(first, {"code": f"{stage.tag}-BUYER", "name": "Buyer"})
    for node in others:
        await stage.operations.create_product(first, _sku(stage, node), f"Product of {node}", 500)
    await stage.converge()
    for node in others:
        await stage.operations.adjust(node, _sku(stage, node), stage.rounds + 1, share="keep")
    await stage.converge()


async def _events_of_one_order(stage: Stage, node: str) -> int:
    before = await stage.head(node)
    await _order(stage, node, number=0)
    await stage.converge()
    return await stage.head(node) - before


async def _sell(stage: Stage, node: str) -> None:
    slots = asyncio.Semaphore(_AT_ONCE)

    async def one(number: int) -> None:
        async with slots:
            await _order(stage, node, number=number)

    await asyncio.gather(*(one(number) for number in range(1, stage.rounds + 1)))


async def _order(stage: Stage, node: str, *, number: int) -> None:
    placed = await stage.operations.place(
        node,
        f"{stage.tag}-BUYER",
        [{"sku": _sku(stage, node), "quantity": 1}],
        key=f"{stage.tag}-{node}-{number}",
    )
    reason = placed.refusals or placed.attempts[-1].unknown
    stage.expect(placed.outcome == "accepted", f"order {number} at {node} was {placed.outcome}: {reason}")


async def _drained(stage: Stage, nodes: tuple[str, ...]) -> bool:
    """Whether nothing is pending between any two of `nodes`."""
    statuses = [await stage.status(node) for node in nodes]
    return all(
        status["pending"][peer] == 0 for status in statuses for peer in nodes if peer != status["node"]
    )
