"""Volumes outlive their folder: another folder goes on with them, and lost ones are said."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from branchlab import settings
from branchlab.errors import LabError
from branchlab.networks import network, ports
from branchlab.networks.drivers.compose import ComposeDriver
from branchlab.networks.drivers.docker import Project, run_docker
from branchlab.networks.drivers.own_project import project_name
from branchlab.networks.homes import adoption, leftovers
from branchlab.networks.network import UpOptions
from tests.cluster.conftest import FAST

pytestmark = pytest.mark.compose

NODES = ("matriz", "filial-norte")


class Place:
    """A folder for a network in containers."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder, self.run_dir, self.env_file = folder, folder / "run", folder / "env"
        self.driver = ComposeDriver(self.run_dir, env_file=self.env_file)

    def up(self) -> None:
        self.driver.up(UpOptions(nodes=len(NODES), ports=ports.find_free(len(NODES)), settings=FAST))

    @property
    def project(self) -> Project:
        return Project(project_name(self.run_dir, self.env_file))


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Place]:
    """A network of two nodes that is up; nothing of its project is left at the end."""
    place = Place(tmp_path / "lab")
    place.up()
    project = place.project
    yield place
    for one in leftovers.find():
        if one.name == project.name:
            one.remove()
    for path in tmp_path.glob("*/run"):
        ComposeDriver(path, env_file=path.with_name("env")).clean()
    assert (project.containers(), project.volumes()) == ([], {})


@pytest.mark.parametrize("containers_are_there", [True, False])
def test_another_folder_goes_on_with_what_a_removed_one_left_over(
    lab: Place, tmp_path: Path, containers_are_there: bool
) -> None:
    before, current, name = settings.load(lab.env_file), network.load(lab.run_dir), lab.project.name
    if not containers_are_there:
        lab.driver.down()
    shutil.rmtree(lab.folder)
    other = Place(tmp_path / "other")

    adoption.adopt_leftover(name, leftovers.find(), other.run_dir, other.env_file, lambda _line: None)

    adopted = settings.load(other.env_file)
    assert (adopted == before, adopted.cluster_id) == (containers_are_there, before.cluster_id)
    assert network.load(other.run_dir) == current
    other.driver.up(UpOptions())
    assert {other.driver.state(node) for node in NODES} == {"running"}
    assert other.project.name == name
    assert [one for one in leftovers.find() if one.name == name] == []


def test_a_network_whose_description_is_gone_gets_it_back_from_its_volumes(lab: Place) -> None:
    current = network.load(lab.run_dir)
    shutil.rmtree(lab.run_dir)
    assert lab.driver.up(UpOptions()) == current


def test_lost_volumes_are_said_and_nothing_is_begun_anew(
    lab: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    lab.driver.down()
    lab.project.remove_volume("filial-norte")
    lab.driver.up(UpOptions())
    assert "the volume of filial-norte is gone" in capsys.readouterr().err

    lab.driver.down()
    lab.project.remove_volumes()
    with pytest.raises(LabError, match="there is no volume of matriz, filial-norte; put them back, or run"):
        lab.driver.up(UpOptions())
    assert lab.project.containers() == []


def test_what_the_lab_did_not_make_in_its_project_is_never_touched(lab: Place) -> None:
    """As when somebody gave COMPOSE_PROJECT_NAME the name of another program's project."""
    label = f"com.docker.compose.project={lab.project.name}"
    volume = run_docker("volume", "create", "--label", label, "--label", "com.docker.compose.volume=books")
    image = run_docker("inspect", "--format", "{{.Image}}", lab.project.containers()[0].id).strip()
    named = ("--label", label, "--label", "com.docker.compose.service=shop")
    stranger = run_docker("create", *named, "--network=none", image, "true").strip()
    try:
        lab.driver.up(UpOptions())
        lab.driver.clean()
        assert run_docker("inspect", "--format", "{{.Id}}", stranger).strip() == stranger
        assert run_docker("volume", "inspect", "--format", "{{.Name}}", volume.strip()) == volume
    finally:
        run_docker("rm", "--force", stranger)
        run_docker("volume", "rm", volume.strip())
