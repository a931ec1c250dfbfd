"""The table of link faults: what a person writes and what a torture draws are settings of one form."""

from random import Random

import pytest
import typer.main

from branchlab import cli
from branchlab.faults.kinds import BY_NAME, KINDS, FaultKind
from branchlab.nodes.contract import LinkProbe

LOST: LinkProbe = {"answered": False, "seconds": 0.1, "error": "the lab lost this message"}
ANSWERED: LinkProbe = {"answered": True, "seconds": 0.1, "error": None}


@pytest.mark.parametrize(
    ("name", "written", "settings"),
    [
        ("cut", {}, {"hang_seconds": 0}),
        ("slow", {"delay": "800ms±200"}, {"delay_seconds": 0.8, "jitter_seconds": 0.2}),
        ("flaky", {"loss": "30%"}, {"loss": 0.3}),
        ("duplicate", {"copies": 2}, {"copies": 2}),
        ("reorder", {}, {"chance": 0.5}),
    ],
)
def test_what_is_written_and_what_is_drawn_have_the_same_names(
    name: str, written: dict[str, object], settings: dict[str, float]
) -> None:
    kind = BY_NAME[name]
    assert kind.settings(**written) == settings
    assert kind.draw(Random(1)).keys() == settings.keys()


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_kind_has_a_verb_with_what_all_have_and_a_seed_where_chance_decides(kind: FaultKind) -> None:
    verb = getattr(typer.main.get_command(cli.app), "commands", {})[kind.name]
    options = {parameter.name for parameter in verb.params}
    assert options >= {"a", "b", "one_way", "lease", "run_dir", "env_file"}
    assert ("seed" in options) == kind.by_chance
    assert verb.help == kind.settings.__doc__


def test_a_fault_is_felt_only_where_a_call_fared_as_it_should() -> None:
    assert BY_NAME["cut"].is_felt({}, LOST)
    assert not BY_NAME["cut"].is_felt({}, ANSWERED)
    assert BY_NAME["duplicate"].is_felt({"copies": 1}, ANSWERED)
    slow = {"delay_seconds": 0.3, "jitter_seconds": 0.15}
    assert not BY_NAME["slow"].is_felt(slow, ANSWERED)
    assert BY_NAME["slow"].is_felt(slow, {**ANSWERED, "seconds": 0.2})
