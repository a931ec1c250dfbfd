"""The cable between two branches is cut, and both sell on: refuse too much, or sell too much?"""

from collections.abc import Mapping
from dataclasses import dataclass

from branchlab.language import N_, _
from branchlab.networks.network import Policy
from branchlab.teaching.scenarios.cable import (
    SETTINGS,
    Sales,
    check_reasons,
    rights_here,
    sell_apart,
    stock_equally,
)
from branchlab.teaching.scenarios.scenario import Scenario
from branchlab.teaching.scenarios.stage import Stage

_UNITS = 10
_SHARE = 5  # of each of the two branches


@dataclass(frozen=True)
class _Expected:
    """What must come of a demand: units sold and orders refused, units that sat idle meanwhile at the second
    branch, units sold beyond what was there."""

    wanted: tuple[int, int]
    sold: int
    refused: int
    idle: int = 0
    oversold: int = 0


_EXPECTED: Mapping[Policy, tuple[_Expected, ...]] = {
    "escrow": (
        _Expected(wanted=(8, 8), sold=10, refused=6),
        _Expected(wanted=(8, 2), sold=7, refused=3, idle=3),
    ),
    "optimistic": (
        _Expected(wanted=(8, 8), sold=16, refused=0, oversold=6),
        _Expected(wanted=(8, 2), sold=10, refused=0),
    ),
}


async def _play(stage: Stage) -> None:
    for number in range(1, stage.rounds + 1):
        for letter, expected in zip("AB", _EXPECTED[stage.network.policy], strict=True):
            await _cut_sell_heal(stage, f"{stage.tag}-{number}{letter}", expected)
    digests = {(await stage.status(node))["digest"] for node in stage.nodes}
    stage.expect(len(digests) == 1, _("the digests differ at the end: {digests}", digests=digests))


async def _cut_sell_heal(stage: Stage, sku: str, expected: _Expected) -> None:
    left, right = stage.nodes
    await stock_equally(stage, sku, _UNITS)
    await stage.cut(left, right)
    sales = await sell_apart(stage, sku, dict(zip((left, right), expected.wanted, strict=True)))
    idle = (await rights_here(stage, sku))[right]
    await stage.heal_links()
    await stage.converge()
    if sales.unclear:  # nobody can say how many were sold
        return
    stage.expect(
        (sales.total, len(sales.refusals)) == (expected.sold, expected.refused),
        _(
            "{sku}: sold {total} and refused {count}, should be {sold} and {refused}",
            sku=sku,
            total=sales.total,
            count=len(sales.refusals),
            sold=expected.sold,
            refused=expected.refused,
        ),
    )
    check_reasons(stage, sales, elsewhere=_SHARE)
    if stage.network.policy == "escrow":
        stage.expect(
            idle == expected.idle,
            _(
                "{sku}: {idle} sat idle at {right}, should be {expected}",
                sku=sku,
                idle=idle,
                right=right,
                expected=expected.idle,
            ),
        )
    short = await _deficit(stage, sku, expected.oversold)
    stage.facts.append(_words(stage, expected, sales, idle=idle, short=short))


async def _deficit(stage: Stage, sku: str, expected: int) -> int:
    """How many orders are short of units; every node must name the same ones, for so many units in all."""
    shown = {node: await client.stock_of(sku) for node, client in stage.operations.clients.items()}
    lists = {node: stock["deficits"] for node, stock in shown.items()}
    for node, stock in shown.items():
        units = sum(deficit["quantity"] for deficit in stock["deficits"])
        stage.expect(
            stock["oversold"] == units == expected,
            _(
                "{sku}: {node} shows {oversold} oversold and lists {units}, should be {expected}",
                sku=sku,
                node=node,
                oversold=stock["oversold"],
                units=units,
                expected=expected,
            ),
        )
    first = lists[stage.nodes[0]]
    stage.expect(
        all(each == first for each in lists.values()), _("{sku}: the nodes list different orders", sku=sku)
    )
    return len(first)


def _words(stage: Stage, expected: _Expected, sales: Sales, *, idle: int, short: int) -> str:
    wanted = "+".join(str(units) for units in expected.wanted)
    said = _(
        "{policy}, {wanted} wanted of {units}: sold {total} ({parts})",
        policy=stage.network.policy,
        wanted=wanted,
        units=_UNITS,
        total=sales.total,
        parts=sales.parts,
    )
    if stage.network.policy == "optimistic":
        deficit = _(
            "both nodes list the same {short} orders as short of {oversold} units",
            short=short,
            oversold=expected.oversold,
        )
        end = deficit if short else _("nothing is short")
        return _("{said}, refused none; after the heal {end}", said=said, end=end)
    meanwhile = _(" while {idle} sat idle at {nodes}", idle=idle, nodes=stage.nodes[1]) if idle else ""
    return _(
        "{said}, refused {count} (rights used up){meanwhile}; oversold 0",
        said=said,
        count=len(sales.refusals),
        meanwhile=meanwhile,
    )


SCENARIO = Scenario(
    name="cable-cut",
    group="cut",
    title=N_("The cable between two branches is cut and both sell on: escrow refuses, optimistic oversells."),
    play=_play,
    nodes=2,
    exactly=True,
    policies=("escrow", "optimistic"),
    settings=SETTINGS,
)
