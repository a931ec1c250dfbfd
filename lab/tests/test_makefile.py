"""The Makefile: what a class types is listed in both languages, and variables become options."""

import subprocess

import pytest

from lab.settings import ROOT

VERBS = (
    "up",
    "down",
    "status",
    "watch",
    "partition",
    "heal",
    "decommission",
    "chaos",
    "demo",
    "load",
    "load-ui",
    "replay",
    "run",
    "torture",
    "teeth",
    "model",
    "verify",
    "test",
    "check",
    "clean",
    "help",
)


def make(*arguments: str) -> str:
    return subprocess.run(
        ["make", "--no-print-directory", *arguments], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout


@pytest.mark.parametrize("verb", VERBS)
def test_help_lists_every_verb_with_portuguese_and_english_below(verb: str) -> None:
    lines = make("help").splitlines()
    row = next(number for number, line in enumerate(lines) if line.split()[:2] == ["make", verb])
    assert all(line.startswith("      ") for line in lines[row + 1 : row + 3])


@pytest.mark.parametrize(
    ("arguments", "command"),
    [
        (("up",), ".venv/bin/python -m lab up --driver auto"),
        (
            ("up", "DRIVER=process", "NODES=4", "POLICY=optimistic", "BASE_PORT=18021"),
            ".venv/bin/python -m lab up --driver process --nodes 4 --policy optimistic --base-port 18021",
        ),
        (
            ("partition", "NODE=filial-sul", "FAULT=stop"),
            ".venv/bin/python -m lab partition filial-sul --fault stop",
        ),
        (("decommission", "NODE=filial-sul"), ".venv/bin/python -m lab decommission filial-sul"),
        (("up", "FAULTS=1"), ".venv/bin/python -m lab up --driver auto --faults"),
        (
            ("partition", "NODE=filial-sul", "FAULT=cut"),
            ".venv/bin/python -m lab partition filial-sul --fault cut",
        ),
        (("chaos", "SECONDS=20", "SEED=7"), ".venv/bin/python -m lab chaos --seconds 20 --seed 7"),
        (
            ("demo", "LANG=pt_BR", "DRIVER=process", "FAULT=stop"),
            ".venv/bin/python -m lab demo --driver process --fault stop --lang pt_BR",
        ),
        (
            ("load", "USERS=10", "TIME=20s", "SHAPE=rush-hour"),
            ".venv/bin/python -m lab load --users 10 --time 20s --driver auto --shape rush-hour",
        ),
        (("load-ui",), ".venv/bin/python -m lab load --ui --driver auto"),
        (("replay", "DIR=my orders"), '.venv/bin/python -m lab replay "my orders"'),
        (("run", "SCENARIO=kill-nine"), ".venv/bin/python -m lab run kill-nine"),
        (
            ("torture", "MINUTES=10", "SEED=7", "DRIVER=process", "NODES=5"),
            ".venv/bin/python -m lab torture --minutes 10 --driver process --seed 7 --nodes 5",
        ),
        (("teeth", "ONLY=cursor", "JOBS=1"), '.venv/bin/python -m lab teeth --only "cursor" --jobs 1'),
        (("model",), ".venv/bin/python -m lab model"),
        (
            ("model", "HISTORIES=2000", "SEED=7", "JOBS=1", "DEMAND=1"),
            ".venv/bin/python -m lab model --histories 2000 --seed 7 --jobs 1 --demand",
        ),
        (("verify", "FILE=my run.jsonl"), '.venv/bin/python -m lab verify "my run.jsonl"'),
    ],
)
def test_variables_become_options(arguments: tuple[str, ...], command: str) -> None:
    assert make("-n", *arguments).splitlines()[-1].split() == command.split()


def test_a_missing_variable_is_named() -> None:
    ended = subprocess.run(["make", "-n", "partition"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert "say which branch: make partition NODE=filial-sul" in ended.stderr
