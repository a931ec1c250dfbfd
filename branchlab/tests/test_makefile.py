"""The Makefile: what a class types is listed in both languages, and variables become options."""

import re
import subprocess

import pytest
from typer.main import get_command

from branchlab.cli import app
from branchlab.settings import ROOT
from branchlab.teaching.scenarios import registry

VERBS = (
    "up",
    "down",
    "status",
    "watch",
    "doctor",
    "partition",
    "cut",
    "slow",
    "flaky",
    "duplicate",
    "reorder",
    "disk-full",
    "pause",
    "resume",
    "stop",
    "kill",
    "start",
    "chaos",
    "heal",
    "backup",
    "restore",
    "wipe",
    "count",
    "salvage",
    "decommission",
    "reset-admin",
    "parked",
    "altered",
    "adopt",
    "sweep",
    "demo",
    "demo-data",
    "load",
    "load-ui",
    "replay",
    "run",
    "torture",
    "conform",
    "climb",
    "teeth",
    "model",
    "pythons",
    "verify",
    "runs",
    "test",
    "check",
    "audit",
    "sbom",
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
        (("up",), "./lab up --ui --driver auto"),
        (("up", "UI=0"), "./lab up --driver auto"),
        (("up", "UI_PORT=18081"), "./lab up --ui --ui-port 18081 --driver auto"),
        (("ui", "AUDIENCE=1", "UI_PORT=18081"), "./lab ui --port 18081 --audience"),
        (("ui", "RUN=my run.jsonl"), './lab ui "my run.jsonl"'),
        (
            ("up", "DRIVER=process", "NODES=4", "POLICY=optimistic", "BASE_PORT=18021"),
            "./lab up --ui --driver process --nodes 4 --policy optimistic --base-port 18021",
        ),
        (
            ("partition", "NODE=filial-sul", "FAULT=stop"),
            "./lab partition filial-sul --fault stop",
        ),
        (("reset-admin", "NODE=matriz", "YES=1"), "./lab reset-admin matriz --yes"),
        (("decommission", "NODE=filial-sul"), "./lab decommission filial-sul"),
        (
            ("decommission", "NODE=filial-sul", "WITHOUT_MAJORITY=1"),
            "./lab decommission filial-sul --without-majority",
        ),
        (("up", "FAULTS=1"), "./lab up --ui --driver auto --faults"),
        (("up", "FAULTS=0"), "./lab up --ui --driver auto --no-faults"),
        (("up", "NODE_IMPL=my node"), './lab up --ui --driver auto --node-impl "my node"'),
        (("up", "RIGHTS=still"), "./lab up --ui --driver auto --rights still"),
        (("partition", "FAULT=cut"), "./lab partition --fault cut"),
        (
            ("partition", "NODE=filial-sul", "FAULT=cut"),
            "./lab partition filial-sul --fault cut",
        ),
        (("adopt",), "./lab adopt"),
        (("adopt", "NAME=acme-1234abcd"), "./lab adopt acme-1234abcd"),
        (("sweep", "YES=1"), "./lab sweep --yes"),
        (("cut", "A=matriz", "B=filial-sul"), "./lab cut matriz filial-sul"),
        (
            ("cut", "A=matriz", "B=filial-sul", "ONE_WAY=1", "LEASE=60"),
            "./lab cut matriz filial-sul --one-way --lease 60",
        ),
        (("slow", "A=matriz", "B=filial-sul"), "./lab slow matriz filial-sul 800ms"),
        (
            ("slow", "A=matriz", "B=filial-sul", "DELAY=1s±200ms", "SEED=7"),
            "./lab slow matriz filial-sul 1s±200ms --seed 7",
        ),
        (("flaky", "A=matriz", "B=filial-sul", "LOSS=5%"), "./lab flaky matriz filial-sul 5%"),
        (
            ("duplicate", "A=matriz", "B=filial-sul", "COPIES=3"),
            "./lab duplicate matriz filial-sul --copies 3",
        ),
        (("reorder", "A=matriz", "B=filial-sul"), "./lab reorder matriz filial-sul"),
        (("reorder", "A=matriz", "B=filial-sul", "SHARE=20%"), "./lab reorder matriz filial-sul 20%"),
        (("disk-full", "NODE=matriz", "LEASE=60"), "./lab disk-full matriz --lease 60"),
        (("pause", "NODE=matriz"), "./lab pause matriz"),
        (("resume", "NODE=matriz"), "./lab resume matriz"),
        (("stop", "NODE=matriz"), "./lab stop matriz"),
        (("kill", "NODE=matriz"), "./lab kill matriz"),
        (("start", "NODE=matriz"), "./lab start matriz"),
        (("backup", "NODE=matriz", "FILE=my copy.db"), './lab backup matriz "my copy.db"'),
        (("restore", "NODE=matriz", "FILE=a.db", "YES=1"), './lab restore matriz "a.db" --yes'),
        (("wipe", "NODE=matriz"), "./lab wipe matriz"),
        (("count", "SKU=CAFE 500", "GONE=-1"), './lab count "CAFE 500" --gone -1'),
        (("parked", "NODE=matriz", "REPLAY=1"), "./lab parked matriz --replay"),
        (("altered", "NODE=matriz", "ACCEPT=1", "YES=1"), "./lab altered matriz --accept --yes"),
        (("demo-data",), "./lab demo-data"),
        (("demo-data", "DIR=my orders"), './lab demo-data "my orders"'),
        (("chaos", "SECONDS=20", "SEED=7"), "./lab chaos --seconds 20 --seed 7"),
        (
            ("demo", "LANG=pt_BR", "DRIVER=process", "FAULT=stop"),
            "./lab demo --driver process --fault stop --lang pt_BR",
        ),
        (
            ("load", "USERS=10", "TIME=20s", "SUITE=rush-hour", "WORKERS=2"),
            "./lab load --users 10 --time 20s --driver auto --suite rush-hour --workers 2",
        ),
        (("load-ui",), "./lab load --ui --driver auto"),
        (("replay", "DIR=my orders"), './lab replay "my orders"'),
        (("run", "SCENARIO=kill-nine"), "./lab run kill-nine"),
        (("run", "SCENARIO=replicates", "NODE_IMPL=plain"), './lab run replicates --node-impl "plain"'),
        (("conform", "URL=http://a http://b"), "./lab conform http://a http://b"),
        (("climb", "NODE_IMPL=my node", "ONLY=3"), './lab climb --node-impl "my node" --only 3'),
        (("run",), "./lab run --list"),
        (
            ("torture", "MINUTES=10", "SEED=7", "DRIVER=process", "NODES=5"),
            "./lab torture --minutes 10 --driver process --seed 7 --nodes 5",
        ),
        (("teeth", "ONLY=cursor", "JOBS=1"), './lab teeth --only "cursor" --jobs 1'),
        (("model",), "./lab model"),
        (
            ("model", "HISTORIES=2000", "SEED=7", "JOBS=1", "DEMAND=1"),
            "./lab model --histories 2000 --seed 7 --jobs 1 --demand",
        ),
        (("status",), "./lab status"),
        (("status", "LANG=pt_BR"), "./lab status --lang pt_BR"),
        (("watch", "LANG=en"), "./lab watch --lang en"),
        (("pythons",), "./lab pythons"),
        (("pythons", "ONLY=3.12", "JOBS=2"), './lab pythons --only "3.12" --jobs 2'),
        (("audit",), "./lab audit"),
        (("verify", "FILE=my run.jsonl"), './lab verify "my run.jsonl"'),
        (("verify",), "./lab verify"),
        (("runs",), "./lab runs"),
    ],
)
def test_variables_become_options(arguments: tuple[str, ...], command: str) -> None:
    assert make("-n", *arguments).splitlines()[-1].split() == command.split()


