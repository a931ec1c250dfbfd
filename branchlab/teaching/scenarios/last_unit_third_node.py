"""The last unit is at a third branch, and two others sell it at once."""

from branchlab.language import N_
from branchlab.teaching.scenarios.duel import ROUNDS, SETTINGS, Duel, play_duels
from branchlab.teaching.scenarios.scenario import Scenario
from branchlab.teaching.scenarios.stage import Stage


async def _play(stage: Stage) -> None:
    await play_duels(stage, Duel(buyers=(0, 1), wanted=1, units={2: 1}))


SCENARIO = Scenario(
    name="last-unit-third-node",
    group="seed",
    title=N_("Two branches sell the last unit at once while a third one holds it: exactly one sale happens."),
    play=_play,
    any_node=True,
    rounds=ROUNDS,
    settings=SETTINGS,
)
