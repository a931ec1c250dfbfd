"""The cable between two branches is cut at the wire, and each wants to sell most of what the company has."""

import asyncio

from branchlab.language import N_, _
from branchlab.teaching.scenarios.scenario import Scenario
from branchlab.teaching.scenarios.selling import open_shop, sell
from branchlab.teaching.scenarios.stage import Stage

_UNITS = 10
_WANTED = 8  # at each branch


async def _play(stage: Stage) -> None:
    left, right = stage.nodes
    shop = await open_shop(stage, _UNITS)
    await stage.cut(left, right)
    sold = await asyncio.gather(*(sell(stage, shop, node, _WANTED, "cut") for node in stage.nodes))
    stage.expect(
        min(sold) > 0,
        _("a branch sold nothing while it was cut off: {sold}", sold=_(" and ").join(map(str, sold))),
    )
    await stage.heal_links()
    await stage.converge()
    stage.facts.append(
        _(
            "{units} units, {wanted} wanted at each of two branches that were cut apart: {left} sold"
            " {sold}, {right} sold {more}",
            units=_UNITS,
            wanted=_WANTED,
            left=left,
            sold=sold[0],
            right=right,
            more=sold[1],
        )
    )


SCENARIO = Scenario(
    name="cut-both-sell",
    group="contrast",
    title=N_(
        "Cut apart, two branches want to sell more than there is: together they sell no more than that."
    ),
    play=_play,
    any_node=True,
    over_wire=True,
    nodes=2,
    exactly=True,
    needs_own_network=True,
    settings={"REBALANCE_SECONDS": "0"},
)
