"""What one branch writes, the other has a moment later: catalogue, stock, orders and a cancellation."""

from branchlab.language import N_, _
from branchlab.teaching.scenarios.scenario import Scenario
from branchlab.teaching.scenarios.stage import Stage

_UNITS = 20
_ORDERS = 3  # at each branch, the branches one after the other


async def _play(stage: Stage) -> None:
    first, operations, sku = stage.nodes[0], stage.operations, f"{stage.tag}-P"
    await operations.create_product(first, sku, "Café torrado", 1890)
    await operations.create_customer(first, {"code": f"{stage.tag}-C", "name": "Padaria do Sol"})
    await operations.adjust(first, sku, _UNITS, share="equal")
    await stage.converge()
    placed = []
    for node in stage.nodes:
        for number in range(1, _ORDERS + 1):
            sold = await operations.place(
                node, f"{stage.tag}-C", [{"sku": sku, "quantity": 2}], key=f"{stage.tag}-{node}-{number}"
            )
            if stage.expect_answer(sold, _("order {number} at {node}", number=number, node=node)):
                stage.expect(
                    sold.order is not None,
                    _(
                        "order {number} at {node} was refused: {refusals}",
                        number=number,
                        node=node,
                        refusals=sold.refusals,
                    ),
                )
            placed += [(node, sold.order)] if sold.order is not None else []
        await stage.converge()
    if placed:
        node, order = placed[0]
        await operations.cancel(node, order["id"])
        await stage.converge()
    left = _UNITS - 2 * max(0, len(placed) - 1)
    for node in stage.nodes:
        available = (await operations.clients[node].stock_of(sku))["available"]
        stage.expect(
            available == left,
            _(
                "{node} shows {available} of {sku}, should be {left}",
                node=node,
                available=available,
                sku=sku,
                left=left,
            ),
        )
    where = _(" and ").join(stage.nodes)
    stage.facts.append(
        _("{count} orders, one of them cancelled: the same at {where}", count=len(placed), where=where)
    )


SCENARIO = Scenario(
    name="replicates",
    group="contrast",
    title=N_("What one branch writes, the other has a moment later."),
    play=_play,
    any_node=True,
    nodes=2,
)
