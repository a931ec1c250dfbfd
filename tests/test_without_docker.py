"""A machine without Docker runs the other tests and is told what it did not run."""

import os
import subprocess
import sys

from lab import settings

NOWHERE = "unix:///nowhere/docker.sock"
CHEAP = "tests/compose/test_hardening.py::test_no_secret_is_in_the_image"


def run_pytest(**variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", CHEAP],
        cwd=settings.ROOT,
        env={**os.environ, "DOCKER_HOST": NOWHERE, "REQUIRE_DOCKER": "", **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def test_container_tests_are_skipped_and_counted() -> None:
    ended = run_pytest()
    assert ended.returncode == 0, ended.stdout
    assert "container tests that did not run: 1; no Docker daemon answers" in ended.stdout


def test_they_fail_where_docker_is_required() -> None:
    ended = run_pytest(REQUIRE_DOCKER="1")
    assert ended.returncode == 1, ended.stdout
    assert "no Docker daemon answers" in ended.stdout