@pytest.mark.parametrize("target", [".venv/.installed", "build/audit/.installed", "lock"])
def test_what_installs_packages_says_so_first_in_both_languages(target: str) -> None:
    commands = make("-n", "-B", target).splitlines()
    said = next(number for number, line in enumerate(commands) if line.startswith("echo"))
    assert " | " in commands[said]
    assert not any("pip" in line or "-m venv" in line for line in commands[:said])


def test_packages_are_listed_as_they_come_where_no_terminal_shows_the_bars_of_pip() -> None:
    """The recipe is run with a program in the place of pip, which fails in the end."""
    recipe = next(line for line in make("-n", "-B", ".venv/.installed").splitlines() if "pip install" in line)
    fake = "echo Collecting alembic==1.20.1 from there; echo ' Downloading it'; echo Installing all; exit 3"
    command = recipe.replace(".venv/bin/python -m pip install", f'bash -c "{fake}"')
    ended = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (3, "")
    assert ended.stderr == "  alembic==1.20.1\n  …\n"


@pytest.mark.parametrize(
    ("arguments", "advice"),
    [
        (("wipe",), "say which branch: make wipe NODE=filial-sul"),
        (("cut", "A=matriz"), "say between which branches: make cut A=matriz B=filial-sul"),
        (("backup", "NODE=matriz"), "say to which file: make backup NODE=filial-sul FILE=copy.db"),
        (("count", "SKU=CAFE-500"), "say how many units are gone: make count SKU=CAFE-500 GONE=3"),
    ],
)
def test_a_missing_variable_is_named(arguments: tuple[str, ...], advice: str) -> None:
    ended = subprocess.run(["make", "-n", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    assert advice in ended.stderr


def test_every_verb_of_the_lab_is_a_target_that_help_lists() -> None:
    listed = {line.split()[1] for line in make("help").splitlines() if line.startswith("  make ")}
    assert set(get_command(app).commands) - listed == set()  # type: ignore[attr-defined]  # a group, which has commands


def test_help_puts_every_target_below_a_heading_in_both_languages() -> None:
    shown = make("help").partition("\n\n")[2]  # below what lists itself
    headings = [block.splitlines()[0] for block in shown.split("\n\n")]

    assert len(headings) > 5
    assert [heading for heading in headings if not re.fullmatch(r"\w.* \| \w.*", heading)] == []


def test_every_scenario_that_the_makefile_names_exists() -> None:
    named = set(re.findall(r"SCENARIO=([a-z][a-z-]*)", (ROOT / "Makefile").read_text(encoding="utf-8")))
    assert named
    assert named <= {scenario.name for scenario in registry.in_group("all")}
