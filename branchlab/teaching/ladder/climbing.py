"""Plays the exercises one after the other, until one is not passed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from branchlab import interruption
from branchlab.checking.run import new_name
from branchlab.checking.verdict import Result
from branchlab.errors import LabError
from branchlab.language import _, shown
from branchlab.networks.drivers import choose
from branchlab.networks.implementation import driver_for, spoken
from branchlab.networks.network import UpOptions
from branchlab.networks.running import network_of_its_own
from branchlab.steps import Tell
from branchlab.teaching.ladder.conformance import Checked, conform
from branchlab.teaching.ladder.exercises import EXERCISES, Exercise
from branchlab.teaching.scenarios import registry
from branchlab.teaching.scenarios.runner import RunOptions, run

_NODES = 2


@dataclass(frozen=True)
class Step:
    """What came of an exercise: None where it was not tried. `why` is a counter-example, line by line."""

    exercise: Exercise
    result: Result | None
    why: tuple[str, ...] = ()


def climb(
    implementation: str,
    *,
    directory: Path,
    driver: str = "process",
    exercises: Sequence[Exercise] = EXERCISES,
    on_step: Callable[[Step], None],
    tell: Tell,
) -> list[Step]:
    """Every exercise in turn on fresh networks of those nodes, until one is not passed; the others are not
    tried. `on_step` gets each as soon as it is done."""
    place = directory / spoken(implementation)
    options = RunOptions(driver=driver, directory=place, implementation=implementation)
    rungs = [exercise.rung for exercise in exercises if exercise.rung is not None]
    judge = _Judge(options, rungs, tell)
    steps: list[Step] = []
    for exercise in exercises:
        fallen = any(step.result != "PASS" for step in steps)
        step = Step(exercise, None) if fallen else judge.play(exercise)
        steps.append(step)
        on_step(step)
    return steps


class _Judge:
    """Judges one exercise after the other. All that is judged by checks takes one network."""

    def __init__(self, options: RunOptions, rungs: Sequence[int], tell: Tell) -> None:
        self._options = options
        self._most = max(rungs, default=0)
        self._tell = tell
        self._checked: list[Checked] | None = None

    def play(self, exercise: Exercise) -> Step:
        """What comes of it. A node that does not start, or refuses what it should take, has not passed."""
        try:
            return (
                self._check(exercise) if exercise.scenario is None else self._run(exercise.scenario, exercise)
            )
        except LabError as error:
            return Step(exercise, "FAIL", (str(error),))

    def _run(self, scenario: str, exercise: Exercise) -> Step:
        options = replace(self._options, rounds=exercise.rounds)
        (outcome,) = run(registry.get(scenario), options, tell=self._tell)
        findings = (f"{one.promise}: {shown(one.words)}" for one in outcome.verdict.findings)
        why = (*findings, *map(shown, (*outcome.failures, *outcome.unjudged)))
        return Step(exercise, outcome.result, why)

    def _check(self, exercise: Exercise) -> Step:
        if self._checked is None:
            self._checked = self._ask()
        asked = [one for one in self._checked if one.check.rung <= (exercise.rung or 0)]
        broken = tuple(f"{one.check.route}: {one.why}" for one in asked if one.kept is False)
        return Step(exercise, "FAIL" if broken else "PASS", broken)

    def _ask(self) -> list[Checked]:
        options = self._options
        assert options.implementation is not None, "somebody's node climbs"
        chosen = choose(driver_for(options.implementation, options.driver), options.directory).name
        wanted = UpOptions(nodes=_NODES, implementation=options.implementation)
        place, name = options.directory / "checks", new_name("checks")
        with network_of_its_own(chosen, place, wanted, run=name, tell=self._tell) as running:
            self._tell(_("asking the nodes…"))
            return interruption.run(
                conform(
                    [node.url for node in running.network.nodes],
                    username=running.secrets.admin_username,
                    password=running.secrets.admin_password,
                    rungs=range(1, self._most + 1),
                )
            )
