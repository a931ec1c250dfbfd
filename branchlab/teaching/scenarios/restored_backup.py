"""A branch's database is put back to an older copy while all sell: it begins another life, gets back what its
peers have, and sells nothing it may have spent."""

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

from branchlab.language import N_, _
from branchlab.teaching.scenarios.scenario import Scenario
from branchlab.teaching.scenarios.shelf import SETTINGS, Shelf
from branchlab.teaching.scenarios.stage import Stage

_LOAD_SECONDS = 2.0  # before the copy, between copy and return, and afterwards
_ALONE = 10  # orders that only the copy has


async def _play(stage: Stage) -> None:
    victim = stage.nodes[-1]
    with TemporaryDirectory() as place:
        for number in range(1, stage.rounds + 1):
            copy = Path(place) / f"{number}.db"
            await _go_back_under_load(stage, Shelf(stage, f"{number}A"), victim, copy)
            await _bring_orders_back(stage, Shelf(stage, f"{number}B"), victim, copy)


async def _go_back_under_load(stage: Stage, shelf: Shelf, victim: str, copy: Path) -> None:
    await shelf.stock()
    before = (await stage.status(victim))["epoch"]
    async with shelf.selling(*stage.nodes):
        await asyncio.sleep(_LOAD_SECONDS)
        await asyncio.to_thread(stage.driver.backup, victim, copy)
        await asyncio.sleep(_LOAD_SECONDS)
        at_risk = await stage.lose_disk(victim, "restore", lambda: stage.driver.restore(victim, copy))
        await stage.comes_back(victim)
        await asyncio.sleep(_LOAD_SECONDS)
    await shelf.check(victim, at_risk)
    after = (await stage.status(victim))["epoch"]
    stage.expect(
        after != before, _("{victim} goes on with the epoch of the time before its restore", victim=victim)
    )


async def _bring_orders_back(stage: Stage, shelf: Shelf, victim: str, copy: Path) -> None:
    """The copy is all that is left of the orders that the branch took alone: the others get them from it."""
    await shelf.stock()
    others = tuple(node for node in stage.nodes if node != victim)
    await stage.stop(*others)
    await shelf.sell(victim, _ALONE)
    await asyncio.to_thread(stage.driver.backup, victim, copy)
    at_risk = await stage.lose_disk(victim, "restore", lambda: stage.driver.restore(victim, copy))
    await stage.start(*others)
    await stage.comes_back(victim)
    await shelf.check(victim, at_risk)
    shown = {order["id"] for order in await stage.operations.clients[others[0]].orders()}
    stage.expect(
        shelf.sold.keys() <= shown,
        _("{others} lacks orders that the copy of {victim} has", others=others[0], victim=victim),
    )


SCENARIO = Scenario(
    name="restored-backup",
    group="disk",
    title=N_("A branch is put back to an older copy of its database: another life, and no order lost."),
    play=_play,
    settings=SETTINGS,
)
