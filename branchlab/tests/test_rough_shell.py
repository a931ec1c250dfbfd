"""Shells that have variables and pip settings of their own: only `make NAME=value` counts."""

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from branchlab.settings import ROOT

MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
MAKES_OWN = set(re.findall(r"^MAKES_OWN := (.*)$", MAKEFILE, re.MULTILINE)[0].split())
NEEDED = re.findall(r"\$\(error [^:]*: make ([a-z-]+) ([A-Z]+)=", MAKEFILE)  # (target, variable)
GIVEN = [f"{name}=matriz" for name in set(re.findall(r"\$\(or \$\(([A-Z_]+)\),\$\(error ", MAKEFILE))]
TARGETS = re.findall(r"^([a-z][a-z0-9-]*):[^=\n]*## ", MAKEFILE, re.MULTILINE)


def environment(**variables: str) -> dict[str, str]:
    """This machine's, without what a `make` around the tests left there."""
    around = ("MAKEFLAGS", "MAKELEVEL", "LAB_IGNORED")
    kept = {name: value for name, value in os.environ.items() if name not in around}
    return {**kept, **variables}


def make(
    *arguments: str, variables: Mapping[str, str] | None = None, folder: Path = ROOT
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", "--no-print-directory", *arguments],
        cwd=folder,
        env=environment(**(variables or {})),
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def test_no_variable_of_the_shell_changes_what_any_target_does() -> None:
    named = set(re.findall(r"\$\(([A-Z][A-Z_]*)[),]", MAKEFILE)) - MAKES_OWN
    assert not MAKES_OWN & {"NODE", "DRIVER"}
    assert {"TIME", "NODES", "USERS", "PYTHON", "DATA", "FAULT", "HISTORIES", "VENV"} <= named
    poisoned = dict.fromkeys(named, "poison")
    goals = ("-n", *TARGETS, *GIVEN)
    plain, strange = make(*goals), make(*goals, variables=poisoned)
    assert plain.returncode == 0, plain.stderr
    assert strange.stdout == plain.stdout


@pytest.mark.parametrize(("verb", "name"), NEEDED)
def test_what_a_verb_needs_is_not_taken_from_the_shell(verb: str, name: str) -> None:
    ended = make("-n", verb, variables={name: "poison"})
    assert (ended.returncode, f"make {verb} {name}=" in ended.stderr) == (2, True)


def test_what_is_said_to_make_still_counts_and_reaches_no_program_by_the_environment(tmp_path: Path) -> None:
    printing = put_lab(
        tmp_path, 'echo "$@"; env | grep -E "^(TIME|NODES|USERS|PYTHONPATH|PIP_USER|PIP_TARGET)="'
    )
    shell = {"TIME": "9", "NODES": "7", "PYTHONPATH": "/x", "PIP_USER": "1", "PIP_TARGET": "/y"}
    said = make("load", "USERS=5", variables=shell, folder=printing).stdout
    assert said.splitlines() == ["load --users 5 --time 60s --driver auto", "PIP_USER=0"]


def test_the_lab_is_told_which_variables_were_ignored(tmp_path: Path) -> None:
    printing = put_lab(tmp_path, 'echo "$LAB_IGNORED"')
    said = make("doctor", variables={"TIME": "9", "PYTHONHOME": "/x"}, folder=printing).stdout
    assert sorted(said.split()) == ["PYTHONHOME", "TIME"]
    assert make("doctor", folder=printing).stdout == "\n"


def test_a_language_that_is_asked_for_is_no_locale(tmp_path: Path) -> None:
    """`pt_BR` is a Latin-1 locale on many machines, whose terminals show UTF-8."""
    printing = put_lab(tmp_path, 'echo "$*;$LANG;"')
    said = make("demo", "LANG=pt_BR", variables={"LANG": "C.UTF-8"}, folder=printing).stdout
    assert said == "demo --driver auto --fault pause --lang pt_BR;;\n"
    assert make("demo", variables={"LANG": "C.UTF-8"}, folder=printing).stdout.endswith(";C.UTF-8;\n")


@pytest.mark.parametrize("status", [1, 2, 130])
def test_a_verb_that_fails_is_the_last_line_and_make_fails_too(tmp_path: Path, status: int) -> None:
    failing = put_lab(tmp_path, f'echo "lab: no" >&2; test -z "$LAB_UNDER_MAKE" && exit {status}; exit 1')
    for arguments in (["status"], ["down", "clean"], ["-k", "status"], ["up", "NODES=3"]):
        ended = make(*arguments, folder=failing)
        assert (ended.stdout, set(ended.stderr.splitlines())) == ("", {"lab: no"})
        assert ended.returncode == 1


def test_a_goal_after_one_that_failed_is_not_begun(tmp_path: Path) -> None:
    failing = put_lab(tmp_path, 'echo "$1"; exit 1')
    assert make("down", "clean", folder=failing).stdout == "down\n"


def test_goals_that_go_well_are_all_run_and_make_goes_well(tmp_path: Path) -> None:
    fine = put_lab(tmp_path, 'echo "$1"')
    ended = make("down", "clean", "status", folder=fine)
    assert (ended.stdout, ended.stderr, ended.returncode) == ("down\nclean\nstatus\n", "", 0)


def test_every_target_that_is_one_call_of_the_lab_ends_so_quietly(tmp_path: Path) -> None:
    failing = put_lab(tmp_path, 'echo "lab: no" >&2; exit 1')
    single = re.findall(r"^([a-z0-9-]+): \$\(VENV\) ## .*\n\t@\$\(LAB\) [^&;\n]*\n\n", MAKEFILE, re.MULTILINE)
    assert {"up", "load", "doctor", "verify", "torture"} <= set(single)
    for target in single:
        ended = make(target, *GIVEN, folder=failing)
        assert (target, ended.stderr, ended.returncode) == (target, "lab: no\n", 1)


@pytest.mark.whole
def test_the_lab_itself_gives_make_1_and_others_its_own_status(tmp_path: Path) -> None:
    for under_make, expected in ((None, 2), ("1", 1)):
        said = {"LAB_RUN_DIR": str(tmp_path), **({"LAB_UNDER_MAKE": under_make} if under_make else {})}
        ended = subprocess.run(
            [ROOT / "lab", "status"], env=environment(**said), capture_output=True, text=True, check=False
        )
        assert ended.returncode == expected
        assert ended.stderr == "lab: there is no network yet; start one with `make up`\n"


@pytest.mark.whole
def test_a_first_make_installs_into_its_own_environment_whatever_python_and_pip_are_told(
    tmp_path: Path,
) -> None:
    fresh = put_lab(tmp_path, 'exec .venv/bin/python -c "import sys; print(sys.prefix)"', installed=False)
    (tmp_path / "pip.conf").write_text("[install]\nuser = true\n", encoding="utf-8")
    shell = {
        "PIP_USER": "1",
        "PIP_TARGET": str(tmp_path / "elsewhere"),
        "PIP_CONFIG_FILE": str(tmp_path / "pip.conf"),
        "PYTHONHOME": "/nowhere",
        "PYTHONPATH": "/nowhere",
        "PYTHONSAFEPATH": "1",
        "PYTHON": "/nowhere/python",
    }
    ended = make("status", variables=shell, folder=fresh)
    assert (ended.returncode, ended.stdout) == (0, f"{fresh / '.venv'}\n"), ended.stderr
    assert not (tmp_path / "elsewhere").exists()


def put_lab(tmp_path: Path, script: str, *, installed: bool = True) -> Path:
    """A folder with this Makefile, whose `./lab` is the script; nothing else in it is real."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    shutil.copy(ROOT / "Makefile", folder)
    (folder / "services" / "node").mkdir(parents=True)
    for needed in ("requirements.txt", "services/node/requirements.txt"):
        (folder / needed).write_text("", encoding="utf-8")
    if installed:
        (folder / ".venv").mkdir()
        (folder / ".venv" / ".installed").write_text("", encoding="utf-8")
    program = folder / "lab"
    program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    program.chmod(0o755)
    return folder
