"""A network belongs to one folder: a copy notices, a moved folder keeps it, and nobody guesses in between."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from branchlab import settings
from branchlab.errors import LabError
from branchlab.networks import network, ports
from branchlab.networks.drivers.node_process import NodeProcess
from branchlab.networks.homes import adoption, folder, record
from branchlab.networks.homes.rules import Claim, Place, Standing, judge
from branchlab.networks.network import UpOptions
from branchlab.tests.standins import driver_in

LAB, OLD = Place("/lab", 1), Place("/old", 1)
COPY_AT_LAB = Claim(recorded=LAB, here=Place("/lab", 2))


@pytest.mark.parametrize(
    ("mine", "other", "standing"),
    [
        (Claim(LAB, LAB), None, "own"),
        (Claim(LAB, Place("/copy", 2)), Claim(LAB, LAB), "copied"),
        (Claim(LAB, Place("/snapshot", 1)), Claim(LAB, LAB), "copied"),  # snapshots keep inodes
        (Claim(LAB, OLD), None, "moved"),
        (COPY_AT_LAB, None, "own"),  # restored in its place
        (Claim(LAB, Place("/elsewhere", 3)), None, "unclear"),  # moved to another disk, or a lost one's copy
        (Claim(LAB, OLD), COPY_AT_LAB, "moved"),  # moved away, and a copy put in its place
        (Claim(LAB, Place("/second", 3)), COPY_AT_LAB, "copied"),
    ],
)
def test_a_folder_is_told_from_its_copies(mine: Claim, other: Claim | None, standing: Standing) -> None:
    assert judge(mine, other) == standing


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Path]:
    """A folder whose network of two stand-ins is up."""
    place = tmp_path / "lab"
    place.mkdir()
    driver = driver_in(place)
    driver.up(UpOptions(nodes=2, ports=ports.find_free(2)))
    yield place
    driver.down()
    for path in tmp_path.glob("*/run/*/process.json"):
        NodeProcess(path.parent).kill()


def copy_of(lab: Path, name: str = "copy") -> Path:
    return Path(shutil.copytree(lab, lab.with_name(name)))


def standing(place: Path) -> Standing:
    return folder.look(place / "run").standing


def states(place: Path) -> list[str]:
    return [driver_in(place).state(name) for name in ("matriz", "filial-norte")]


def become_own(place: Path) -> list[str]:
    said: list[str] = []
    folder.become_own(place / "run", place / "env", said.append)
    return said


def test_a_copy_stops_nothing_of_the_first_one(lab: Path) -> None:
    copy = copy_of(lab)
    driver_in(copy).down()
    driver_in(copy).kill("matriz")
    assert states(lab) == ["running", "running"]
    assert states(copy) == ["stopped", "stopped"]


def test_a_copy_made_while_nothing_ran_is_one_too(lab: Path) -> None:
    driver_in(lab).down()
    assert standing(copy_of(lab)) == "copied"
    assert standing(lab) == "own"


def test_every_verb_of_a_copy_says_whose_copy_it_is_and_how_to_go_on(lab: Path) -> None:
    copy = copy_of(lab)
    with pytest.raises(LabError, match=f"is a copy of {lab / 'run'}, whose .* `make up` gives this folder"):
        folder.require_own(copy / "run")


def test_a_copy_gets_a_network_of_its_own_and_loses_nothing(lab: Path) -> None:
    copy = copy_of(lab)
    before = (copy / "env").read_text(encoding="utf-8")

    said = become_own(copy)

    first, own = settings.load(lab / "env"), settings.load(copy / "env")
    assert own.cluster_id != first.cluster_id
    assert {own.jwt_secret, own.replica_secret}.isdisjoint({first.jwt_secret, first.replica_secret})
    assert own.admin_password == first.admin_password  # typed by hand in class
    assert settings.compose_project(copy / "env") != settings.compose_project(lab / "env")
    assert (lab / "env").read_text(encoding="utf-8") == before
    assert network.find(copy / "run") is None
    assert network.find(copy / "run-copied-1") == network.find(lab / "run")
    assert [line.startswith(str(copy)) for line in said] == [True, False, True]
    assert become_own(copy) == become_own(lab) == []


def test_other_lines_of_a_copied_secrets_file_stay(lab: Path) -> None:
    with (lab / "env").open("a", encoding="utf-8") as file:
        file.write("CHAOS_SECONDS=20\n# ours\n")
    copy = copy_of(lab)
    become_own(copy)
    lines = (copy / "env").read_text(encoding="utf-8").splitlines()
    assert {"CHAOS_SECONDS=20", "# ours"} <= set(lines)
    assert len(lines) == len((lab / "env").read_text(encoding="utf-8").splitlines())
    assert (copy / "env").stat().st_mode & 0o777 == 0o600


def test_a_secrets_file_copied_into_a_fresh_clone_is_renewed_too(lab: Path, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    clone.mkdir()
    shutil.copy(lab / "env", clone / "env")
    assert "is a copy of" in become_own(clone)[0]
    assert settings.load(clone / "env").cluster_id != settings.load(lab / "env").cluster_id


def test_a_file_that_two_networks_share_on_purpose_stays(lab: Path, tmp_path: Path) -> None:
    shutil.copytree(lab / "run", tmp_path / "second" / "run")
    before = (lab / "env").read_text(encoding="utf-8")
    folder.become_own(tmp_path / "second" / "run", lab / "env", lambda _line: None)
    assert (lab / "env").read_text(encoding="utf-8") == before


def test_clean_in_a_copy_removes_what_was_copied_and_nothing_else(lab: Path) -> None:
    copy = copy_of(lab)
    folder.remove_copied(copy / "run", copy / "env", lambda _line: None)
    assert not (copy / "run").exists()
    assert settings.copied_from(copy / "env") is None
    assert states(lab) == ["running", "running"]


def test_a_moved_folder_keeps_its_network_and_its_nodes(lab: Path, tmp_path: Path) -> None:
    moved = lab.rename(tmp_path / "moved")
    assert standing(moved) == "moved"
    assert states(moved) == ["running", "running"]
    with pytest.raises(LabError, match=r"was moved from .* while its nodes ran.*: run `make down`"):
        driver_in(moved).up(UpOptions())
    driver_in(moved).down()
    driver_in(moved).up(UpOptions())
    assert standing(moved) == "own"
    assert settings.belongs_to(moved / "env") == moved / "env"


def test_a_copy_that_took_the_place_of_a_moved_one_shares_no_process_with_it(
    lab: Path, tmp_path: Path
) -> None:
    moved = lab.rename(tmp_path / "moved")
    shutil.copytree(moved, lab)
    assert standing(moved) == "moved"
    driver_in(lab).down()
    assert states(moved) == ["running", "running"]


def test_where_only_a_person_can_tell_nothing_is_done_until_one_does(lab: Path, tmp_path: Path) -> None:
    """As after a move to another disk."""
    driver_in(lab).down()
    copy = copy_of(lab)
    shutil.rmtree(lab)
    with pytest.raises(LabError, match=r"if you moved it here, run `./lab adopt`; if this is a copy"):
        become_own(copy)

    adoption.adopt_here(copy / "run", copy / "env", lambda _line: None)

    assert standing(copy) == "own"
    driver_in(copy).up(UpOptions())
    assert states(copy) == ["running", "running"]


def test_a_copy_cannot_adopt_what_belongs_to_another_folder(lab: Path) -> None:
    copy = copy_of(lab)
    with pytest.raises(LabError, match="is a copy of"):
        adoption.adopt_here(copy / "run", copy / "env", lambda _line: None)


def test_a_folder_with_its_network_has_nothing_to_adopt(lab: Path) -> None:
    with pytest.raises(LabError, match="nothing is to be adopted"):
        adoption.adopt_here(lab / "run", lab / "env", lambda _line: None)


def test_secrets_that_are_gone_come_back_from_what_runs(lab: Path) -> None:
    before = settings.load(lab / "env")
    (lab / "env").unlink()
    adoption.adopt_here(lab / "run", lab / "env", lambda _line: None)
    assert settings.load(lab / "env") == before


def test_where_nothing_runs_adopting_makes_secrets_that_fit_the_data(lab: Path) -> None:
    before = settings.load(lab / "env")
    driver_in(lab).down()
    (lab / "env").unlink()
    said: list[str] = []
    adoption.adopt_here(lab / "run", lab / "env", said.append)
    assert settings.load(lab / "env").cluster_id == before.cluster_id
    assert "make reset-admin" in said[0]
    driver_in(lab).up(UpOptions())


def test_a_folder_reached_by_another_name_is_itself(lab: Path, tmp_path: Path) -> None:
    other_name = tmp_path / "by-another-name"
    other_name.symlink_to(lab)
    kept = record.read(lab / "run")
    assert kept is not None
    record.write(replace(kept, place=Place(str(other_name / "run"), kept.place.inode)), lab / "run")
    assert standing(lab) == standing(other_name) == "own"
    assert folder.moved_from(lab / "run") is None


def test_a_record_that_cannot_be_read_is_none(lab: Path) -> None:
    (lab / "run" / "home.json").write_text("{", encoding="utf-8")
    assert record.read(lab / "run") is None
    assert standing(lab) == "own"
