"""`./lab audit`: a source that does not answer, or does not know a package, has not found nothing."""

import json
from pathlib import Path
from typing import Any

import pytest

from branchlab import packages
from branchlab.packages import Lookup, look_up
from branchlab.tests import program

CLEAN = {"name": "fastapi", "version": "1.0", "vulns": []}
UNKNOWN = {"name": "fastapi", "skip_reason": "Dependency not found on PyPI"}
WEAK = {
    "name": "jinja2",
    "version": "2.0",
    "vulns": [{"id": "PYSEC-1", "fix_versions": ["2.1"]}, {"id": "PYSEC-2", "fix_versions": []}],
}


@pytest.fixture
def tool(tmp_path: Path) -> Path:
    return tmp_path / "pip-audit"


def answers(tool: Path, *found: dict[str, Any], status: int = 0) -> None:
    """Let the tool print such a report for every source."""
    report = json.dumps({"dependencies": found, "fixes": []})
    script(tool, f"cat <<'END'\n{report}\nEND\nexit {status}")


def script(tool: Path, body: str) -> None:
    tool.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
    tool.chmod(0o700)


def test_packages_without_advisories_are_counted(tool: Path, tmp_path: Path) -> None:
    answers(tool, CLEAN, UNKNOWN)
    found = look_up(tool, tmp_path / "lock.txt", "pypi")
    assert (found.answered, found.known, found.unknown, found.advisories) == (True, 1, 1, ())
    assert found.sentence() == "pypi looked up 1 packages, 1 are unknown to it: 0 have advisories"


def test_each_package_with_advisories_is_one_line(tool: Path, tmp_path: Path) -> None:
    answers(tool, CLEAN, WEAK, status=1)
    found = look_up(tool, tmp_path / "lock.txt", "osv")
    assert found.advisories == ("jinja2 2.0: PYSEC-1 (fixed in 2.1), PYSEC-2",)


def test_a_source_that_knows_no_package_has_not_answered(tool: Path, tmp_path: Path) -> None:
    answers(tool, UNKNOWN, UNKNOWN)
    found = look_up(tool, tmp_path / "lock.txt", "pypi")
    assert (found.answered, found.sentence()) == (False, "pypi knows none of the 2 packages")


def test_a_source_that_cannot_be_reached_is_named_with_the_reason(tool: Path, tmp_path: Path) -> None:
    script(tool, "echo 'Traceback' >&2; echo 'requests.ConnectionError: no route to x' >&2; exit 1")
    found = look_up(tool, tmp_path / "lock.txt", "osv")
    assert found == Lookup("osv", failure="requests.ConnectionError")
    assert not found.answered


@pytest.mark.parametrize(
    ("found", "exit_code", "unchecked"), [([CLEAN], 0, False), ([UNKNOWN], 0, True), ([WEAK], 1, False)]
)
def test_only_an_advisory_fails_and_what_nobody_checked_is_said(
    tool: Path,
    capsys: pytest.CaptureFixture[str],
    found: list[dict[str, Any]],
    *,
    exit_code: int,
    unchecked: bool,
) -> None:
    answers(tool, *found)
    assert program.exit_code("audit", "--tool", str(tool)) == exit_code
    said = capsys.readouterr().out
    assert ("NOT CHECKED" in said) == unchecked
    assert all(lock in said for lock in packages.LOCKS)
