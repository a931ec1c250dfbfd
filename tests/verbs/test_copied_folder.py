"""A network belongs to its folder, by one test body over both drivers: a copy of the folder touches nothing
of it, and what a removed folder left over is named, adopted or removed."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from branchlab import settings
from branchlab.networks import network, ports
from branchlab.networks.drivers.compose import ComposeDriver
from branchlab.networks.drivers.process import ProcessDriver
from branchlab.networks.homes import leftovers
from branchlab.networks.homes.leftovers import Leftover
from branchlab.poll import poll_blocking
from tests.cluster import forked_nodes
from tests.cluster.cluster import Cluster
from tests.cluster.conftest import FAST
from tests.verbs.conftest import MakeCluster
from tests.verbs.traces import births, data, left_over

NODES = 2
DRIVERS: dict[str, type[ProcessDriver | ComposeDriver]] = {
    driver.name: driver for driver in (ProcessDriver, ComposeDriver)
}
LEFT_SECONDS = 60.0  # processes that were started a moment ago are not taken for left over


@pytest.fixture(scope="module", autouse=True)
def nodes_show_their_environment() -> Iterator[None]:
    """What is left over, and its secrets, are found by what the kernel shows of a process."""
    with forked_nodes.from_a_shell():
        yield


@pytest.fixture(scope="module")
def shared(make_cluster: MakeCluster) -> Cluster:
    return make_cluster(NODES)


@pytest.fixture
def cluster(shared: Cluster) -> Cluster:
    """The network of the first folder, which no test here touches."""
    return shared


@pytest.fixture
def copies(cluster: Cluster) -> Iterator["Copies"]:
    """Makes copies of the network's folder; whatever ran for one is cleaned at the end."""
    made = Copies(cluster)
    yield made
    for copy in made.all:
        if copy.run_dir.exists():
            copy.lab("clean")
        shutil.rmtree(copy.run_dir.parent, ignore_errors=True)
    for one in leftovers.find():  # where a test failed midway
        if one.folder in {str(copy.run_dir) for copy in made.all}:
            one.remove()


class Copies:
    """Copies of one network's folder."""

    def __init__(self, first: Cluster) -> None:
        self._first = first
        self.all: list[Cluster] = []

    def make(self) -> Cluster:
        """A copy of the folder as it is now, as `cp -r` makes it, and what runs nodes there."""
        place = self._first.run_dir.parent.with_name(
            f"{self._first.run_dir.parent.name}-copy-{len(self.all)}"
        )
        shutil.copytree(self._first.run_dir.parent, place)
        copy = placed(self._first, place)
        self.all.append(copy)
        return copy

    def start(self) -> Cluster:
        """A copy with a network of its own, which is up."""
        copy = self.make()
        blocks = (range(port, port + NODES) for port in ports.find_free(40))
        base = next(block.start for block in blocks if all(map(ports.is_free, block)))
        driver = self._first.driver.name
        fast = [word for name, value in FAST.items() for word in ("--set", f"{name}={value}")]
        copy.lab("up", "--driver", driver, "--nodes", str(NODES), "--base-port", str(base), *fast)
        own = placed(copy, copy.run_dir.parent)
        own = replace(own, network=network.load(copy.run_dir), secrets=settings.load(copy.env_file))
        self.all[-1] = own
        return own


def placed(cluster: Cluster, place: Path) -> Cluster:
    """The network of that driver in another folder."""
    run_dir, env_file = place / "run", place / "env"
    runs = DRIVERS[cluster.driver.name](run_dir, env_file=env_file)
    return replace(cluster, driver=runs, run_dir=run_dir, env_file=env_file)


def all_run(cluster: Cluster) -> bool:
    return {cluster.driver.state(name) for name in cluster.network.names} == {"running"}


def left_by(place: Path) -> Leftover:
    """What is left over of the network whose data were there, once it is found."""
    found: list[Leftover] = []

    def look() -> bool:
        found[:] = [one for one in leftovers.find() if one.folder == str(place)]
        return bool(found)

    assert poll_blocking(look, seconds=LEFT_SECONDS, every=0.5)
    return found[0]


