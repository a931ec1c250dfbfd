"""Selling on both sides of a cut: who sells what, who is refused and why, and what lies idle."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from lab.checking.operations import Placed
from lab.nodes.outcome import Refused
from lab.teaching.scenarios.stage import Stage

# No transfers in the background, so that the units are where the scenario says they are.
SETTINGS = {"REBALANCE_SECONDS": "0", "LAB_FAULTS": "1"}


@dataclass(frozen=True)
class Sales:
    """What came of one-unit orders: units sold by node, and every refusal."""

    sold: Mapping[str, int]
    refusals: tuple[Refused, ...]

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
    stage.expect(set(here.values()) == {share}, f"the rights of {sku} are {here}, should be {share} each")


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
    unclear = sum(one.outcome == "unknown" for one in placed)
    stage.expect(unclear == 0, f"{unclear} orders of {sku} never had a clear answer")
    sold = {
        node: sum(one.outcome == "accepted" for one in result)
        for node, result in zip(wanted, results, strict=True)
    }
    return Sales(sold=sold, refusals=tuple(refusal for one in placed for refusal in one.refusals))


def check_reasons(stage: Stage, sales: Sales, *, elsewhere: int) -> None:
    """Every refusal says 409: no unit left here, and how many the company has as far as is known here."""
    for refusal in sales.refusals:
        said = (refusal.status, refusal.code, *(refusal.problem.get(name) for name in _AVAILABLE))
        expected = (409, "out_of_stock", 0, elsewhere)
        stage.expect(said == expected, f"a refusal said {said}, should say {expected}")


async def rights_here(stage: Stage, sku: str) -> dict[str, int]:
    """NODE → the units it may sell without asking anybody."""
    clients = stage.operations.clients
    return {node: (await client.stock_of(sku))["here"] for node, client in clients.items()}


_AVAILABLE = ("available_here", "available_company")
