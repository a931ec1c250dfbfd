"""Three units here, two there, and both branches have an order for all five."""

from branchlab.language import N_
from branchlab.teaching.scenarios.duel import ROUNDS, SETTINGS, Duel, play_duels
from branchlab.teaching.scenarios.scenario import Scenario
from branchlab.teaching.scenarios.stage import Stage


async def _play(stage: Stage) -> None:
    await play_duels(stage, Duel(buyers=(0, 1), wanted=5, units={0: 3, 1: 2}))


SCENARIO = Scenario(
    name="three-plus-two",
    group="seed",
    title=N_(
        "One branch has 3 units, another 2, and both want all 5: one gets them, none is left over or lost."
    ),
    play=_play,
    any_node=True,
    nodes=2,
    rounds=ROUNDS,
    settings=SETTINGS,
)
