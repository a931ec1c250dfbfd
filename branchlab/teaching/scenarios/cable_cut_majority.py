"""One of three branches is cut off: the rights of the other two still reach the one that needs them."""

from branchlab.language import N_, _
from branchlab.teaching.scenarios.cable import SETTINGS, check_reasons, rights_here, sell_apart, stock_equally
from branchlab.teaching.scenarios.scenario import Scenario
from branchlab.teaching.scenarios.stage import Stage

_UNITS = 9  # three for each
_WANTED, _SOLD, _REFUSED = 8, 6, 2  # at the first branch: its own three, and the second's
_GRANTED = 3
_WANTED_ALONE, _IDLE = 2, 1  # at the branch that is alone


async def _play(stage: Stage) -> None:
    for number in range(1, stage.rounds + 1):
        await _cut_sell_heal(stage, f"{stage.tag}-{number}")


async def _cut_sell_heal(stage: Stage, sku: str) -> None:
    buyer, giver, alone = stage.nodes
    await stock_equally(stage, sku, _UNITS)
    await stage.cut(alone, buyer, giver)
    sales = await sell_apart(stage, sku, {buyer: _WANTED, alone: _WANTED_ALONE})
    if sales.unclear:  # nobody can say how many were sold
        await stage.heal_links()
        return
    stage.expect(
        dict(sales.sold) == {buyer: _SOLD, alone: _WANTED_ALONE} and len(sales.refusals) == _REFUSED,
        _(
            "{sku}: sold {sold} and refused {count}",
            sku=sku,
            sold=dict(sales.sold),
            count=len(sales.refusals),
        ),
    )
    check_reasons(stage, sales, elsewhere=_UNITS - _SOLD)
    idle = (await rights_here(stage, sku))[alone]
    stage.expect(
        idle == _IDLE,
        _(
            "{sku}: {idle} sat idle at {alone}, should be {expected}",
            sku=sku,
            idle=idle,
            alone=alone,
            expected=_IDLE,
        ),
    )
    granted = await _granted(stage, sku, giver=giver, taker=buyer)
    stage.expect(
        granted == _GRANTED,
        _(
            "{sku}: {giver} gave {granted} to {buyer}, should be {expected}",
            sku=sku,
            giver=giver,
            granted=granted,
            buyer=buyer,
            expected=_GRANTED,
        ),
    )
    await stage.heal_links()
    await stage.converge()
    stage.facts.append(
        _(
            "{buyer} sold {sold} of {wanted}, {granted} of them with rights that {giver} gave it;"
            " {alone}, alone, sold {few} and kept {idle}; oversold 0",
            buyer=buyer,
            sold=sales.sold[buyer],
            wanted=_WANTED,
            granted=granted,
            giver=giver,
            alone=alone,
            few=sales.sold[alone],
            idle=idle,
        )
    )


async def _granted(stage: Stage, sku: str, *, giver: str, taker: str) -> int:
    stock = await stage.operations.clients[giver].stock_of(sku)
    own = next(row for row in stock["rows"] if row["branch"] == giver)
    return sum(units for life, units in own["granted"].items() if life.partition("@")[0] == taker)


SCENARIO = Scenario(
    name="cable-cut-majority",
    group="cut",
    title=N_(
        "One of three branches is cut off: rights still move between the other two, nothing is oversold."
    ),
    play=_play,
    exactly=True,
    # A long wait for peers, so that a slow machine never decides who sells.
    settings={**SETTINGS, "TRANSFER_WAIT_SECONDS": "10"},
)
