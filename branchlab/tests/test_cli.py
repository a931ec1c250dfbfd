"""The command line: a mistake is one plain line and exit code 2; programs get JSON."""

import io
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from branchlab.networks import network, ports
from branchlab.networks.network import UpOptions, plan
from branchlab.settings import load_or_create
from branchlab.teaching.scenarios.registry import in_group
from branchlab.tests.program import exit_code


@pytest.fixture(autouse=True)
def own_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands without --run-dir act on this test's network, as another terminal would set it; the Docker of
    the machine has no say in what they answer."""
    monkeypatch.setenv("PATH", str(tmp_path / "programs"))
    monkeypatch.setenv("LAB_RUN_DIR", str(tmp_path / "run"))
    monkeypatch.setenv("LAB_ENV_FILE", str(tmp_path / "env"))


@pytest.fixture
def stopped_network(tmp_path: Path) -> None:
    """Two nodes that were never started."""
    free = ports.find_free(2)
    network.save(plan(None, UpOptions(nodes=2, ports=free), driver="process"), tmp_path / "run")
    load_or_create(tmp_path / "env")


def mistake(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The one line on stderr that the command ends with."""
    assert exit_code(*arguments) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if not line.endswith("…")]  # its progress
    assert len(lines) == 1
    return lines[0]