def test_down_and_clean_in_a_copy_leave_the_first_network_as_it_is(cluster: Cluster, copies: Copies) -> None:
    before, kept = births(cluster), data(cluster)
    copy = copies.make()

    assert f"is a copy of {cluster.run_dir}" in copy.lab("status", exit_code=2)
    for verb in (("kill", "matriz"), ("heal",), ("wipe", "matriz", "--yes")):
        assert "whose network is left alone" in copy.lab(*verb, exit_code=2)
    assert "left alone" in copy.lab("down")
    assert "left alone" in copy.lab("clean")

    assert not copy.run_dir.exists()
    assert (births(cluster), data(cluster), all_run(cluster)) == (before, kept, True)


def test_a_copy_gets_a_network_of_its_own_beside_the_first_one(cluster: Cluster, copies: Copies) -> None:
    before = births(cluster)

    own = copies.start()

    assert all_run(own)
    assert settings.load(own.env_file).cluster_id != cluster.secrets.cluster_id
    assert set(data(own)).isdisjoint(data(cluster))
    own.lab("down")
    own.lab("clean")
    assert (left_over(own), data(own)) == ([], [])
    assert (births(cluster), all_run(cluster)) == (before, True)


def test_what_a_removed_folder_left_over_is_named_and_swept(cluster: Cluster, copies: Copies) -> None:
    before = births(cluster)
    own = copies.start()
    shutil.rmtree(own.run_dir.parent)

    left = left_by(own.run_dir)

    assert left.words in cluster.lab("doctor", exit_code=1)
    assert "nothing was done" in cluster.lab("sweep", left.name, exit_code=2)
    assert "removed" in cluster.lab("sweep", left.name, "--yes")
    assert [one for one in leftovers.find() if one.folder == str(own.run_dir)] == []
    assert all(ports.is_free(node.port) for node in own.network.nodes)
    assert (births(cluster), all_run(cluster)) == (before, True)


def test_a_moved_folder_keeps_its_network(copies: Copies) -> None:
    own = copies.start()
    kept = len(data(own))
    place = own.run_dir.parent.rename(own.run_dir.parent.with_name(f"{own.run_dir.parent.name}-moved"))
    moved = placed(own, place)
    copies.all[-1] = moved

    assert all_run(moved)
    moved.lab("down")
    moved.lab("up")
    assert moved.status()["nodes"]["matriz"]["ready"] is True
    assert len(data(moved)) == kept
    moved.lab("clean")
    assert (left_over(moved), data(moved)) == ([], [])


def test_reading_verbs_make_no_secrets_and_adopting_brings_them_back(copies: Copies) -> None:
    own = copies.start()
    own.env_file.unlink()

    for verb in ("status", "heal"):
        assert "put it back, or run `./lab adopt`" in own.lab(verb, exit_code=2)
    assert "put it back, or run `./lab adopt`" in own.lab("up", exit_code=2)
    assert not own.env_file.exists()

    own.lab("adopt")
    assert settings.load(own.env_file) == own.secrets
    assert own.status()["nodes"]["matriz"]["ready"] is True


def test_a_wrong_password_is_one_line_however_often_it_is_asked(copies: Copies) -> None:
    own = copies.start()
    text = own.env_file.read_text(encoding="utf-8")
    own.env_file.write_text(text.replace(own.secrets.admin_password, "another password"), encoding="utf-8")

    for _ in range(3):
        said = own.lab("status", exit_code=2).strip().splitlines()
        assert [line for line in said if "ADMIN_PASSWORD" in line] == said[-1:]
    assert "ADMIN_PASSWORD" in own.lab("heal", exit_code=2)

    own.lab("reset-admin", "matriz", "--yes")
    own.lab("heal")
    assert own.status()["nodes"]["matriz"]["ready"] is True


def test_a_file_that_does_not_do_is_refused_by_its_name_before_the_node_is_stopped(
    cluster: Cluster, tmp_path: Path
) -> None:
    before = births(cluster)
    text, other = tmp_path / "notes.txt", tmp_path / "other.db"
    text.write_text("no database\n" * 1000, encoding="utf-8")
    cluster.lab("backup", "filial-norte", str(other))

    for file in (text, other, tmp_path / "gone.db", tmp_path):
        said = cluster.lab("restore", "matriz", str(file), "--yes", exit_code=2)
        assert str(file) in said
        assert "restore-" not in said

    assert births(cluster) == before
