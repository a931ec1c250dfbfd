"""A machine without Docker, Chromium or the generator of clients runs the other tests and is told what it did
not run."""

import os
import subprocess
import sys

import pytest

from branchlab import settings

CONTAINERS = "tests/compose/test_hardening.py::test_no_secret_is_in_the_image"
PAGES = "tests/cluster/test_pages.py::test_the_browser_that_is_needed_is_here"
CLIENT = "tests/cluster/test_generated_client.py::test_the_generator_that_is_needed_is_here"
NOWHERE = {
    "DOCKER_HOST": "unix:///nowhere/docker.sock",
    "CLIENT_GENERATOR_DIR": "/nowhere",
    "REQUIRE_DOCKER": "",
    "REQUIRE_BROWSER": "",
    "REQUIRE_CLIENT_GENERATOR": "",
}


def run_pytest(test: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", test],
        cwd=settings.ROOT,
        env={**os.environ, **NOWHERE, **({"PATH": "/nowhere"} if test == PAGES else {}), **variables},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("test", "words"),
    [
        (CONTAINERS, "container tests that did not run: 1; no Docker daemon answers (REQUIRE_DOCKER=1"),
        (PAGES, "browser tests that did not run: 1; there is no Chromium (REQUIRE_BROWSER=1"),
        (CLIENT, "tests of a generated client that did not run: 1; `make build/client/.installed`"),
    ],
)
def test_what_cannot_run_is_skipped_and_counted(test: str, words: str) -> None:
    ended = run_pytest(test)
    assert ended.returncode == 0, ended.stdout
    assert words in ended.stdout


@pytest.mark.parametrize(
    ("test", "variable", "words"),
    [
        (CONTAINERS, "REQUIRE_DOCKER", "no Docker daemon answers"),
        (PAGES, "REQUIRE_BROWSER", "there is no Chromium"),
        (CLIENT, "REQUIRE_CLIENT_GENERATOR", "the generator is not installed"),
    ],
)
def test_it_fails_where_it_is_required(test: str, variable: str, words: str) -> None:
    ended = run_pytest(test, **{variable: "1"})
    assert ended.returncode == 1, ended.stdout
    assert words in ended.stdout
