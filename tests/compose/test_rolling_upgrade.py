"""Containers upgraded one by one to the image of the next version while orders go on, and taken back."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from branchlab.networks import pip_settings
from branchlab.networks.drivers.docker import Project, run_docker
from branchlab.networks.drivers.images import NODE_IMAGE
from branchlab.networks.drivers.own_project import project_name
from tests.cluster import next_version
from tests.cluster.cluster import Cluster
from tests.cluster.upgrades import Story, Version
from tests.compose.containers import network_in
from tests.recipes.tree import NODE

pytestmark = pytest.mark.compose

BUILD_SECONDS = 600.0


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    with network_in(tmp_path, nodes=3) as cluster:
        yield cluster


class Images:
    """The images of both versions. Compose starts a node of the one that has the network's name."""

    def __init__(self, cluster: Cluster, node: Path) -> None:
        self._name = f"{NODE_IMAGE}:{project_name(cluster.run_dir.resolve(), cluster.env_file)}"
        arguments = [f"--build-arg={name}={value}" for name, value in pip_settings.build_arguments().items()]
        run_docker("tag", self._name, f"{self._name}-present")
        run_docker("build", *arguments, "--tag", f"{self._name}-next", str(node), seconds=BUILD_SECONDS)

    def choose(self, version: Version) -> None:
        run_docker("tag", f"{self._name}-{version}", self._name)

    def forget(self) -> None:
        self.choose("present")
        run_docker("rmi", f"{self._name}-present", f"{self._name}-next")


def test_containers_are_upgraded_one_by_one_and_taken_back_while_orders_go_on(
    cluster: Cluster, tmp_path: Path
) -> None:
    """No order fails but while its own node restarts, nothing is parked at any time, and nothing is lost."""
    project = Project(project_name(cluster.run_dir.resolve(), cluster.env_file))
    images = Images(cluster, next_version.build(tmp_path / "next").root / NODE)

    def change(name: str, version: Version) -> None:
        cluster.driver.stop(name)
        project.act("rm", project.containers(name))
        images.choose(version)
        cluster.driver.start(name)
        cluster.driver.heal()

    try:
        asyncio.run(Story(cluster, change, tmp_path).play())
    finally:
        cluster.driver.down()
        images.forget()
