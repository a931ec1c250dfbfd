"""A branch's disk is full while all sell: it refuses, stores nothing by halves, and sells on once there is
room."""

from branchlab.faults import gates
from branchlab.language import N_, _
from branchlab.nodes.contract import WantedLine
from branchlab.teaching.scenarios.scenario import Scenario
from branchlab.teaching.scenarios.shelf import SETTINGS, Shelf
from branchlab.teaching.scenarios.stage import Stage

_LEASE_SECONDS = 300.0  # far beyond the scenario: it gives the room back itself
_REFUSED = 5  # orders refused for want of room before there is room again
_MOST_TRIED = 300  # the last pages of the file have room for some
_ORDERS = 10  # sold at the branch afterwards


async def _play(stage: Stage) -> None:
    victim, others = stage.nodes[-1], stage.nodes[:-1]
    client = stage.operations.clients[victim]
    for number in range(1, stage.rounds + 1):
        shelf = Shelf(stage, str(number))
        await shelf.stock()
        async with shelf.selling(*others):
            fault = stage.operations.log.fault_requested("fill", victim)
            await gates.fill_disk(client, lease_seconds=_LEASE_SECONDS)
            stage.operations.log.fault_active(fault)
            sold = await _sell_until_full(stage, shelf, victim)
            stage.expect(
                await client.is_ready(),
                _("{victim} does not serve reads while its disk is full", victim=victim),
            )
            await gates.empty_disk(client)
            stage.operations.log.fault_healed(fault)
            await shelf.sell(victim, _ORDERS)
        await stage.converge()
        stage.facts.append(
            _(
                "{victim} took {sold} orders into the last pages and refused {refused} (507); {orders}"
                " more when it had room, {count} in all",
                victim=victim,
                sold=sold,
                refused=_REFUSED,
                orders=_ORDERS,
                count=len(shelf.sold),
            )
        )


async def _sell_until_full(stage: Stage, shelf: Shelf, victim: str) -> int:
    """Places orders at the branch until enough are refused; how many were taken before."""
    lines: list[WantedLine] = [{"sku": shelf.sku, "quantity": 1}]
    taken = refused = 0
    while refused < _REFUSED and taken + refused < _MOST_TRIED:
        key = f"{shelf.sku}-full-{taken + refused}"
        placed = await stage.operations.place(victim, f"{shelf.sku}-BUYER", lines, key=key)
        if placed.order is not None:
            taken += 1
            continue
        refused += 1
        if not stage.expect_answer(placed, _("an order at {victim} without room", victim=victim)):
            continue
        said = [(one.status, one.code) for one in placed.refusals]
        stage.expect(
            said == [(507, "disk_full")],
            _("{victim} without room said {said}", victim=victim, said=said or placed.outcome),
        )
    stage.expect(
        refused == _REFUSED,
        _(
            "{victim} refused {refused} of {most_tried} orders without room",
            victim=victim,
            refused=refused,
            most_tried=_MOST_TRIED,
        ),
    )
    return taken


SCENARIO = Scenario(
    name="disk-full",
    group="disk",
    title=N_("A disk is full: the branch answers 507, stores nothing by halves, and sells on afterwards."),
    play=_play,
    settings={**SETTINGS, "LAB_FAULTS": "1"},
)
