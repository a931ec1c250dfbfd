"""A branch's disk ruins its database, at rest or in use: it is set aside, and built anew from peers."""

import asyncio

from branchlab.language import N_, _
from branchlab.teaching.scenarios.scenario import Scenario
from branchlab.teaching.scenarios.shelf import SETTINGS, Shelf
from branchlab.teaching.scenarios.stage import Stage

_LOAD_SECONDS = 2.0


async def _play(stage: Stage) -> None:
    victim = stage.nodes[-1]
    for number in range(1, stage.rounds + 1):
        await _ruin(stage, Shelf(stage, f"{number}A"), victim, at_rest=True)
        await _ruin(stage, Shelf(stage, f"{number}B"), victim, at_rest=False)


async def _ruin(stage: Stage, shelf: Shelf, victim: str, *, at_rest: bool) -> None:
    await shelf.stock()
    status = await stage.status(victim)
    before, kept = status["epoch"], len(status.get("salvage", ()))

    def act() -> None:
        if at_rest:
            stage.driver.stop(victim)
        stage.driver.corrupt(victim)
        stage.driver.start(victim)

    async def rebuilt() -> bool:
        clients = stage.operations.clients
        return await clients[victim].is_ready() and (await stage.status(victim))["epoch"] != before

    async def until_rebuilt() -> bool:
        when = _("at rest") if at_rest else _("in use")
        return await stage.until(
            rebuilt,
            _("the damage {when} was not found, or {victim} did not rebuild", when=when, victim=victim),
        )

    async with shelf.selling(*stage.nodes):
        await asyncio.sleep(_LOAD_SECONDS)
        at_risk = await stage.lose_disk(victim, "corrupt", act, until_over=until_rebuilt)
        await stage.comes_back(victim)

    async def is_salvaged() -> bool:
        files = (await stage.status(victim)).get("salvage", ())
        return len(files) > kept and all(file["complete"] for file in files)

    # What comes back of the file after a count would be missing from it twice.
    await stage.until(is_salvaged, _("{victim} did not salvage its damaged file", victim=victim))
    await shelf.check(victim, at_risk, salvaged=True)
    alarms = (await stage.status(victim))["alarms"]
    stage.expect(
        "damaged_database" in alarms, _("{victim} does not say that its database was damaged", victim=victim)
    )


SCENARIO = Scenario(
    name="damaged-disk",
    group="disk",
    title=N_("A disk ruins its database, at rest and in use: the node rebuilds from its peers by itself."),
    play=_play,
    settings={**SETTINGS, "SCRUB_SECONDS": "2"},
)
