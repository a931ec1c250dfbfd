"""The last unit is at a third branch, and two others sell it at once."""

from lab.teaching.scenarios.duel import ROUNDS, SETTINGS, Duel, play_duels
from lab.teaching.scenarios.stage import Scenario, Stage


async def _play(stage: Stage) -> None:
    await play_duels(stage, Duel(buyers=(0, 1), wanted=1, units={2: 1}))


SCENARIO = Scenario(
    name="last-unit-third-node",
    group="seed",
    title="Two branches sell the last unit at once while a third one holds it: exactly one sale happens.",
    play=_play,
    rounds=ROUNDS,
    settings=SETTINGS,
)
