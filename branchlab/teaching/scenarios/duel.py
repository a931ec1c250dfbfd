"""Two orders at the same moment for units that are enough for one of them only."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from branchlab.checking.operations import Placed
from branchlab.language import _
from branchlab.networks.network import LAB
from branchlab.teaching.scenarios.stage import Stage

# A long wait for peers, so that a slow machine never decides; no transfers in the background, so that the
# units are where the scenario says they are.
SETTINGS = {"TRANSFER_WAIT_SECONDS": "10", "REBALANCE_SECONDS": "0"}
ROUNDS = 200


@dataclass(frozen=True)
class Duel:
    """Who wants how much, and where the units are. Nodes are named by their place in the network."""

    buyers: tuple[int, int]
    wanted: int
    units: Mapping[int, int]


async def play_duels(stage: Stage, duel: Duel) -> None:
    """Plays `stage.rounds` duels, each over a product of its own: always exactly one 201 and one 409."""
    skus = [f"{stage.tag}-{number:04d}" for number in range(1, stage.rounds + 1)]
    customer = f"{stage.tag}-BUYER"
    await _stock(stage, duel, skus, customer)
    wins: Counter[str] = Counter()
    seconds: list[float] = []
    for sku in skus:
        buyers = [stage.nodes[place] for place in duel.buyers]
        placed = await asyncio.gather(
            *(
                stage.operations.place(
                    node, customer, [{"sku": sku, "quantity": duel.wanted}], key=f"{sku}-{number}"
                )
                for number, node in enumerate(buyers)
            )
        )
        wins.update(node for node, one in zip(buyers, placed, strict=True) if one.outcome == "accepted")
        seconds += [one.seconds for one in placed]
        answers = [_answer(one) for one in placed]
        clear = [stage.expect_answer(one, _("an order of {sku}", sku=sku)) for one in placed]
        if all(clear):
            stage.expect(
                sorted(answers) == ["201", "409 out_of_stock"],
                _("{sku}: the answers were {answers}", sku=sku, answers=_(" and ").join(answers)),
            )
    won = ", ".join(f"{node} {count}" for node, count in wins.most_common())
    stage.facts.append(_("{count} rounds; the order was won by {won}", count=len(skus), won=won))
    stage.facts.append(_("slowest answer {seconds:.0f} ms", seconds=max(seconds) * 1000))


async def _stock(stage: Stage, duel: Duel, skus: list[str], customer: str) -> None:
    """Puts the units of every round where the duel wants them, and makes sure that they are there."""
    operations, first = stage.operations, stage.nodes[0]
    await operations.create_customer(first, {"code": customer, "name": "Two buyers"})
    for sku in skus:
        await operations.create_product(first, sku, f"Contested {sku}", 1000)
    await stage.converge()
    for place, units in duel.units.items():
        for sku in skus:
            await operations.adjust(stage.nodes[place], sku, units, share="keep")
    await stage.converge()
    if stage.network.implementation != LAB:  # no branch has units of its own
        return
    for place, node in enumerate(stage.nodes):
        here = {stock["sku"]: stock["here"] for stock in await operations.clients[node].stock()}
        wrong = [sku for sku in skus if here.get(sku) != duel.units.get(place, 0)]
        stage.expect(
            not wrong,
            _(
                "{node} does not hold {units} of {wrong}",
                node=node,
                units=duel.units.get(place, 0),
                wrong=", ".join(wrong[:3]),
            ),
        )


def _answer(placed: Placed) -> str:
    attempt = placed.attempts[-1]
    if attempt.order is not None:
        return "201"
    if attempt.refused is not None:
        return f"{attempt.refused.status} {attempt.refused.code}"
    return _("unknown ({unknown})", unknown=attempt.unknown)
