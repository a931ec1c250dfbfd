"""The doctor names what is wrong and what to do, and changes nothing."""

import socket
from pathlib import Path

import pytest

from branchlab.networks import doctor, network, ports
from branchlab.networks.network import UpOptions
from branchlab.settings import load_or_create


def test_a_busy_port_is_named_with_the_way_round_it(tmp_path: Path) -> None:
    free = ports.find_free(2)
    network.save(network.plan(None, UpOptions(nodes=2, ports=free), driver="process"), tmp_path)
    assert doctor.free_ports(tmp_path, tmp_path / "env").fine
    with socket.create_server(("127.0.0.1", free[1])):
        found = doctor.free_ports(tmp_path, tmp_path / "env")
    assert (found.fine, found.words) == (False, f"in use by other programs: {free[1]}")
    assert "BASE_PORT" in found.advice


def test_secrets_that_others_may_read_are_a_finding_and_stay_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "env"
    load_or_create(path)
    assert doctor.secrets_file(tmp_path, path).fine
    path.chmod(0o644)
    assert not doctor.secrets_file(tmp_path, path).fine
    assert path.stat().st_mode & 0o777 == 0o644


def test_incomplete_secrets_are_a_finding(tmp_path: Path) -> None:
    path = tmp_path / "env"
    path.write_text("CLUSTER_ID=x\n", encoding="utf-8")
    path.chmod(0o600)
    found = doctor.secrets_file(tmp_path, path)
    assert (found.fine, "lacks JWT_SECRET" in found.words) == (False, True)


def test_no_secrets_yet_is_fine(tmp_path: Path) -> None:
    assert doctor.secrets_file(tmp_path, tmp_path / "env").fine
    assert not (tmp_path / "env").exists()


@pytest.mark.whole
def test_every_check_says_something_on_a_fresh_clone(tmp_path: Path) -> None:
    findings = doctor.examine(tmp_path / "run", tmp_path / "env")
    assert [finding.subject for finding in findings if not finding.words] == []
    assert not (tmp_path / "run").exists()
