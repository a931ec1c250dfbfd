"""One of three branches is cut off: the rights of the other two still reach the one that needs them."""

from lab.teaching.scenarios.cable import SETTINGS, check_reasons, rights_here, sell_apart, stock_equally
from lab.teaching.scenarios.stage import Scenario, Stage

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
    stage.expect(
        dict(sales.sold) == {buyer: _SOLD, alone: _WANTED_ALONE} and len(sales.refusals) == _REFUSED,
        f"{sku}: sold {dict(sales.sold)} and refused {len(sales.refusals)}",
    )
    check_reasons(stage, sales, elsewhere=_UNITS - _SOLD)
    idle = (await rights_here(stage, sku))[alone]
    stage.expect(idle == _IDLE, f"{sku}: {idle} sat idle at {alone}, should be {_IDLE}")
    granted = await _granted(stage, sku, giver=giver, taker=buyer)
    stage.expect(granted == _GRANTED, f"{sku}: {giver} gave {granted} to {buyer}, should be {_GRANTED}")
    await stage.heal_links()
    await stage.converge()
    stage.facts.append(
        f"{buyer} sold {sales.sold[buyer]} of {_WANTED}, {granted} of them with rights that {giver} gave it;"
        f" {alone}, alone, sold {sales.sold[alone]} and kept {idle}; oversold 0"
    )


async def _granted(stage: Stage, sku: str, *, giver: str, taker: str) -> int:
    stock = await stage.operations.clients[giver].stock_of(sku)
    own = next(row for row in stock["rows"] if row["branch"] == giver)
    return sum(units for life, units in own["granted"].items() if life.partition("@")[0] == taker)


SCENARIO = Scenario(
    name="cable-cut-majority",
    group="cut",
    title="One of three branches is cut off: rights still move between the other two, nothing is oversold.",
    play=_play,
    exactly=True,
    settings=SETTINGS,
)
