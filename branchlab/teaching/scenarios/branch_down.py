"""A branch is away; the others sell on, keep what it misses, and hand it over as soon as it is back."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from branchlab.language import _
from branchlab.networks.network import LAB
from branchlab.teaching.scenarios.stage import Stage

# Transfers in the background write events of their own: without them every pending event is accounted for.
SETTINGS = {"REBALANCE_SECONDS": "0"}
ROUNDS = 50  # orders at each of the other branches
_AT_ONCE = 4

Fault = Callable[[Stage, str], Awaitable[None]]


async def play_branch_down(stage: Stage, *, away: Fault, back: Fault) -> None:
    """Takes the last branch away, sells at the others, brings it back: nothing refused, nothing left over."""
    victim, others = stage.nodes[-1], stage.nodes[:-1]
    await _stock(stage, others)
    if stage.network.implementation != LAB:
        await _away_without_log(stage, victim, others, away=away, back=back)
        return
    events_per_order = {node: await _events_of_one_order(stage, node) for node in others}
    heads = {node: await stage.head(node) for node in others}
    await away(stage, victim)
    for node in others:
        await _sell(stage, node)
    expected = {node: stage.rounds * events for node, events in events_per_order.items()}
    if not await stage.until(lambda: _drained(stage, others), _("the others did not drain among themselves")):
        await back(stage, victim)
        return
    for node in others:
        pending = (await stage.status(node))["pending"]
        written = await stage.head(node) - heads[node]
        stage.expect(
            pending[victim] == expected[node] == written,
            _(
                "{node} has {pending} pending for {victim}, wrote {written}, expected {expected}",
                node=node,
                pending=pending[victim],
                victim=victim,
                written=written,
                expected=expected[node],
            ),
        )
        stage.facts.append(
            _(
                "{node} → {victim}: {pending} pending for {rounds} orders; to the others 0",
                node=node,
                victim=victim,
                pending=pending[victim],
                rounds=stage.rounds,
            )
        )
    await _catch_up(stage, victim, back)


async def _away_without_log(
    stage: Stage, victim: str, others: tuple[str, ...], *, away: Fault, back: Fault
) -> None:
    """The same with nodes that number no events: what is pending is shown, and nobody can say how much it
    should be."""
    await away(stage, victim)
    for node in others:
        await _sell(stage, node)
    if await stage.until(lambda: _drained(stage, others), _("the others did not drain among themselves")):
        for node in others:
            pending = (await stage.status(node))["pending"][victim]
            stage.expect(
                pending != 0,
                _(
                    "{node} says that nothing is pending for {victim}, which is away",
                    node=node,
                    victim=victim,
                ),
            )
            stage.facts.append(
                _(
                    "{node} → {victim}: {pending} pending for {rounds} orders",
                    node=node,
                    victim=victim,
                    pending=pending,
                    rounds=stage.rounds,
                )
            )
    await _catch_up(stage, victim, back)


async def _catch_up(stage: Stage, victim: str, back: Fault) -> None:
    began = time.monotonic()
    await back(stage, victim)
    if await stage.until(
        lambda: _drained(stage, stage.nodes), _("{victim} did not catch up by itself", victim=victim)
    ):
        stage.facts.append(
            _(
                "{victim} caught up {seconds:.1f} s after it was told to come back",
                victim=victim,
                seconds=time.monotonic() - began,
            )
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
    if stage.expect_answer(placed, _("order {number} at {node}", number=number, node=node)):
        accepted = placed.outcome == "accepted"
        stage.expect(
            accepted,
            _(
                "order {number} at {node} was {outcome}: {refusals}",
                number=number,
                node=node,
                outcome=placed.outcome,
                refusals=placed.refusals,
            ),
        )


async def _drained(stage: Stage, nodes: tuple[str, ...]) -> bool:
    """Whether nothing is pending between any two of `nodes`."""
    statuses = [await stage.status(node) for node in nodes]
    return all(
        status["pending"][peer] == 0 for status in statuses for peer in nodes if peer != status["node"]
    )
