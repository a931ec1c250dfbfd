"""Nodes are killed without warning, again and again, while all branches sell."""

import asyncio
import time
from collections import Counter

from branchlab.checking.operations import Patience
from branchlab.language import N_, _
from branchlab.nodes.contract import WantedLine
from branchlab.teaching.scenarios.scenario import Scenario
from branchlab.teaching.scenarios.stage import Stage

SECONDS = 120.0
_WORKERS_PER_NODE = 2
_SCARCE, _SCARCE_UNITS = 12, 150  # products that run out during the run, so that branches compete for them
_PLENTY, _PLENTY_UNITS = 12, 500_000
_SCARCE_SHARE = 0.3  # of the lines sold
_CALM_SECONDS = (0.2, 2.0)  # between two kills
_DOWN_SECONDS = (0.0, 2.0)  # before the killed nodes are started again
# One node mostly, sometimes two, sometimes the whole company at once.
_VICTIMS_WEIGHTS = {1: 6, 2: 2, 3: 2}
# A buyer asks for some two minutes before it gives up on an unclear answer: the node always comes back.
_STUBBORN = Patience(conflicts=0, hiccups=240, base_seconds=0.1, most_seconds=1.0)


async def _play(stage: Stage) -> None:
    skus = await _stock(stage)
    deadline = time.monotonic() + stage.seconds
    outcomes: Counter[str] = Counter()
    async with asyncio.TaskGroup() as group:
        killer = group.create_task(_kill_until(stage, deadline))
        for node in stage.nodes:
            for worker in range(_WORKERS_PER_NODE):
                group.create_task(_sell_until(stage, node, worker, skus, outcomes, deadline=deadline))
    stage.expect(outcomes["accepted"] > 0, _("not one order was accepted"))
    stage.facts.append(
        _("{seconds:.0f} s, {result} nodes killed", seconds=stage.seconds, result=killer.result())
    )
    stage.facts.append(
        _(
            "{accepted} orders accepted, {refused} refused for want of stock; {retried} of them only"
            " after an unclear answer",
            accepted=outcomes["accepted"],
            refused=outcomes["refused"],
            retried=outcomes["retried"],
        )
    )


async def _stock(stage: Stage) -> list[str]:
    """Creates the scarce products, then the plentiful ones, split over the branches."""
    first, operations = stage.nodes[0], stage.operations
    await operations.create_customer(first, {"code": f"{stage.tag}-BUYER", "name": "Buyer"})
    units = [_SCARCE_UNITS] * _SCARCE + [_PLENTY_UNITS] * _PLENTY
    skus = [f"{stage.tag}-{number:02d}" for number in range(len(units))]
    for sku, quantity in zip(skus, units, strict=True):
        await operations.create_product(first, sku, f"Product {sku}", 700)
        await operations.adjust(first, sku, quantity, share="equal")
    await stage.converge()
    return skus


async def _kill_until(stage: Stage, deadline: float) -> int:
    """Kills random nodes and starts them again until the deadline; leaves all running."""
    killed = 0
    while time.monotonic() < deadline:
        await asyncio.sleep(stage.random.uniform(*_CALM_SECONDS))
        many = stage.random.choices(list(_VICTIMS_WEIGHTS), list(_VICTIMS_WEIGHTS.values()))[0]
        victims = stage.random.sample(stage.nodes, min(many, len(stage.nodes)))
        await stage.kill(*victims)
        killed += len(victims)
        await asyncio.sleep(stage.random.uniform(*_DOWN_SECONDS))
        await stage.start(*victims)
    return killed


async def _sell_until(
    stage: Stage, node: str, worker: int, skus: list[str], outcomes: Counter[str], *, deadline: float
) -> None:
    number = 0
    while time.monotonic() < deadline:
        number += 1
        placed = await stage.operations.place(
            node,
            f"{stage.tag}-BUYER",
            _random_lines(stage, skus),
            key=f"{stage.tag}-{node}-{worker}-{number}",
            patience=_STUBBORN,
        )
        last = placed.attempts[-1]
        stage.expect_answer(placed, _("order {number} at {node}", number=number, node=node))
        outcomes["open" if last.unknown else "refused" if last.refused else "accepted"] += 1
        outcomes["retried"] += any(attempt.unknown for attempt in placed.attempts[:-1])
        wrong = [refused for refused in placed.refusals if refused.status not in (0, 409, 503)]
        stage.expect(not wrong, _("an order at {node} was refused: {wrong}", node=node, wrong=wrong[:1]))


def _random_lines(stage: Stage, skus: list[str]) -> list[WantedLine]:
    """One to three products; the first `_SCARCE` of `skus` are the scarce ones."""
    lines: dict[str, int] = {}
    for _line in range(stage.random.randint(1, 3)):
        scarce = stage.random.random() < _SCARCE_SHARE
        lines[stage.random.choice(skus[:_SCARCE] if scarce else skus[_SCARCE:])] = stage.random.randint(1, 3)
    return [{"sku": sku, "quantity": quantity} for sku, quantity in lines.items()]


SCENARIO = Scenario(
    name="kill-nine",
    group="faults",
    title=N_(
        "Nodes are killed (SIGKILL) at random under load: every confirmed order is on every node, once."
    ),
    play=_play,
    any_node=True,
    seconds=SECONDS,
)
