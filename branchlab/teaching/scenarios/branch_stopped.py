"""A branch is stopped while the others sell."""

from branchlab.language import N_
from branchlab.teaching.scenarios.branch_down import ROUNDS, SETTINGS, play_branch_down
from branchlab.teaching.scenarios.scenario import Scenario
from branchlab.teaching.scenarios.stage import Stage


async def _play(stage: Stage) -> None:
    await play_branch_down(stage, away=Stage.stop, back=Stage.start)


SCENARIO = Scenario(
    name="branch-stopped",
    group="seed",
    title=N_("A branch is switched off: the others sell on, and it catches up by itself after its restart."),
    play=_play,
    any_node=True,
    rounds=ROUNDS,
    settings=SETTINGS,
)
