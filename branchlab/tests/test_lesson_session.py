"""The scenarios of a lesson share networks: each is started once, and stopped when no other needs it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from branchlab.checking.run import RunOutcome
from branchlab.checking.verdict import Verdict
from branchlab.networks.drivers.process import ProcessDriver
from branchlab.networks.network import Network, UpOptions
from branchlab.networks.running import Running
from branchlab.settings import Secrets
from branchlab.teaching.lesson import session
from branchlab.teaching.lesson.ballot import Ballot
from branchlab.teaching.lesson.loader import Loaded, load_all
from branchlab.teaching.lesson.player import Performance
from branchlab.teaching.scenarios.scenario import Scenario

LESSONS = {one.lesson.id[:2]: one for one in load_all()}


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is started, played and stopped, in order; s1 fails."""
    lines: list[str] = []

    @contextmanager
    def started(driver: str, directory: Path, wanted: UpOptions, **_: Any) -> Iterator[Running]:
        name = f"{wanted.nodes} {wanted.policy}"
        lines.append(f"start {name}")
        network = Network(driver, (), wanted.policy or "escrow")
        yield Running(ProcessDriver(directory), network, Secrets("c", "j", "r", "u", "p"), started=True)
        lines.append(f"stop {name}")

    def played(scenario: Scenario, _options: Any, running: Running, directory: Path, **_: Any) -> RunOutcome:
        lines.append(f"play {scenario.name[:2]} {running.network.policy}")
        verdict = Verdict("FAIL" if scenario.name.startswith("s1") else "PASS", 1, 0, 0, 0, 0, True)
        return RunOutcome(verdict=verdict, log=directory / "run.jsonl")

    monkeypatch.setattr(session, "network_of_its_own", started)
    monkeypatch.setattr(session, "play_on", played)
    return lines


def play(names: list[str], directory: Path) -> None:
    chosen: list[Loaded] = [LESSONS[name] for name in names]
    with session.Session(chosen, "process", directory) as under_way:
        for one in chosen:
            under_way.play(Performance(one, Ballot(one.lesson.predict)))


def test_a_network_is_started_once_and_stopped_after_the_last_scenario_that_needs_it(
    told: list[str], tmp_path: Path
) -> None:
    play(["s3", "s4", "s5"], tmp_path)
    assert told == [
        "start 3 escrow", "play s3 escrow",
        "start 2 optimistic", "play s4 optimistic", "stop 2 optimistic",
        "start 2 escrow", "play s4 escrow", "stop 2 escrow",
        "play s5 escrow", "stop 3 escrow",
    ]  # fmt: skip


def test_after_a_scenario_that_failed_the_next_one_gets_another_network(
    told: list[str], tmp_path: Path
) -> None:
    play(["s1", "s2"], tmp_path)
    assert told == [
        "start 3 escrow", "play s1 escrow", "stop 3 escrow",
        "start 3 escrow", "play s2 escrow", "stop 3 escrow",
    ]  # fmt: skip
