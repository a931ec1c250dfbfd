"""`./lab pythons`: the fast tests on every Python that is found here, and on the one of the nodes' image."""

import glob
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from branchlab import interruption
from branchlab.checking.programs import run_whole
from branchlab.console import note, show
from branchlab.errors import LabError
from branchlab.language import _
from branchlab.networks import base_image, pip_settings
from branchlab.networks.drivers.docker import docker_answers, run_docker
from branchlab.settings import ROOT

OLDEST = (3, 11)
"""The first Python that the README promises."""
PLACE = ROOT / "build" / "pythons"

_FAST = ("-q", "-m", "not whole and not long and not cluster and not compose")
_TREES = ("services/node/tests", "services/plain/tests", "branchlab/tests")
_INSTALL = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes", "-r")
_LOCKED = ("requirements.txt", "services/node/requirements.txt")
_KEPT_BY_MANAGERS = (".pyenv/versions/*/bin/python3", ".local/share/uv/python/*/bin/python3")
_ASK = "import sys; print(sys.implementation.name, *sys.version_info[:3], sys.abiflags or '-')"
_ASK_SECONDS = 20.0
_BUILD_SECONDS = 900.0
_IMAGE = "acme-sa/branch-tests"
_IN_IMAGE = """
mkdir /lab && tar -C /src --exclude=./build --exclude=./.venv --exclude=./.git -cf - . | tar -C /lab -xf - &&
cd /lab && exec /opt/lab/bin/python -m pytest "$@"
"""

Version = tuple[int, int, int]


@dataclass(frozen=True)
class Python:
    """A Python on this machine."""

    version: Version
    program: Path

    @property
    def name(self) -> str:
        return ".".join(map(str, self.version))


@dataclass(frozen=True)
class Tried:
    """What came of one Python: `passed` is None where no test was run, and `words` say what or why not."""

    name: str
    passed: bool | None
    words: str


def pythons(
    *,
    only: Annotated[
        str, typer.Option(help="Those whose versions begin so, as in 3.12; `image` for that.")
    ] = "",
    jobs: Annotated[str, typer.Option(help="Tests at once.")] = "auto",
) -> None:
    """Run the fast tests on every Python from 3.11 on, and in the image; exits 1 if they fail on one."""
    tried = []
    for python in found():
        if python.name.startswith(only):
            note(_("Python {name} ({program})…", name=python.name, program=python.program))
            tried.append(_try(python, jobs))
            show([_line(tried[-1])])
    if "image".startswith(only):
        note(_("the Python of {tag}…", tag=base_image.tag()))
        tried.append(_try_image(jobs))
        show([_line(tried[-1])])
    show([closing(tried)])
    raise typer.Exit(exit_code(tried))


def closing(tried: Sequence[Tried]) -> str:
    """The one last line: on which Pythons the tests passed, on which not, and on which none was run."""
    names = {
        words: ", ".join(one.name for one in tried if one.passed is passed)
        for words, passed in ((_("pass on"), True), (_("fail on"), False), (_("were not run on"), None))
    }
    said = [f"{words} {which}" for words, which in names.items() if which]
    return _("the fast tests {said}", said=_("; they ").join(said)) if said else _("no such Python was found")


def exit_code(tried: Iterable[Tried]) -> int:
    """1 when tests failed on one of them, 2 when none was run at all, else 0."""
    results = [one.passed for one in tried]
    return 1 if False in results else 0 if True in results else 2


def found() -> list[Python]:
    """Every CPython from the oldest promised one on: in PATH, and where pyenv and uv keep theirs. One program
    for each version, the oldest version first."""
    asked = {python.version: python for program in _programs() if (python := _ask(program)) is not None}
    return [asked[version] for version in sorted(asked)]


def _programs() -> Iterator[Path]:
    for directory in os.get_exec_path():
        yield from map(Path, sorted(glob.glob(f"{glob.escape(directory)}/python3*")))
    for pattern in _KEPT_BY_MANAGERS:
        yield from map(Path, sorted(glob.glob(str(Path("~").expanduser() / pattern))))


def _ask(program: Path) -> Python | None:
    """What the program is; None for what is no Python, another kind of it, or too old."""
    if not program.name.removeprefix("python3").lstrip(".").isdigit() and program.name != "python3":
        return None
    try:
        said = subprocess.run(
            [program, "-I", "-c", _ASK], capture_output=True, text=True, timeout=_ASK_SECONDS, check=True
        ).stdout.split()
    except (OSError, subprocess.SubprocessError):
        return None
    return read_answer(said, program)


