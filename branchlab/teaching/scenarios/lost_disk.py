"""A branch loses its disk while all sell: it comes back by itself with what its peers had, and sells nothing
it may have spent."""

import asyncio
import time

from branchlab.language import N_, _
from branchlab.nodes.outcome import Refused
from branchlab.teaching.scenarios.scenario import Scenario
from branchlab.teaching.scenarios.shelf import SETTINGS, Shelf
from branchlab.teaching.scenarios.stage import Stage

_LOAD_SECONDS = 2.0  # before the loss, and after the return
_ALONE = 20  # orders that only the lost disk had


async def _play(stage: Stage) -> None:
    victim, absent = stage.nodes[-1], stage.nodes[0]
    for number in range(1, stage.rounds + 1):
        await _lose_under_load(stage, Shelf(stage, f"{number}A"), victim, absent=())
        await _lose_under_load(stage, Shelf(stage, f"{number}B"), victim, absent=(absent,))
        await _lose_alone(stage, Shelf(stage, f"{number}C"), victim)


async def _lose_under_load(stage: Stage, shelf: Shelf, victim: str, *, absent: tuple[str, ...]) -> None:
    """With every other branch there, or with some of them stopped meanwhile."""
    await shelf.stock()
    before = (await stage.status(victim))["epoch"]
    await stage.stop(*absent)
    async with shelf.selling(*(node for node in stage.nodes if node not in absent)):
        await asyncio.sleep(_LOAD_SECONDS)
        at_risk = await stage.lose_disk(victim, "wipe", lambda: stage.driver.wipe(victim))
        began = time.monotonic()
        if await stage.comes_back(victim):
            seconds = time.monotonic() - began
            stage.facts.append(
                _(
                    "{victim} served {seconds:.1f} s after its new disk, {without}",
                    victim=victim,
                    seconds=seconds,
                    without=_without(absent),
                )
            )
        await asyncio.sleep(_LOAD_SECONDS)
    await stage.start(*absent)
    await shelf.check(victim, at_risk)
    await _expect_another_life(stage, victim, before)


async def _lose_alone(stage: Stage, shelf: Shelf, victim: str) -> None:
    """With every other branch stopped: what was sold meanwhile is gone, and the node waits for a peer."""
    await shelf.stock()
    before = (await stage.status(victim))["epoch"]
    others = tuple(node for node in stage.nodes if node != victim)
    await stage.stop(*others)
    await shelf.sell(victim, _ALONE)
    at_risk = await stage.lose_disk(victim, "wipe", lambda: stage.driver.wipe(victim))
    stage.expect(
        len(at_risk) == _ALONE,
        _("{count} orders were at risk, should be {alone}", count=len(at_risk), alone=_ALONE),
    )
    await stage.until(
        lambda: _waits(stage, victim), _("{victim} did not say that it waits for its peers", victim=victim)
    )
    await stage.start(*others)
    await stage.comes_back(victim)
    await shelf.check(victim, at_risk)
    await _expect_another_life(stage, victim, before)


async def _waits(stage: Stage, victim: str) -> bool:
    """Whether an empty node without peers says that it is not ready, rather than selling."""
    try:
        await stage.status(victim)
    except Refused as refused:
        return refused.code == "not_ready"
    return False


async def _expect_another_life(stage: Stage, victim: str, before: str | None) -> None:
    after = (await stage.status(victim))["epoch"]
    stage.expect(after != before, _("{victim} goes on with the epoch of its lost disk", victim=victim))


def _without(absent: tuple[str, ...]) -> str:
    return _("with {absent} stopped", absent=", ".join(absent)) if absent else _("with every peer there")


SCENARIO = Scenario(
    name="lost-disk",
    group="disk",
    title=N_(
        "A branch loses its disk: it comes back by itself, and a stock count releases what it had to sell."
    ),
    play=_play,
    settings=SETTINGS,
)
