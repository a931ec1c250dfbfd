"""What all tests across packages share.

The node's tests are found beside these: pytest takes the first folder called `tests` for all of it. Tests
that need a Docker daemon, a browser or another program say so where there is none, instead of passing by not
being there.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

import tests
from branchlab.networks.drivers.docker import docker_answers

NODE_TESTS = str(Path(__file__).resolve().parents[1] / "services" / "node" / "tests")

if NODE_TESTS not in tests.__path__:
    tests.__path__ = [*tests.__path__, NODE_TESTS]

from tests.cluster import forked_nodes, tools  # noqa: E402  # the path above leads there


@dataclass(frozen=True)
class Need:
    """What the tests with a marker need. With `variable`=1 they run in any case, and so fail without it."""

    marker: str
    kind: str
    is_here: Callable[[], bool]
    without: str
    variable: str


NEEDS = (
    Need("compose", "container tests", cache(docker_answers), "no Docker daemon answers", "REQUIRE_DOCKER"),
    Need(
        "browser",
        "browser tests",
        lambda: tools.browser() is not None,
        "there is no Chromium",
        "REQUIRE_BROWSER",
    ),
    Need(
        "client_generator",
        "tests of a generated client",
        lambda: tools.client_generator() is not None,
        "`make build/client/.installed` installs the generator",
        "REQUIRE_CLIENT_GENERATOR",
    ),
)

_NOT_RUN = pytest.StashKey[dict[Need, int]]()


@pytest.fixture(scope="session", autouse=True)
def nodes_are_forked() -> Iterator[None]:
    """Nodes that this process starts, and the verbs it forks, are spared their imports."""
    with forked_nodes.from_a_shell(), closing(forked_nodes.Forker()) as forker:
        forked_nodes.use(forker)
        yield


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skips the tests whose need is not here, unless its variable lets them run, and so fail."""
    config.stash[_NOT_RUN] = {}
    for need in NEEDS:
        needing = [item for item in items if item.get_closest_marker(need.marker)]
        if not needing or os.environ.get(need.variable) == "1" or need.is_here():
            continue
        for item in needing:
            item.add_marker(pytest.mark.skip(reason=need.without))
        config.stash[_NOT_RUN][need] = len(needing)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """One line for each need at the end of the run, with how many tests did not run."""
    for need, count in config.stash.get(_NOT_RUN, {}).items():
        terminalreporter.write_line(
            f"{need.kind} that did not run: {count}; {need.without} ({need.variable}=1 makes that a failure)",
            yellow=True,
        )
