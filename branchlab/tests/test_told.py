"""What other people's programs do for minutes is told step by step while they do it."""

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from branchlab.errors import LabError
from branchlab.networks import base_image
from branchlab.networks.drivers.compose_command import ComposeCommand
from branchlab.networks.drivers.told import BuildSteps, PullSteps, debian_step, run_told
from branchlab.steps import Lines, Step

BUILDKIT = """\
#1 [matriz internal] load build definition from Dockerfile
#1 DONE 0.0s
#5 [matriz packages 1/3] FROM docker.io/library/python:3.13-slim-trixie
#5 CACHED
#6 [matriz packages 3/3] RUN python -m venv /opt/node  && /opt/node/bin/python -m pip install --no-cache-dir
#6 4.251 Collecting alembic==1.20.1 (from -r /tmp/requirements.txt (line 1))
#6 4.300   Downloading alembic-1.20.1-py3-none-any.whl (270 kB)
#6 5.100 Collecting fastapi==0.115.0 (from -r /tmp/requirements.txt (line 9))
#6 9.800 Installing collected packages: alembic, fastapi
#6 DONE 20.1s
#7 [matriz stage-1 8/8] RUN python -m compileall -q app migrations
"""
BEFORE_BUILDKIT = """\
Step 3/14 : RUN python -m venv /opt/node  && /opt/node/bin/python -m pip install --no-cache-dir
 ---> Running in 4d1f
Collecting alembic==1.20.1 (from -r /tmp/requirements.txt (line 1))
  Downloading alembic-1.20.1-py3-none-any.whl (270 kB)
Installing collected packages: alembic
Removing intermediate container 4d1f
Step 14/14 : USER 10001:10001
"""
PULL = """\
3.13-slim-trixie: Pulling from library/python
8c7716127147: Pulling fs layer
6ae821421a7d: Pulling fs layer
8c7716127147: Download complete
8c7716127147: Pull complete
6ae821421a7d: Pull complete
Digest: sha256:1234
"""


def steps_of(text: str, builder: BuildSteps) -> list[Step]:
    return [step for line in text.splitlines() for step in builder.read(line)]


def shown(steps: Iterable[Step]) -> list[tuple[str, int, int | None, bool]]:
    return [(str(step), step.done, step.total, step.passing) for step in steps]


def test_the_steps_of_buildkit_are_told_with_what_each_fetches() -> None:
    run = "RUN python -m venv /opt/node && /opt/node/bin/python -m pip…"
    assert shown(steps_of(BUILDKIT, BuildSteps("image"))) == [
        ("image 1/3: FROM docker.io/library/python:3.13-slim-trixie", 1, 3, False),
        (f"image 3/3: {run}", 3, 3, False),
        ("image 3/3: fetching alembic==1.20.1", 3, 3, True),
        ("image 3/3: fetching fastapi==0.115.0", 3, 3, True),
        ("image 3/3: installing the packages", 3, 3, True),
        ("image 8/8: RUN python -m compileall -q app migrations", 8, 8, False),
    ]


def test_the_steps_of_the_builder_before_it_are_told_alike() -> None:
    assert [step[0] for step in shown(steps_of(BEFORE_BUILDKIT, BuildSteps("image")))] == [
        "image 3/14: RUN python -m venv /opt/node && /opt/node/bin/python -m pip…",
        "image 3/14: fetching alembic==1.20.1",
        "image 3/14: installing the packages",
        "image 14/14: USER 10001:10001",
    ]


def test_a_log_gets_the_steps_of_a_build_and_not_each_package() -> None:
    lines: list[str] = []
    tell = Lines(lines.append, clock=lambda: 0.0)
    for step in steps_of(BEFORE_BUILDKIT, BuildSteps("image")):
        tell(step)
    assert [line.split(":")[0] for line in lines] == ["image 3/14", "image 14/14"]


def test_a_pull_tells_how_many_layers_are_here() -> None:
    steps = PullSteps("fetching it")
    told = [step for line in PULL.splitlines() for step in steps.read(line)]
    assert shown(told)[-2:] == [
        ("fetching it: 1 of 2 layers", 1, 2, True),
        ("fetching it: 2 of 2 layers", 2, 2, False),
    ]


def test_debootstrap_tells_what_it_is_at() -> None:
    assert shown(debian_step("Debian", "I: Unpacking libc6:amd64...")) == [
        ("Debian: Unpacking libc6:amd64...", 0, None, True)
    ]
    assert shown(debian_step("Debian", "W: something else")) == []


def test_lines_come_while_the_program_runs(tmp_path: Path) -> None:
    """The program waits for a file that is only made when its first line has come."""
    answer = tmp_path / "answer"
    program = f"""
import pathlib, sys, time
print("asking", flush=True)
while not pathlib.Path({str(answer)!r}).exists():
    time.sleep(0.01)
sys.stderr.write("answered \\xe9\\n")
sys.exit(3)
"""
    lines: list[str] = []

    def on_line(line: str) -> None:
        lines.append(line)
        answer.touch()

    assert run_told([sys.executable, "-c", program], on_line, seconds=60) == 3
    assert lines == ["asking", "answered é"]


def test_a_program_that_takes_too_long_is_ended() -> None:
    waits = [sys.executable, "-c", "import signal; print('here', flush=True); signal.pause()"]
    with pytest.raises(subprocess.TimeoutExpired):
        run_told(waits, lambda _line: None, seconds=0.2)


def put(directory: Path, name: str, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The only program there is."""
    directory.mkdir(exist_ok=True)
    program = directory / name
    program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(directory))


def test_compose_tells_each_line_and_keeps_it_in_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(
        tmp_path / "programs",
        "docker-compose",
        "echo Step 1/2 : FROM python; echo no space left >&2; exit 1",
        monkeypatch,
    )
    lines: list[str] = []
    command = ComposeCommand(words=("docker-compose",), version="1.29.2")
    with pytest.raises(LabError, match="no space left"):
        command.run_logged(
            "build", files=[], environment={}, log=tmp_path / "run" / "compose.log", on_line=lines.append
        )
    assert lines == ["Step 1/2 : FROM python", "no space left"]


def test_a_base_image_that_is_pulled_tells_its_layers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = f"if [ $1 = images ]; then exit 0; fi\ncat <<'END'\n{PULL}END"
    put(tmp_path / "programs", "docker", script.replace("cat ", "/bin/cat "), monkeypatch)
    told: list[str] = []
    assert base_image.ensure(told.append) == "pulled"
    assert told[0] == f"fetching {base_image.tag()}…"
    assert told[-1] == f"fetching {base_image.tag()}: 2 of 2 layers"
