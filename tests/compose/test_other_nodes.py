"""Containers of other programs than the lab's own: the report's node, and a folder with a Dockerfile."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from branchlab.errors import LabError
from branchlab.networks import implementation, ports
from branchlab.networks.drivers.compose import ComposeDriver
from branchlab.networks.drivers.docker import image_exists
from branchlab.networks.drivers.images import OWN_IMAGE, PLAIN_IMAGE
from branchlab.networks.network import UpOptions
from branchlab.settings import ROOT, load
from branchlab.teaching.ladder.conformance import Checked, conform
from branchlab.teaching.scenarios.registry import get
from branchlab.teaching.scenarios.runner import RunOptions, run

pytestmark = [pytest.mark.compose, pytest.mark.long]


class Started:
    """A network of two nodes in containers."""

    def __init__(self, place: Path) -> None:
        self.env_file = place / "env"
        self.driver = ComposeDriver(place / "run", env_file=self.env_file)
        self.urls: list[str] = []

    def up(self, program: str | None) -> None:
        options = UpOptions(nodes=2, ports=ports.find_free(2), implementation=program)
        self.urls = [node.url for node in self.driver.up(options).nodes]

    def checked(self, *rungs: int) -> list[Checked]:
        """What the checks of these rungs find."""
        secrets = load(self.env_file)
        return asyncio.run(
            conform(self.urls, username=secrets.admin_username, password=secrets.admin_password, rungs=rungs)
        )


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Started]:
    made = Started(tmp_path)
    yield made
    made.driver.clean()


def test_the_plain_node_keeps_the_contract_in_containers_and_comes_back_from_a_kill(started: Started) -> None:
    started.up("plain")
    assert image_exists(PLAIN_IMAGE)

    assert [one for one in started.checked(1, 2, 3) if one.kept is not True] == []
    started.driver.kill("matriz")
    started.driver.start("matriz")
    assert [one for one in started.checked(1) if one.kept is not True] == []
    with pytest.raises(LabError, match="the nodes of this network are plain, which has no copies"):
        started.driver.backup("matriz", started.env_file.parent / "copy.db")


def test_a_folder_with_a_dockerfile_runs_in_containers(started: Started) -> None:
    started.up(implementation.parse(str(ROOT / "services/starter")))

    assert image_exists(OWN_IMAGE)
    assert [one for one in started.checked(1) if one.kept is not True] == []


def test_a_scenario_for_any_node_fails_in_containers_as_in_processes(tmp_path: Path) -> None:
    options = RunOptions(driver="compose", directory=tmp_path, implementation="plain")

    (outcome,) = run(get("killed-queue"), options)

    assert (outcome.result, outcome.verdict.lost) == ("FAIL", 5), outcome.lines()


def test_what_goes_over_a_wire_says_that_it_needs_processes(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="goes over a wire of the lab, which no container reaches"):
        run(get("cut-both-sell"), RunOptions(driver="compose", directory=tmp_path, implementation="plain"))
