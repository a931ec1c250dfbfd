"""A branch sells while its peer is away and loses its disk; then the peer sells all that it counts."""

from branchlab.language import N_, _
from branchlab.teaching.scenarios.scenario import Scenario
from branchlab.teaching.scenarios.selling import open_shop, sell, sell_out
from branchlab.teaching.scenarios.stage import Stage

_UNITS = 10
_ALONE = 3  # orders that only the lost disk had


async def _play(stage: Stage) -> None:
    victim, peer = stage.nodes
    shop = await open_shop(stage, _UNITS)
    known = await sell(stage, shop, victim, 1, "known")
    await stage.converge()
    await stage.stop(peer)
    alone = await sell(stage, shop, victim, _ALONE, "alone")
    await stage.lose_disk(victim, "wipe", lambda: stage.driver.wipe(victim))
    await stage.start(peer)
    await stage.comes_back(victim)
    await stage.converge()
    sold = {node: await sell_out(stage, shop, node) for node in (peer, victim)}
    await stage.converge()
    shown = {node: len(await client.orders()) for node, client in stage.operations.clients.items()}
    stage.facts.append(
        _(
            "{units} units; {victim} sold {known}, {alone} of them alone, and lost its disk; then"
            " {peer} sold {sold} and {victim} {more}",
            units=_UNITS,
            victim=victim,
            known=known + alone,
            alone=alone,
            peer=peer,
            sold=sold[peer],
            more=sold[victim],
        )
    )
    stage.facts.append(
        _(
            "orders at the end: {counts}",
            counts=", ".join((f"{node} {count}" for node, count in shown.items())),
        )
    )


SCENARIO = Scenario(
    name="wiped-twice",
    group="contrast",
    title=N_("A branch loses its disk with what it just sold: those units are not sold a second time."),
    play=_play,
    any_node=True,
    nodes=2,
    exactly=True,
    settings={"REBALANCE_SECONDS": "0"},
)
