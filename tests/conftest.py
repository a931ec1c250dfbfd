"""What all tests across packages share.

The node's tests are found beside these: pytest takes the first folder called `tests` for all of it. Tests
that need a Docker daemon say so where none answers, instead of passing by not being there.
"""

import os
from functools import cache
from pathlib import Path

import pytest

import tests
from lab.networks.drivers.docker import docker_answers

NODE_TESTS = str(Path(__file__).resolve().parents[1] / "services" / "node" / "tests")

if NODE_TESTS not in tests.__path__:
    tests.__path__ = [*tests.__path__, NODE_TESTS]

_NOT_RUN = pytest.StashKey[int]()


@cache
def _docker_answers() -> bool:
    return docker_answers()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skips container tests without a daemon; REQUIRE_DOCKER=1 lets them run, and so fail."""
    containers = [item for item in items if item.get_closest_marker("compose")]
    if not containers or _docker_answers() or os.environ.get("REQUIRE_DOCKER") == "1":
        return
    for item in containers:
        item.add_marker(pytest.mark.skip(reason="no Docker daemon answers"))
    config.stash[_NOT_RUN] = len(containers)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """One line at the end of the run, with how many did not."""
    if missing := config.stash.get(_NOT_RUN, 0):
        terminalreporter.write_line(
            f"container tests that did not run: {missing}; no Docker daemon answers"
            " (REQUIRE_DOCKER=1 makes that a failure)",
            yellow=True,
        )
