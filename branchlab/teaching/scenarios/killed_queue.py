"""A branch sells while its peer is away, and its power fails before the peer is back."""

from branchlab.language import N_, _
from branchlab.teaching.scenarios.scenario import Scenario
from branchlab.teaching.scenarios.selling import open_shop, sell
from branchlab.teaching.scenarios.stage import Stage

_ORDERS = 5


async def _play(stage: Stage) -> None:
    seller, peer = stage.nodes[0], stage.nodes[1]
    shop = await open_shop(stage, 4 * _ORDERS)
    await stage.stop(peer)
    sold = await sell(stage, shop, seller, _ORDERS, "alone")
    waiting = (await stage.status(seller))["pending"][peer]
    await stage.kill(seller)
    await stage.start(seller, peer)
    for node in stage.nodes:
        await stage.until(
            stage.operations.clients[node].is_ready, _("{node} did not get ready by itself", node=node)
        )
    await stage.converge()
    there = len(await stage.operations.clients[peer].orders())
    stage.facts.append(
        _(
            "{seller} sold {sold} alone and had {waiting} pending; killed, and now {peer} has"
            " {there} of them",
            seller=seller,
            sold=sold,
            waiting=waiting,
            peer=peer,
            there=there,
        )
    )


SCENARIO = Scenario(
    name="killed-queue",
    group="contrast",
    title=N_("A branch sells while its peer is away, then is killed: the peer still gets every sale."),
    play=_play,
    any_node=True,
    nodes=2,
    settings={"REBALANCE_SECONDS": "0"},
)
