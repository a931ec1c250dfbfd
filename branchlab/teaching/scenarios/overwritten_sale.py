"""Two branches sell of one product at the same moment, again and again; then all that seems left is sold."""

import asyncio

from branchlab.language import N_, _
from branchlab.teaching.scenarios.scenario import Scenario
from branchlab.teaching.scenarios.selling import buy, open_shop, sell_out
from branchlab.teaching.scenarios.stage import Stage

ROUNDS = 10


async def _play(stage: Stage) -> None:
    units = len(stage.nodes) * stage.rounds
    shop = await open_shop(stage, units)
    for number in range(1, stage.rounds + 1):
        await asyncio.gather(*(buy(stage, shop, node, f"round-{number}") for node in stage.nodes))
    await stage.converge()
    first = stage.nodes[0]
    shown = (await stage.operations.clients[first].stock_of(shop.sku))["available"]
    again = await sell_out(stage, shop, first)
    stage.facts.append(
        _(
            "{units} units, all sold in {rounds} rounds at {count} branches at once; then {first}"
            " showed {left} left, and sold {again}",
            units=units,
            rounds=stage.rounds,
            count=len(stage.nodes),
            first=first,
            left=shown,
            again=again,
        )
    )


SCENARIO = Scenario(
    name="overwritten-sale",
    group="contrast",
    title=N_(
        "Two branches sell at the same moment, round after round: no sale may vanish, no unit come back."
    ),
    play=_play,
    any_node=True,
    nodes=2,
    rounds=ROUNDS,
    settings={"REBALANCE_SECONDS": "0"},
)
