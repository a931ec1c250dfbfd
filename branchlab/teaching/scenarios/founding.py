"""Empty nodes that start together become one network with one admin."""

import json

from branchlab.language import N_, _
from branchlab.teaching.scenarios.scenario import Scenario
from branchlab.teaching.scenarios.stage import Stage

ROUNDS = 3


async def _play(stage: Stage) -> None:
    """The network was started a moment ago, by all its nodes at once."""
    await stage.converge()
    admin = stage.secrets.admin_username
    users = {node: await client.users() for node, client in stage.operations.clients.items()}
    for node, rows in users.items():
        names = [user["username"] for user in rows]
        stage.expect(
            names == [admin],
            _("{node} has the users {names}, should be only {admin}", node=node, names=names, admin=admin),
        )
    stage.expect(
        len({json.dumps(rows, sort_keys=True) for rows in users.values()}) == 1,
        _("the nodes show different admins: {users}", users=users),
    )
    await _sell_everywhere(stage)
    stage.facts.append(
        _("{count} empty nodes founded one network with one {admin}", count=len(stage.nodes), admin=admin)
    )


async def _sell_everywhere(stage: Stage) -> None:
    """A founded network sells: one order at each node."""
    first, sku = stage.nodes[0], f"{stage.tag}-P"
    await stage.operations.create_product(first, sku, "First product", 100)
    await stage.operations.create_customer(first, {"code": f"{stage.tag}-C", "name": "First customer"})
    await stage.operations.adjust(first, sku, len(stage.nodes), share="keep")
    await stage.converge()
    for node in stage.nodes:
        placed = await stage.operations.place(
            node, f"{stage.tag}-C", [{"sku": sku, "quantity": 1}], key=f"{stage.tag}-{node}"
        )
        if stage.expect_answer(placed, _("the order at {node}", node=node)):
            stage.expect(
                placed.outcome == "accepted",
                _("the order at {node} was {outcome}", node=node, outcome=placed.outcome),
            )


SCENARIO = Scenario(
    name="founding",
    group="identity",
    title=N_(
        "Three empty nodes start at once: they found one network with one admin, and each of them sells."
    ),
    play=_play,
    rounds=ROUNDS,
    fresh_rounds=True,
    needs_own_network=True,
)
