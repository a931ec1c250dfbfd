"""The one line that an interrupted verb ends with, in both languages, and that every verb ends so."""

import signal
from contextlib import suppress
from pathlib import Path

import pytest

from branchlab import interruption
from branchlab.errors import LabError
from branchlab.language import speaking
from branchlab.networks import interrupted, network
from branchlab.networks.drivers import NodeState
from branchlab.networks.interrupted import Ended, ending
from branchlab.networks.network import UpOptions, plan
from branchlab.tests.program import exit_code

ALL_RUN: dict[str, NodeState] = dict.fromkeys(("matriz", "filial-norte", "filial-sul"), "running")
ONE_PAUSED: dict[str, NodeState] = {**ALL_RUN, "filial-sul": "paused"}
ALL_STOPPED: dict[str, NodeState] = dict.fromkeys(ALL_RUN, "stopped")
LOG = Path("build/run/runs/demo-1.jsonl")


@pytest.mark.parametrize(
    ("ended", "english", "portuguese"),
    [
        (
            Ended("demo", ALL_RUN, log=LOG),
            f"interrupted: demo; all 3 nodes run; `make down` ends them; its log, without a verdict: {LOG}",
            "interrompido: demo; os 3 nós estão no ar; `make down` os encerra;"
            f" o registro, sem veredito: {LOG}",
        ),
        (
            Ended("heal", ONE_PAUSED, node_logs="build/run/*/node.log"),
            "interrupted: heal; 2 of 3 nodes run (filial-sul paused); `make heal` goes on;"
            " logs: build/run/*/node.log",
            "interrompido: heal; 2 de 3 nós estão no ar (filial-sul pausada); `make heal` continua;"
            " logs: build/run/*/node.log",
        ),
        (
            Ended("up", ALL_STOPPED),
            "interrupted: up; no node runs; `make up` goes on",
            "interrompido: up; nenhum nó está no ar; `make up` continua",
        ),
        (
            Ended("chaos", ONE_PAUSED, given_up=True),
            "interrupted: chaos (not cleaned up); 2 of 3 nodes run (filial-sul paused);"
            " `make heal` brings back the others",
            "interrompido: chaos (sem terminar a limpeza); 2 de 3 nós estão no ar (filial-sul pausada);"
            " `make heal` traz de volta os outros",
        ),
        (
            Ended("demo", ONE_PAUSED, trouble="matriz is not ready after 90 s", log=LOG),
            "interrupted: demo (not cleaned up: matriz is not ready after 90 s);"
            " 2 of 3 nodes run (filial-sul paused); `make heal` brings back the others;"
            f" its log, without a verdict: {LOG}",
            "interrompido: demo (a limpeza falhou: matriz is not ready after 90 s);"
            " 2 de 3 nós estão no ar (filial-sul pausada); `make heal` traz de volta os outros;"
            f" o registro, sem veredito: {LOG}",
        ),
        (
            Ended("load", ALL_STOPPED),
            "interrupted: load; no node runs; `make up` starts them",
            "interrompido: load; nenhum nó está no ar; `make up` os inicia",
        ),
        (
            Ended("run kill-nine", ALL_STOPPED, own=True),
            "interrupted: run kill-nine; nothing of it runs any more; `./lab run kill-nine` begins again",
            "interrompido: run kill-nine; nada dele continua em execução; `./lab run kill-nine` recomeça",
        ),
        (
            Ended("torture", ALL_RUN, own=True, place=Path("build/torture/process/network"), given_up=True),
            "interrupted: torture (not cleaned up); all 3 nodes run;"
            " `./lab down --run-dir build/torture/process/network` ends them",
            "interrompido: torture (sem terminar a limpeza); os 3 nós estão no ar;"
            " `./lab down --run-dir build/torture/process/network` os encerra",
        ),
        (
            Ended("simulate"),
            "interrupted: simulate; nothing of it runs any more; `make simulate` begins again",
            "interrompido: simulate; nada dele continua em execução; `make simulate` recomeça",
        ),
        (
            Ended("verify"),
            "interrupted: verify; `./lab verify` begins again",
            "interrompido: verify; `./lab verify` recomeça",
        ),
    ],
)
def test_the_line_says_what_ended_what_runs_and_what_to_do(
    ended: Ended, english: str, portuguese: str
) -> None:
    assert ending(ended) == english
    with speaking("pt-BR"):
        assert ending(ended) == portuguese


@pytest.fixture
def own_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A network of two nodes that do not run, for verbs without --run-dir, in English."""
    monkeypatch.setenv("LAB_RUN_DIR", str(tmp_path / "run"))
    monkeypatch.setenv("LAB_ENV_FILE", str(tmp_path / "env"))
    monkeypatch.setenv("LC_ALL", "C")
    network.save(plan(None, UpOptions(nodes=2, ports=(20001, 20002)), driver="process"), tmp_path / "run")
    return tmp_path


def last_line(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The one line that a verb ends with which was interrupted."""
    assert exit_code(*arguments) == interruption.EXIT_CODE
    shown = capsys.readouterr()
    lines = (shown.out + shown.err).splitlines()
    assert [line for line in lines if line.startswith("interrupted")] == lines[-1:]
    return lines[-1]


@pytest.mark.parametrize("verb", ["status", "watch", "heal", "chaos", "up", "down"])
def test_every_verb_ends_in_the_one_line(
    own_place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    def interrupt(*_given: object, **_named: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("branchlab.networks.network.load", interrupt)
    monkeypatch.setattr("branchlab.networks.drivers.process.ProcessDriver.down", interrupt)
    monkeypatch.setattr("branchlab.networks.drivers.process.ProcessDriver.up", interrupt)
    monkeypatch.setattr(interrupted, "_states", lambda *_where: (ALL_STOPPED, ""))
    assert last_line(capsys, verb).startswith(f"interrupted: {verb}; no node runs; `make ")


def test_a_cleaning_that_fails_is_told_in_the_same_line(
    own_place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_given: object, **_named: object) -> None:
        with suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        raise LabError("matriz is not ready after 90 s")

    monkeypatch.setattr("branchlab.networks.drivers.process.ProcessDriver.chaos", fail)
    monkeypatch.setattr("branchlab.networks.drivers.process.ProcessDriver.heal", lambda _self: None)
    line = last_line(capsys, "chaos")
    assert line.startswith(
        "interrupted: chaos (not cleaned up: matriz is not ready after 90 s); no node runs;"
    )