@pytest.mark.parametrize(
    "arguments", [("status",), ("heal",), ("partition", "matriz"), ("kill", "matriz"), ("watch",)]
)
def test_without_a_network_every_verb_says_how_to_start_one(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    assert mistake(capsys, *arguments) == "lab: there is no network yet; start one with `make up`"


@pytest.mark.usefixtures("stopped_network")
@pytest.mark.parametrize("verb", ["partition", "start", "stop", "pause", "resume", "kill"])
def test_a_wrong_node_is_answered_with_the_right_names(capsys: pytest.CaptureFixture[str], verb: str) -> None:
    line = mistake(capsys, verb, "filial-marte")
    assert line == "lab: there is no node 'filial-marte'; the nodes are matriz, filial-norte"


@pytest.mark.usefixtures("stopped_network")
def test_a_wrong_fault_is_answered_with_the_right_ones(capsys: pytest.CaptureFixture[str]) -> None:
    line = mistake(capsys, "partition", "matriz", "--fault", "unplug")
    assert line == "lab: there is no fault 'unplug' for a node; the faults are pause, stop, cut"


@pytest.mark.usefixtures("stopped_network")
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("cut", "matriz", "marte"), "there is no node 'marte'; the nodes are matriz, filial-norte"),
        (("cut", "matriz", "matriz"), "a link is between two different nodes"),
        (("cut", "matriz", "filial-norte"), "matriz is stopped and does not answer; try `make heal`"),
        (("slow", "matriz", "filial-norte", "fast"), "a delay looks like 800ms or 800ms±200, not 'fast'"),
        (("flaky", "matriz", "filial-norte", "0%"), "a share is more than 0% and at most 100%, not '0%'"),
        (("partition", "matriz", "--fault", "cut"), "matriz is stopped and does not answer"),
        (("disk-full", "filial-norte"), "filial-norte is stopped and does not answer"),
        (
            ("heal", "matriz", "filial-norte", "matriz"),
            "heal takes nothing (all faults), one node, or the two",
        ),
        (("heal", "marte"), "there is no node 'marte'; the nodes are matriz, filial-norte"),
    ],
)
def test_a_fault_that_cannot_be_is_one_line(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], words: str
) -> None:
    assert words in mistake(capsys, *arguments)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--driver", "steam"), "there is no driver 'steam'"),
        (("--nodes", "1"), "a network has 2 to 9 nodes, not 1"),
        (("--policy", "hope"), "there is no stock policy 'hope'"),
        (("--rights", "frozen"), "rights are moving or still, not 'frozen'"),
        (("--set", "FOUND"), "--set wants NAME=VALUE, not 'FOUND'"),
    ],
)
def test_up_refuses_nonsense_before_it_starts_anything(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    assert words in mistake(capsys, "up", *arguments)
    assert not (tmp_path / "run").exists()


def test_a_port_in_use_is_one_line_that_says_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    base = next(port for port in ports.find_free(20) if all(map(ports.is_free, range(port, port + 3))))
    with socket.create_server(("127.0.0.1", base + 1)):
        line = mistake(capsys, "up", "--driver", "process", "--base-port", str(base))
    assert f"port {base + 1}, which filial-norte needs, is in use by another program" in line


@pytest.mark.usefixtures("stopped_network")
def test_without_a_name_the_last_branch_is_cut_off(capsys: pytest.CaptureFixture[str]) -> None:
    assert mistake(capsys, "partition").startswith("lab: filial-norte is stopped")


def test_the_list_of_scenarios_says_of_each_what_it_shows(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code("run", "--list") == 0
    *shown, legend = capsys.readouterr().out.splitlines()
    assert [f"{one.name} {one.title}" for one in in_group("all")] == [
        " ".join(line[2:].split()) for line in shown if line.startswith(("  ", "* "))
    ]
    marked = {line.split()[1] for line in shown if line.startswith("* ")}
    assert marked == {one.name for one in in_group("all") if one.any_node}
    assert legend.startswith("* any node")


def test_a_script_gets_the_names_of_a_group_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code("run", "--list", "cut", "--names") == 0
    assert capsys.readouterr().out.split() == ["cable-cut", "cable-cut-majority"]


def test_a_run_without_a_name_says_how_to_find_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert mistake(capsys, "run") == "lab: say which scenario; `./lab run --list` shows them"


def test_a_verb_does_not_wait_for_what_only_others_need() -> None:
    heavy = "{'nicegui', 'fastapi', 'locust', 'babel', 'branchlab.teaching', 'branchlab.screens'}"
    program = (
        "import sys\nfrom branchlab.cli import main\n"
        f"try: main(['status'])\nfinally: print({heavy} & set(sys.modules))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], env=dict(os.environ), capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stdout) == (2, "set()\n"), ended.stderr


@pytest.mark.usefixtures("stopped_network")
def test_the_number_of_nodes_changes_only_on_a_fresh_network(capsys: pytest.CaptureFixture[str]) -> None:
    assert "run `make down clean` first" in mistake(capsys, "up", "--nodes", "4")


@pytest.mark.usefixtures("stopped_network")
def test_status_tells_programs_null_where_nothing_is_known(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code("status", "--json") == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["converged"] is None
    assert shown["nodes"]["matriz"]["state"] == "stopped"
    assert shown["nodes"]["matriz"]["pending"] == {"filial-norte": None}


@pytest.mark.usefixtures("stopped_network")
def test_status_tells_people_a_question_mark_where_nothing_is_known(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert exit_code("status", "--lang", "en") == 0
    title, _, shown = capsys.readouterr().out.partition("\n")
    assert title.startswith("2 branches · driver process · policy escrow · ")
    assert "stopped" in shown
    assert "convergence unknown" in shown
    assert "0" not in shown


@pytest.mark.usefixtures("stopped_network")
def test_status_speaks_the_language_of_the_shell(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_ALL", "pt_BR.UTF-8")
    assert exit_code("status") == 0
    assert "convergência desconhecida" in capsys.readouterr().out
    assert "não há o idioma 'fr' aqui" in mistake(capsys, "status", "--lang", "fr")


@pytest.mark.parametrize("docker", [False, True])
def test_down_and_clean_are_harmless_where_nothing_runs(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, docker: bool
) -> None:
    if docker:
        program = tmp_path / "programs" / "docker"
        program.parent.mkdir()
        program.write_text("#!/bin/sh\necho 2.26.1\n", encoding="utf-8")
        program.chmod(0o755)
    assert [exit_code("down"), exit_code("down"), exit_code("clean")] == [0, 0, 0]


@pytest.mark.usefixtures("stopped_network")
def test_a_branch_is_decommissioned_only_by_one_that_runs_and_only_when_it_is_meant(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("no\n"))
    assert "type matriz when asked" in mistake(capsys, "decommission", "matriz")
    assert mistake(capsys, "decommission", "matriz", "--yes").startswith("lab: filial-norte is stopped")
    assert network.load(tmp_path / "run").decommissioned == ()
