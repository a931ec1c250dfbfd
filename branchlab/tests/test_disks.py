"""Lost data are said, and no network is begun anew in silence. So is code that changed under its nodes."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from branchlab.errors import LabError
from branchlab.networks import ports
from branchlab.networks.drivers import node_code
from branchlab.networks.drivers.process import ProcessDriver
from branchlab.networks.network import NodeAddress, UpOptions
from branchlab.tests.standins import STANDIN


@pytest.fixture
def driver(tmp_path: Path) -> Iterator[ProcessDriver]:
    """A network of two stand-ins that have files like databases, stopped."""

    def command(node: NodeAddress) -> Sequence[str]:
        (tmp_path / "run" / node.name).mkdir(parents=True, exist_ok=True)
        (tmp_path / "run" / node.name / "node.db").touch()
        return [sys.executable, "-S", str(STANDIN), str(node.port)]

    made = ProcessDriver(tmp_path / "run", env_file=tmp_path / "env", command=command)
    made.up(UpOptions(nodes=2, ports=ports.find_free(2)))
    made.down()
    yield made
    made.down()


def lose(tmp_path: Path, *nodes: str) -> None:
    for node in nodes:
        (tmp_path / "run" / node / "node.db").unlink()


def test_a_network_that_lost_all_its_data_is_not_begun_anew(driver: ProcessDriver, tmp_path: Path) -> None:
    lose(tmp_path, "matriz", "filial-norte")
    with pytest.raises(LabError, match="there is no database of matriz, filial-norte; put them back, or run"):
        driver.up(UpOptions())
    assert driver.state("matriz") == "stopped"


def test_one_lost_disk_is_said_and_the_others_give_what_they_have(
    driver: ProcessDriver, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lose(tmp_path, "filial-norte")
    driver.up(UpOptions())
    assert "the database of filial-norte is gone" in capsys.readouterr().err
    assert driver.state("filial-norte") == "running"


def test_a_network_whose_disks_are_there_says_nothing(
    driver: ProcessDriver, capsys: pytest.CaptureFixture[str]
) -> None:
    driver.up(UpOptions())
    assert capsys.readouterr().err == ""


def test_nodes_that_run_other_code_are_named_until_they_are_started_anew(
    driver: ProcessDriver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ["matriz", "filial-norte"]
    driver.up(UpOptions())
    assert node_code.outdated(tmp_path / "run", names) == []
    monkeypatch.setattr(node_code, "fingerprint", lambda _implementation: "other")
    assert node_code.outdated(tmp_path / "run", names) == names
    driver.stop("matriz")
    driver.start("matriz")
    assert node_code.outdated(tmp_path / "run", names) == ["filial-norte"]
    driver.stop("filial-norte")
    assert node_code.outdated(tmp_path / "run", names) == []


def test_any_changed_file_of_the_code_is_other_code(tmp_path: Path) -> None:
    parts = ("app", "migrations")
    for place in ("app", "migrations/versions"):
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / "one.py").write_text("1", encoding="utf-8")
    found = {node_code.read_fingerprint(tmp_path, parts)}
    for place in ("app", "migrations/versions"):
        (tmp_path / place / "one.py").write_text("2", encoding="utf-8")
        node_code.read_fingerprint.cache_clear()
        found.add(node_code.read_fingerprint(tmp_path, parts))
    (tmp_path / "app" / "one.py").rename(tmp_path / "app" / "two.py")
    node_code.read_fingerprint.cache_clear()
    found.add(node_code.read_fingerprint(tmp_path, parts))
    assert len(found) == 4