def read_answer(said: Sequence[str], program: Path) -> Python | None:
    """The Python that answered so, if the packages are made for its like."""
    match said:
        case ["cpython", major, minor, micro, "-"]:
            version = (int(major), int(minor), int(micro))
            return Python(version, program) if version[:2] >= OLDEST else None
    return None


def _try(python: Python, jobs: str) -> Tried:
    environment = PLACE / python.name
    log = PLACE / f"{python.name}.log"
    try:
        program = _prepared(python, environment)
    except LabError as error:
        return Tried(python.name, None, str(error))
    memory = {"PYTEST_DEBUG_TEMPROOT": "/dev/shm"} if Path("/dev/shm").is_dir() else {}  # noqa: S108  # pytest makes folders of its own in it
    command = [str(program), "-m", "pytest", *_FAST, "-n", jobs, *_TREES]
    return _run(python.name, command, log, {**os.environ, **memory})


def _prepared(python: Python, environment: Path) -> Path:
    """The program of an environment with the locked packages; made anew where they are others by now."""
    program, stamp = environment / "bin" / "python", environment / ".locked"
    locked = hashlib.sha256(b"".join((ROOT / name).read_bytes() for name in _LOCKED)).hexdigest()
    if stamp.exists() and stamp.read_text(encoding="utf-8") == locked:
        return program
    shutil.rmtree(environment, ignore_errors=True)
    PLACE.mkdir(parents=True, exist_ok=True)
    log = PLACE / f"{python.name}.log"
    steps = (
        [str(python.program), "-m", "venv", str(environment)],
        [str(program), *_INSTALL, str(ROOT / "requirements.txt")],
    )
    with log.open("wb") as output:
        for step in steps:
            if run_whole(step, cwd=ROOT, environment={**os.environ, "PIP_USER": "0"}, output=output):
                raise LabError(
                    _(
                        "its packages cannot be installed: {last} (all of it in {log})",
                        last=_last_line(log),
                        log=log,
                    )
                )
    stamp.write_text(locked, encoding="utf-8")
    return program


def _try_image(jobs: str) -> Tried:
    log = PLACE / "image.log"
    PLACE.mkdir(parents=True, exist_ok=True)
    if not docker_answers():
        return Tried(_("the image"), None, _("no Docker daemon answers"))
    try:
        base_image.ensure(note)
        _build()
    except LabError as error:
        return Tried(_("the image"), None, str(error))
    name = f"branch-tests-{os.getpid()}"
    command = ["docker", "run", "--rm", "--init", "--name", name, "--network", "none"]
    command += ["--tmpfs", "/tmp:exec", "--volume", f"{ROOT}:/src:ro", _IMAGE]  # noqa: S108  # the container's own
    command += ["sh", "-c", _IN_IMAGE, "sh", *_FAST, "-n", jobs, *_TREES]
    try:
        return _run(_("the image"), command, log, os.environ)
    finally:
        with interruption.shielded():  # the container outlives the program that shows its output
            if run_docker("ps", "--all", "--quiet", "--filter", f"name={name}").strip():
                run_docker("rm", "--force", name)


def _build() -> None:
    arguments = [f"--build-arg={name}={value}" for name, value in pip_settings.build_arguments().items()]
    with tempfile.TemporaryDirectory(prefix="branch-tests-") as place:
        shutil.copy(ROOT / "tests" / "Dockerfile", place)
        shutil.copy(ROOT / "requirements.txt", place)
        run_docker("build", "--quiet", "--tag", _IMAGE, *arguments, place, seconds=_BUILD_SECONDS)


def _run(name: str, command: Sequence[str], log: Path, environment: Mapping[str, str]) -> Tried:
    with log.open("wb") as output:
        ended = run_whole(command, cwd=ROOT, environment=environment, output=output)
    said = _last_line(log)
    return Tried(
        name, ended == 0, said if ended == 0 else _("{said} (all of it in {log})", said=said, log=log)
    )


def _last_line(log: Path) -> str:
    lines = [line for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    return lines[-1].strip("= ") if lines else _("it says nothing")


def _line(one: Tried) -> str:
    mark = {True: "PASS", False: "FAIL", None: _("NOT RUN")}[one.passed]
    return f"{mark:<9}{one.name:<11}{one.words}"
