"""The doctor finds each trouble of a folder and its network, one seeded test each; none on a clean one."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from branchlab import settings
from branchlab.errors import LabError
from branchlab.networks import doctor, ports
from branchlab.networks.checks import homes
from branchlab.networks.checks.finding import Finding
from branchlab.networks.drivers import node_code
from branchlab.networks.homes import leftovers, record
from branchlab.networks.network import UpOptions
from branchlab.tests.standins import driver_in
from branchlab.tests.test_secrets_fit import LONG, edit


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder whose network of two stand-ins is up; they refuse every login."""
    monkeypatch.setattr(leftovers, "_RECORDED_SECONDS", 0.0)
    monkeypatch.setattr(leftovers, "_left_projects", list)
    place = tmp_path / "lab"
    place.mkdir()
    driver = driver_in(place)
    driver.up(UpOptions(nodes=2, ports=ports.find_free(2)))
    yield place
    driver.down()
    for one in leftovers.find():
        if str(tmp_path) in one.folder:
            one.remove()


def findings(place: Path) -> dict[str, Finding]:
    made = (check(place / "run", place / "env") for check in doctor.CHECKS if check in OWN)
    return {finding.subject: finding for finding in made}


OWN = (
    doctor.secrets_file,
    homes.home,
    homes.secrets_fit_network,
    homes.disks,
    homes.code,
)


def troubles(place: Path) -> dict[str, str]:
    """Subject → words of what is not fine."""
    return {found.subject: found.words for found in findings(place).values() if not found.fine}


def test_a_clean_network_has_no_trouble(lab: Path) -> None:
    driver_in(lab).down()
    assert troubles(lab) == {}


def test_a_folder_without_a_network_has_none(tmp_path: Path) -> None:
    assert troubles(tmp_path) == {}


def test_a_copied_folder(lab: Path) -> None:
    driver_in(lab).down()
    copy = Path(shutil.copytree(lab, lab.with_name("copy")))
    assert [*troubles(copy)] == ["folder"]
    assert "is a copy of" in troubles(copy)["folder"]


def test_copied_secrets_in_a_fresh_clone(lab: Path, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    clone.mkdir()
    shutil.copy(lab / "env", clone / "env")
    assert [*troubles(clone)] == ["folder"]


def test_a_folder_moved_under_its_nodes(lab: Path, tmp_path: Path) -> None:
    moved = lab.rename(tmp_path / "moved")
    assert "was moved from" in troubles(moved)["folder"]
    moved.rename(lab)


def test_secrets_that_are_gone_under_a_network(lab: Path) -> None:
    (lab / "env").unlink()
    assert [*troubles(lab)] == ["secrets"]


def test_a_secret_that_no_node_would_take(lab: Path) -> None:
    edit(lab / "env", "JWT_SECRET", "short")
    assert [*troubles(lab)] == ["secrets"]
    assert "JWT_SECRET has fewer than 32 bytes" in troubles(lab)["secrets"]


def test_another_networks_secrets(lab: Path) -> None:
    edit(lab / "env", "CLUSTER_ID", "dfda16ba-2902-49da-9e23-c379a78b5406")
    assert "CLUSTER_ID" in troubles(lab)["network"]


def test_another_secret_than_the_nodes_run_with(lab: Path) -> None:
    edit(lab / "env", "REPLICA_SECRET", LONG)
    assert "REPLICA_SECRET" in troubles(lab)["network"]


def test_a_password_that_no_node_accepts(lab: Path) -> None:
    assert "ADMIN_PASSWORD in the secrets' file is not the password of 'admin'" in troubles(lab)["network"]


def test_lost_data(lab: Path) -> None:
    driver_in(lab).down()
    record.note_data(lab / "run")
    (lab / "run" / "matriz" / "node.db").touch()
    assert troubles(lab) == {"data": "gone at filial-norte"}


def test_code_that_changed_under_the_nodes(lab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node_code, "fingerprint", lambda _implementation: "other")
    assert troubles(lab)["running code"] == "matriz, filial-norte run other code than this folder has"


def test_what_is_left_over(lab: Path) -> None:
    shutil.rmtree(lab)
    found = homes.left_over(lab / "run", lab / "env")
    assert not found.fine
    assert f"2 processes of {lab / 'run'}" in found.words


@pytest.mark.whole
def test_the_doctor_writes_nothing(lab: Path) -> None:
    (lab / "env").unlink()
    before = sorted(path for path in lab.rglob("*"))
    doctor.examine(lab / "run", lab / "env")
    assert sorted(path for path in lab.rglob("*")) == before
    with pytest.raises(LabError):
        settings.load(lab / "env")
