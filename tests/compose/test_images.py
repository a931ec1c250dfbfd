"""Each network keeps the image it was started with, and images that no network uses do not pile up."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from branchlab.networks import ports
from branchlab.networks.drivers.compose import ComposeDriver
from branchlab.networks.drivers.docker import Project, image_exists, run_docker
from branchlab.networks.drivers.images import NODE_IMAGE
from branchlab.networks.drivers.own_project import project_name
from branchlab.networks.network import UpOptions
from tests.cluster.conftest import FAST

pytestmark = pytest.mark.compose

NODES = ("matriz", "filial-norte")
OLD_BUILD = "FROM {image}\nLABEL sa.acme.test={word}\nLABEL sa.acme.image=node\n"


class Started:
    """A network of two nodes in containers."""

    def __init__(self, directory: Path) -> None:
        self.driver = ComposeDriver(directory / "run", env_file=directory / "env")
        self.driver.up(UpOptions(nodes=len(NODES), ports=ports.find_free(len(NODES)), settings=FAST))
        self.project = Project(project_name((directory / "run").resolve(), directory / "env"))

    @property
    def image(self) -> str:
        return f"{NODE_IMAGE}:{self.project.name}"

    def images(self) -> set[str]:
        """The ids of the images that its containers are made of."""
        ids = [container.id for container in self.project.containers()]
        return set(run_docker("inspect", "--format", "{{.Image}}", *ids).split())


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Started]:
    made = Started(tmp_path)
    yield made
    made.driver.clean()


def build(directory: Path, *, base: str, word: str) -> str:
    """Another build of the nodes' image, as changed code makes one, under the common name; its id."""
    file = directory / f"{word}.Dockerfile"
    file.write_text(OLD_BUILD.format(image=base, word=word), encoding="utf-8")
    subprocess.run(
        ["docker", "build", "--quiet", "--tag", NODE_IMAGE, "--file", file, directory],
        check=True,
        capture_output=True,
    )
    return identity(NODE_IMAGE)


def identity(image: str) -> str:
    return run_docker("image", "inspect", "--format", "{{.Id}}", image).strip()


def test_a_container_that_is_made_anew_is_not_of_another_networks_newer_image(
    started: Started, tmp_path: Path
) -> None:
    before = started.images()
    newer = build(tmp_path, base=started.image, word="newer")

    started.driver.wipe("filial-norte")

    assert started.images() == before == {identity(started.image)}
    assert newer not in before
    run_docker("tag", started.image, NODE_IMAGE)  # what another test finds is the code of now


def test_clean_removes_the_networks_image_and_what_no_network_uses(tmp_path: Path) -> None:
    started = Started(tmp_path)
    kept = started.image
    unused = [build(tmp_path, base=started.image, word=word) for word in ("first", "second")]
    run_docker("tag", started.image, NODE_IMAGE)
    assert len({*unused, identity(started.image)}) == 3

    started.driver.clean()

    assert not image_exists(kept)
    assert image_exists(NODE_IMAGE)  # the next start need not build it
    there = set(run_docker("images", "--quiet", "--all", "--no-trunc").split())
    assert there.isdisjoint(unused)


def test_clean_leaves_other_networks_their_image(started: Started, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = Started(tmp_path / "other")

    other.driver.clean()

    assert identity(started.image) in started.images()
    started.driver.wipe("filial-norte")
    assert len(started.project.containers()) == len(NODES)
