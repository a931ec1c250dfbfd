"""A lesson under way: its scenarios share networks, so that a class waits for each of them only once."""

from collections import Counter
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from branchlab.checking.run import RunOutcome, new_name
from branchlab.networks.drivers import choose
from branchlab.networks.network import Policy, UpOptions
from branchlab.networks.running import Running, network_of_its_own
from branchlab.steps import Tell, silent
from branchlab.teaching.lesson.loader import Loaded
from branchlab.teaching.lesson.player import SETTINGS, Performance
from branchlab.teaching.scenarios.runner import RunOptions, play_on

Shape = tuple[int, Policy]
"""How many nodes a network has, and how it sells."""


@dataclass
class _Open:
    """A network that is up, and what ends it."""

    running: Running
    ending: ExitStack


class Session:
    """Plays scenarios under `directory`. A network is started when the first of `lessons` needs it, and is
    stopped after the last one that does, or after one that did not go well."""

    def __init__(self, lessons: Iterable[Loaded], driver: str, directory: Path) -> None:
        self._driver = choose(driver, directory).name
        self._directory = directory
        self._tell: Tell = silent
        self._needed: Counter[Shape] = Counter(shape for one in lessons for shape in _shapes(one))
        self._open: dict[Shape, _Open] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for shape in [*self._open]:
            self._close(shape)

    def play(self, performance: Performance, *, tell: Tell = silent) -> list[RunOutcome]:
        """One outcome for each policy of the scenario; `tell` gets what it waits for."""
        self._tell = tell
        try:
            return self._play(performance)
        finally:
            self._tell = silent

    def _say(self, line: str) -> None:
        self._tell(line)

    def _play(self, performance: Performance) -> list[RunOutcome]:
        scenario = performance.scenario()
        outcomes = []
        for shape in _shapes(performance.loaded):
            several = len(scenario.policies) > 1
            place = self._directory / scenario.name
            options = RunOptions(driver=self._driver, directory=self._directory)
            outcome = play_on(
                scenario,
                options,
                self._network(shape),
                place / shape[1] if several else place,
                tell=self._tell,
            )
            outcomes.append(outcome)
            self._needed[shape] -= 1
            if outcome.exit_code != 0 or self._needed[shape] <= 0:
                self._close(shape)
        return outcomes

    def _network(self, shape: Shape) -> Running:
        if shape not in self._open:
            nodes, policy = shape
            ending = ExitStack()
            running = ending.enter_context(
                network_of_its_own(
                    self._driver,
                    self._directory / "networks" / f"{nodes}-{policy}",
                    UpOptions(nodes=nodes, policy=policy, settings=SETTINGS),
                    run=new_name("lesson"),
                    keeps_data=self._driver == "process",
                    tell=self._say,
                )
            )
            self._open[shape] = _Open(running, ending)
        return self._open[shape].running

    def _close(self, shape: Shape) -> None:
        if (known := self._open.pop(shape, None)) is not None:
            known.ending.close()


def _shapes(loaded: Loaded) -> list[Shape]:
    return [(loaded.lesson.nodes, policy) for policy in loaded.lesson.policies]
