"""Selling on both sides of a cut: who sells what, who is refused and why, and what lies idle."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from branchlab.checking.operations import Placed
from branchlab.language import _
from branchlab.nodes.outcome import Refused
from branchlab.teaching.scenarios.stage import Stage

# No transfers in the background, so that the units are where the scenario says they are.
SETTINGS = {"REBALANCE_SECONDS": "0", "LAB_FAULTS": "1"}


@dataclass(frozen=True)
class Sales:
    """What came of one-unit orders: units sold by node, every refusal, and how many had no clear answer."""

    sold: Mapping[str, int]
    refusals: tuple[Refused, ...]
    unclear: int = 0

    @property
    def total(self) -> int:
        return sum(self.sold.values())

    @property
    def parts(self) -> str:
        """`5+2`, in the order of the nodes."""
        return "+".join(str(units) for units in self.sold.values())


async def stock_equally(stage: Stage, sku: str, units: int) -> None:
    """Receives the units of a new product at the first node, and makes sure that each has its equal share."""
    first = stage.nodes[0]
    await stage.operations.create_product(first, sku, f"Scarce {sku}", 1000)
    await stage.operations.create_customer(first, {"code": f"{sku}-BUYER", "name": "Buyer"})
    await stage.converge()
    await stage.operations.adjust(first, sku, units, share="equal")
    await stage.converge()
    here = await rights_here(stage, sku)
    share = units // len(stage.nodes)
    stage.expect(
        set(here.values()) == {share},
        _("the rights of {sku} are {here}, should be {share} each", sku=sku, here=here, share=share),
    )


async def sell_apart(stage: Stage, sku: str, wanted: Mapping[str, int]) -> Sales:
    """Places so many orders of one unit at each node, one after the other, all nodes at once, none twice."""

    async def sell_at(node: str, orders: int) -> list[Placed]:
        return [
            await stage.operations.place(
                node, f"{sku}-BUYER", [{"sku": sku, "quantity": 1}], key=f"{sku}-{node}-{number}"
            )
            for number in range(1, orders + 1)
        ]

    results = await asyncio.gather(*(sell_at(node, orders) for node, orders in wanted.items()))
    placed = [one for result in results for one in result]
    for one in placed:
        stage.expect_answer(one, _("an order of {sku}", sku=sku))
    sold = {
        node: sum(one.outcome == "accepted" for one in result)
        for node, result in zip(wanted, results, strict=True)
    }
    unclear = sum(one.outcome == "unknown" for one in placed)
    return Sales(sold, tuple(refusal for one in placed for refusal in one.refusals), unclear)


def check_reasons(stage: Stage, sales: Sales, *, elsewhere: int) -> None:
    """Every refusal says 409: no unit left here, and how many the company has as far as is known here."""
    for refusal in sales.refusals:
        said = (refusal.status, refusal.code, *(refusal.problem.get(name) for name in _AVAILABLE))
        expected = (409, "out_of_stock", 0, elsewhere)
        stage.expect(
            said == expected, _("a refusal said {said}, should say {expected}", said=said, expected=expected)
        )


async def rights_here(stage: Stage, sku: str) -> dict[str, int]:
    """NODE → the units it may sell without asking anybody."""
    clients = stage.operations.clients
    return {node: (await client.stock_of(sku))["here"] for node, client in clients.items()}


_AVAILABLE = ("available_here", "available_company")
