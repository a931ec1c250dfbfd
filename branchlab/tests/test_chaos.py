"""Chaos: the schedule is decided by its seed, and whatever happens all is healed at the end."""

import itertools
from string import Formatter

import pytest

from branchlab.chaos.play import play
from branchlab.chaos.schedule import Fault, plan
from branchlab.chaos.words import TEXTS, said

NODES = ("filial-norte", "filial-sul", "matriz")


class RecordedNodes:
    """Nodes that note what is done to them; `fails_at` is a verb that goes wrong."""

    def __init__(self, *, fails_at: str | None = None) -> None:
        self.done: list[str] = []
        self._fails_at = fails_at

    def pause(self, node: str) -> None:
        self._do("pause", node)

    def resume(self, node: str) -> None:
        self._do("resume", node)

    def stop(self, node: str) -> None:
        self._do("stop", node)

    def start(self, node: str) -> None:
        self._do("start", node)

    def heal(self) -> None:
        self.done.append("heal")

    def _do(self, verb: str, node: str) -> None:
        self.done.append(f"{verb} {node}")
        if verb == self._fails_at:
            raise KeyboardInterrupt


class Hands:
    """A clock whose hands move when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 100.0

    def read(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def run(faults: tuple[Fault, ...], nodes: RecordedNodes) -> float:
    """Plays the faults; returns how long that took."""
    hands = Hands()
    play(faults, nodes, tell=lambda _line: None, sleep=hands.sleep, clock=hands.read)
    return hands.now - 100.0


def test_a_seed_decides_the_schedule() -> None:
    assert plan(NODES, seconds=120, seed=7) == plan(NODES, seconds=120, seed=7)
    assert plan(NODES, seconds=120, seed=7) != plan(NODES, seconds=120, seed=8)


@pytest.mark.parametrize("seed", range(20))
def test_one_node_is_broken_at_a_time_and_all_in_time(seed: int) -> None:
    faults = plan(NODES, seconds=120, seed=seed)
    assert all(fault.begins < fault.ends <= 120 for fault in faults)
    assert all(earlier.ends < later.begins for earlier, later in itertools.pairwise(faults))
    assert {fault.kind for fault in faults} == {"pause", "stop"}


def test_every_fault_is_undone_in_its_own_way_and_at_its_time() -> None:
    nodes = RecordedNodes()
    faults = (Fault("matriz", "pause", begins=1, ends=3), Fault("filial-sul", "stop", begins=4, ends=9))
    assert run(faults, nodes) == pytest.approx(9)
    assert nodes.done == ["pause matriz", "resume matriz", "stop filial-sul", "start filial-sul", "heal"]


def test_an_interrupted_schedule_is_healed_too() -> None:
    nodes = RecordedNodes(fails_at="pause")
    with pytest.raises(KeyboardInterrupt):
        run((Fault("matriz", "pause", begins=1, ends=3),), nodes)
    assert nodes.done == ["pause matriz", "heal"]


def test_the_container_says_the_same_in_both_languages(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, (english, portuguese) in TEXTS.items():
        fields = [
            [field for _, field, _, _ in Formatter().parse(text) if field] for text in (english, portuguese)
        ]
        assert sorted(fields[0]) == sorted(fields[1]), name
    monkeypatch.setenv("LAB_LANG", "pt_BR.UTF-8")
    assert said("back", node="matriz") == "matriz voltou"
    monkeypatch.setenv("LAB_LANG", "en")
    assert said("back", node="matriz") == "matriz is back"
