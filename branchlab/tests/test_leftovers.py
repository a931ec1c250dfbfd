"""What a folder left over that was removed while its nodes ran is found, named and ended; nothing else is."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from branchlab.errors import LabError
from branchlab.networks import network, ports
from branchlab.networks.drivers import compose_home
from branchlab.networks.drivers.compose_home import ProjectHome, home_of, machine
from branchlab.networks.drivers.process import ProcessDriver
from branchlab.networks.homes import adoption, leftovers
from branchlab.networks.homes.leftovers import LeftProcesses, LeftProject
from branchlab.networks.network import UpOptions
from branchlab.settings import load_or_create
from branchlab.tests.standins import driver_in


@pytest.fixture(autouse=True)
def no_docker_and_no_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The Docker of the machine has no say here, and what was started just now counts."""
    monkeypatch.setattr(leftovers, "_RECORDED_SECONDS", 0.0)
    monkeypatch.setattr(leftovers, "_left_projects", list)


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Path]:
    """A folder whose network of two stand-ins is up; what is left of it is ended."""
    place = tmp_path / "lab"
    place.mkdir()
    driver = driver_in(place)
    driver.up(UpOptions(nodes=2, ports=ports.find_free(2)))
    yield place
    driver.down()
    for one in left_by(tmp_path):
        one.remove()


def left_by(place: Path) -> list[LeftProcesses]:
    """What is left over of networks under that path; others on this machine are none of this test's."""
    found = (one for one in leftovers.find() if isinstance(one, LeftProcesses))
    return [one for one in found if one.folder.startswith(str(place))]


def test_a_network_whose_folder_is_there_is_not_left_over(lab: Path) -> None:
    assert left_by(lab.parent) == []


def test_neither_is_one_whose_folder_was_moved(lab: Path, tmp_path: Path) -> None:
    moved = lab.rename(tmp_path / "moved")
    assert left_by(tmp_path) == []
    moved.rename(lab)


def test_processes_of_a_removed_folder_are_named_with_their_ports_and_ended(lab: Path) -> None:
    current = network.load(lab / "run")
    taken = [node.port for node in current.nodes]
    shutil.rmtree(lab)

    (left,) = left_by(lab.parent)

    assert left.name == current.founding[:8]
    assert left.ports == tuple(sorted(taken))
    assert leftovers.lines([left]) == [
        f"left over by a folder that is gone: 2 processes of {lab / 'run'}"
        f" (ports {', '.join(map(str, sorted(taken)))})",
        "`./lab sweep` removes what is left over",
    ]
    left.remove()
    assert left_by(lab.parent) == []
    assert [ports.is_free(port) for port in taken] == [True, True]


def test_a_paused_one_is_ended_too(lab: Path) -> None:
    ProcessDriver(lab / "run", env_file=lab / "env").pause("matriz")
    shutil.rmtree(lab)
    (left,) = left_by(lab.parent)
    left.remove()
    assert [process for process in left.processes if psutil.pid_exists(process.pid)] == []


def test_a_process_that_the_folder_knows_no_more_is_left_over_though_the_folder_is_there(lab: Path) -> None:
    (lab / "run" / "matriz" / "process.json").unlink()
    (left,) = left_by(lab.parent)
    assert len(left.processes) == 1


def test_nothing_left_over_is_nothing_to_say() -> None:
    assert leftovers.lines([]) == []


@pytest.fixture
def home(tmp_path: Path) -> ProjectHome:
    """The home of a Compose project whose folder is there."""
    place = tmp_path / "lab"
    place.mkdir()
    secrets = load_or_create(place / "env")
    current = network.plan(None, UpOptions(nodes=2), driver="compose")
    network.save(current, place / "run")
    return home_of("acme-1234", place / "run", place / "env", current, secrets.cluster_id)


def test_a_project_is_held_while_its_folder_or_its_secrets_know_it(home: ProjectHome) -> None:
    assert home.is_held
    shutil.rmtree(home.run_dir)
    assert home.is_held
    Path(home.env_file).unlink()
    assert not home.is_held


def test_a_fresh_clone_in_the_place_of_a_removed_one_holds_nothing(home: ProjectHome) -> None:
    shutil.rmtree(Path(home.run_dir).parent)
    Path(home.run_dir).parent.mkdir()
    load_or_create(Path(home.env_file))
    network.save(network.plan(None, UpOptions(nodes=2), driver="compose"), Path(home.run_dir))
    assert not home.is_held


def test_what_another_machine_made_is_for_that_machine_to_judge(home: ProjectHome) -> None:
    """Several machines may share one Docker daemon."""
    shutil.rmtree(Path(home.run_dir).parent)
    assert not home.is_held
    assert ProjectHome(**{**vars(home), "machine": "elsewhere"}).is_held
    assert len(machine()) == 16


def test_a_home_describes_its_network_whole(home: ProjectHome) -> None:
    assert home.described == network.load(Path(home.run_dir))


def test_a_folder_with_a_network_adopts_no_other_one(home: ProjectHome, tmp_path: Path) -> None:
    left = LeftProject(name=home.project, folder="/gone", containers=3, volumes=3, home=home)
    run_dir = Path(home.run_dir)
    with pytest.raises(LabError, match="has a network already"):
        adoption.adopt_leftover(home.project, [left], run_dir, tmp_path / "env", lambda _line: None)
    with pytest.raises(LabError, match=r"nothing is not left over .* what is: acme-1234"):
        adoption.adopt_leftover("nothing", [left], tmp_path / "new", tmp_path / "env", lambda _line: None)


def test_what_is_left_of_containers_names_both_ways_on(home: ProjectHome) -> None:
    left = LeftProject(name="acme-1234", folder="/gone", containers=3, volumes=3, home=home)
    assert leftovers.lines([left]) == [
        "left over by a folder that is gone: 3 containers and 3 volumes with data of /gone (acme-1234)",
        "`./lab sweep` removes what is left over; `./lab adopt NAME` goes on with containers",
    ]


def test_containers_of_another_folder_are_refused_by_name(
    home: ProjectHome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compose_home, "find", {home.project: home}.get)
    ask = compose_home.require_ours
    own = Path(home.run_dir)
    assert ask(home.project, own, tmp_path / "env", described=True) == home
    with pytest.raises(LabError, match=f"belong to {own}, and are left alone"):
        ask(home.project, tmp_path / "other", tmp_path / "env", described=True)
    shutil.rmtree(own.parent)
    with pytest.raises(LabError, match=r"`./lab adopt acme-1234` goes on with them here"):
        ask(home.project, tmp_path / "other", tmp_path / "env", described=False)
