"""A branch is stopped while the others sell."""

from lab.teaching.scenarios.branch_down import ROUNDS, SETTINGS, play_branch_down
from lab.teaching.scenarios.stage import Scenario, Stage


async def _play(stage: Stage) -> None:
    await play_branch_down(stage, away=Stage.stop, back=Stage.start)


SCENARIO = Scenario(
    name="branch-stopped",
    group="seed",
    title="A branch is switched off: the others sell on, and it catches up by itself after its restart.",
    play=_play,
    rounds=ROUNDS,
    settings=SETTINGS,
)
