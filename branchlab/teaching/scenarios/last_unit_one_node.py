"""The last unit, two buyers at the branch that has it."""

from branchlab.language import N_
from branchlab.teaching.scenarios.duel import ROUNDS, SETTINGS, Duel, play_duels
from branchlab.teaching.scenarios.scenario import Scenario
from branchlab.teaching.scenarios.stage import Stage


async def _play(stage: Stage) -> None:
    await play_duels(stage, Duel(buyers=(0, 0), wanted=1, units={0: 1}))


SCENARIO = Scenario(
    name="last-unit-one-node",
    group="seed",
    title=N_(
        "Two buyers want the last unit at the same branch: one gets it, the other is told that it is gone."
    ),
    play=_play,
    any_node=True,
    nodes=2,
    rounds=ROUNDS,
    settings=SETTINGS,
)
