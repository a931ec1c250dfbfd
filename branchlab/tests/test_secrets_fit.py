"""A secrets' file that is gone or edited is one line with the value's name. Reading verbs never write it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from branchlab import settings
from branchlab.errors import LabError
from branchlab.networks import ports
from branchlab.networks.drivers.process import ProcessDriver
from branchlab.networks.homes import secrets_fit
from branchlab.networks.network import UpOptions
from branchlab.tests.standins import driver_in

LONG = "0123456789" * 4


@pytest.fixture
def driver(tmp_path: Path) -> Iterator[ProcessDriver]:
    """A network of two stand-ins that is up."""
    made = driver_in(tmp_path)
    made.up(UpOptions(nodes=2, ports=ports.find_free(2)))
    yield made
    made.down()


def edit(env_file: Path, name: str, value: str) -> None:
    lines = env_file.read_text(encoding="utf-8").splitlines()
    changed = [f"{name}={value}" if line.startswith(f"{name}=") else line for line in lines]
    env_file.write_text("\n".join(changed) + "\n", encoding="utf-8")


@pytest.mark.usefixtures("driver")
def test_a_file_that_is_gone_is_not_made_anew_under_a_network(tmp_path: Path) -> None:
    (tmp_path / "env").unlink()
    for ask in (secrets_fit.read, secrets_fit.read_or_create):
        with pytest.raises(LabError, match=r"there is no .*env, .*: put it back, or run `./lab adopt`"):
            ask(tmp_path / "run", tmp_path / "env")
    assert not (tmp_path / "env").exists()


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("CLUSTER_ID", "mine", "CLUSTER_ID is no UUID"),
        ("CLUSTER_ID", "dfda16ba-2902-49da-9e23-c379a78b5406", "CLUSTER_ID in .* is not this network's: put"),
        ("JWT_SECRET", "short", "JWT_SECRET has fewer than 32 bytes"),
        ("REPLICA_SECRET", "", "lacks REPLICA_SECRET"),
        ("ADMIN_PASSWORD", "short", "ADMIN_PASSWORD has fewer than 12 characters"),
        ("ADMIN_PASSWORD", "x" * 73, "ADMIN_PASSWORD has more than 72 bytes"),
    ],
)
@pytest.mark.usefixtures("driver")
def test_a_value_that_does_not_fit_is_named_with_the_way_on(
    tmp_path: Path, name: str, value: str, words: str
) -> None:
    edit(tmp_path / "env", name, value)
    with pytest.raises(LabError, match=words) as refused:
        secrets_fit.read(tmp_path / "run", tmp_path / "env")
    assert "\n" not in str(refused.value)
    assert "back" in str(refused.value)


def test_a_file_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "env").mkdir()
    with pytest.raises(LabError, match="env cannot be read: Is a directory"):
        settings.load(tmp_path / "env")


def test_one_secret_for_both_is_named(tmp_path: Path) -> None:
    made = settings.load_or_create(tmp_path / "env")
    edit(tmp_path / "env", "REPLICA_SECRET", made.jwt_secret)
    with pytest.raises(LabError, match="REPLICA_SECRET is JWT_SECRET's value"):
        settings.load(tmp_path / "env")


@pytest.mark.parametrize("name", ["JWT_SECRET", "REPLICA_SECRET"])
def test_no_node_is_started_with_another_secret_than_the_others_run_with(
    driver: ProcessDriver, tmp_path: Path, name: str
) -> None:
    driver.stop("matriz")
    edit(tmp_path / "env", name, LONG)
    for start in (lambda: driver.start("matriz"), driver.heal, lambda: driver.up(UpOptions())):
        with pytest.raises(LabError, match=f"{name} in .* is not the one that the nodes run with"):
            start()
    assert driver.state("matriz") == "stopped"


def test_a_new_secret_is_taken_while_nothing_runs(driver: ProcessDriver, tmp_path: Path) -> None:
    driver.down()
    edit(tmp_path / "env", "JWT_SECRET", LONG)
    driver.up(UpOptions())
    driver.stop("matriz")
    driver.start("matriz")
    assert driver.state("matriz") == "running"


def test_reading_makes_no_file_and_changes_none(tmp_path: Path) -> None:
    with pytest.raises(LabError):
        secrets_fit.read(tmp_path / "run", tmp_path / "env")
    assert not (tmp_path / "env").exists()
    settings.load_or_create(tmp_path / "env")
    (tmp_path / "env").chmod(0o640)
    before = (tmp_path / "env").stat()
    secrets_fit.read(tmp_path / "run", tmp_path / "env")
    after = (tmp_path / "env").stat()
    assert (after.st_mode, after.st_mtime_ns) == (before.st_mode, before.st_mtime_ns)
