"""Files as other machines' editors and clones leave them."""

import os
from pathlib import Path

import pytest

from branchlab.networks.drivers.compose_calls import ComposeCalls
from branchlab.networks.drivers.own_project import OwnProject, project_name
from branchlab.networks.network import UpOptions, plan, save
from branchlab.settings import load, load_or_create, others


def rewritten(path: Path, *, encoding: str, ending: str = "\n") -> None:
    """Saves the file again as an editor of that encoding does, with a password that has an accent."""
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if "ADMIN_PASSWORD" not in line]
    lines = ["# Configuração da loja", *lines, "ADMIN_PASSWORD=café-da-manhã-1", "MATRIZ_PORT=20444"]
    path.write_bytes(ending.join([*lines, ""]).encode(encoding))


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "iso-8859-1", "cp1252", "utf-16"])
def test_secrets_are_the_same_in_any_encoding_and_with_any_line_ending(
    tmp_path: Path, encoding: str, ending: str
) -> None:
    path = tmp_path / "env"
    made = load_or_create(path)
    rewritten(path, encoding=encoding, ending=ending)
    read = load(path)
    assert read.admin_password == "café-da-manhã-1"
    assert (read.cluster_id, read.jwt_secret) == (made.cluster_id, made.jwt_secret)
    assert others(path) == {"MATRIZ_PORT": "20444"}


def test_bytes_that_no_encoding_has_are_read_all_the_same(tmp_path: Path) -> None:
    path = tmp_path / "env"
    made = load_or_create(path)
    path.write_bytes(b"# \x81\x8d\xff\n" + path.read_bytes())
    assert load(path) == made


def test_what_env_says_beside_the_secrets_reaches_compose_unless_the_shell_says_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    env_file = tmp_path / "env"
    load_or_create(env_file)
    with env_file.open("ab") as file:
        file.write("REPLICATION_RETRY_SECONDS=2\nDOCKER_SOCKET=/ação\n".encode("iso-8859-1"))
    monkeypatch.setenv("DOCKER_SOCKET", "/from/the/shell")
    run_dir = tmp_path / "run"
    network = plan(None, UpOptions(nodes=2), driver="compose")
    save(network, run_dir)
    calls = ComposeCalls(
        run_dir, env_file=env_file, own=OwnProject(run_dir, env_file), tell=lambda _line: None
    )
    given = calls.environment(network)
    assert given["REPLICATION_RETRY_SECONDS"] == "2"
    assert "DOCKER_SOCKET" not in given


def test_a_folder_whose_name_is_no_utf_8_has_a_project_too(tmp_path: Path) -> None:
    env_file = tmp_path / "env"
    load_or_create(env_file)
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9"))
    assert project_name(folder, env_file) != project_name(tmp_path, env_file)
