"""Nodes that people bring: the starter, one in JavaScript, the report's and the lab's own on the ladder."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from branchlab import settings

pytestmark = pytest.mark.cluster

NODE_JS = pytest.mark.skipif(shutil.which("node") is None, reason="there is no Node.js on this machine")


def lab(*arguments: str, run_dir: Path, exit_code: int) -> str:
    """What `./lab` prints in English; the test fails when it ends otherwise than with `exit_code`."""
    places = {"LAB_RUN_DIR": str(run_dir / "run"), "LAB_ENV_FILE": str(run_dir / "env")}
    ended = subprocess.run(
        [sys.executable, "-m", "branchlab", *arguments],
        cwd=settings.ROOT,
        env={**os.environ, **places, "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert ended.returncode == exit_code, ended.stdout + ended.stderr
    return ended.stdout


def climbed(implementation: str, place: Path, *, exit_code: int, only: int | None = None) -> list[str]:
    """The results of the exercises, in their order."""
    options = ["--only", str(only)] if only is not None else []
    said = lab(
        "climb", "--node-impl", implementation, "--directory", str(place), *options,
        run_dir=place, exit_code=exit_code,
    )  # fmt: skip
    return re.findall(r"^(\S+) +\d\. ", said, re.MULTILINE)


def test_the_starter_answers_and_falls_at_what_it_does_not_store(tmp_path: Path) -> None:
    assert climbed("services/starter", tmp_path, exit_code=1) == ["PASS", "FAIL", *["--"] * 5]


@NODE_JS
def test_a_node_in_another_language_keeps_the_contract_and_replicates(tmp_path: Path) -> None:
    try:
        up = ("up", "--driver", "process", "--nodes", "2", "--auto-ports", "--node-impl", "tests/nodejs")
        lab(*up, run_dir=tmp_path, exit_code=0)
        said = lab("conform", run_dir=tmp_path, exit_code=0)
        assert re.search(r"^CONFORM PASS", said, re.MULTILINE)
        assert "converged" in lab("status", run_dir=tmp_path, exit_code=0)
    finally:
        lab("clean", run_dir=tmp_path, exit_code=0)
    assert climbed("tests/nodejs", tmp_path, exit_code=0, only=3) == ["PASS"]


@NODE_JS
@pytest.mark.long
def test_a_node_in_another_language_climbs_three_steps(tmp_path: Path) -> None:
    *passed, fallen = climbed("tests/nodejs", tmp_path, exit_code=1)[:4]

    assert (passed, fallen == "PASS") == (["PASS"] * 3, False)


@pytest.mark.long
def test_the_plain_node_falls_where_its_queue_is_gone(tmp_path: Path) -> None:
    assert climbed("plain", tmp_path, exit_code=1) == [*["PASS"] * 4, "FAIL", *["--"] * 2]


@pytest.mark.long
def test_the_labs_own_node_climbs_to_the_top(tmp_path: Path) -> None:
    assert climbed("lab", tmp_path, exit_code=0) == ["PASS"] * 7
