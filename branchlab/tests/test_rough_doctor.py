"""Every trouble of a rough machine, seeded once: doctor finds it, and finds nothing without it."""

import os
import shutil
import socket
from pathlib import Path

import pytest

from branchlab.networks import doctor, ports
from branchlab.networks.checks import files, programs, shell
from branchlab.networks.checks.finding import Check, Finding
from branchlab.settings import load_or_create
from branchlab.tests.test_rough_docker import daemon_socket, put_docker, somebody_else
from branchlab.tests.test_rough_docker import programs as docker_programs

__all__ = ["daemon_socket", "docker_programs"]

PROXIES = ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy")


@pytest.fixture(autouse=True)
def clean_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Whatever this machine is like."""
    for name in ("LAB_IGNORED", "TMPDIR", "DOCKER_CONFIG", *PROXIES):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


def found(check: Check, tmp_path: Path) -> Finding:
    return check(tmp_path / "run", tmp_path / "env")


@pytest.mark.parametrize(
    "check",
    [
        shell.variables,
        shell.proxies,
        shell.home,
        shell.temporary_files,
        shell.pip,
        files.code,
        files.secrets_text,
        programs.docker_proxies,
    ],
)
def test_a_clean_machine_is_fine(check: Check, tmp_path: Path) -> None:
    load_or_create(tmp_path / "env")
    finding = found(check, tmp_path)
    assert (finding.fine, finding.noted) == (True, False), finding
    assert finding.line.startswith("ok  ")


def test_variables_of_the_shell_that_were_ignored_are_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LAB_IGNORED", "TIME PYTHONPATH")
    finding = found(shell.variables, tmp_path)
    assert (finding.noted, finding.fine) == (True, True)
    assert finding.line.startswith("--  shell         ignored: PYTHONPATH, TIME; ")


@pytest.mark.parametrize(
    ("variables", "fine"),
    [
        ({"HTTP_PROXY": "http://proxy:3128"}, False),
        ({"http_proxy": "http://proxy:3128"}, False),
        ({"all_proxy": "socks5://proxy:1080"}, False),
        ({"http_proxy": "http://proxy:3128", "no_proxy": "example.org"}, False),
        ({"http_proxy": "http://proxy:3128", "no_proxy": "localhost,127.0.0.1"}, True),
        ({"http_proxy": "http://proxy:3128", "no_proxy": "*"}, True),
        ({"https_proxy": "http://proxy:3128"}, True),
    ],
)
def test_a_proxy_before_this_machine_is_found(
    variables: dict[str, str], fine: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    finding = found(shell.proxies, tmp_path)
    assert finding.fine is fine
    assert fine or "NO_PROXY=127.0.0.1" in finding.line


@pytest.mark.parametrize("content", ['{"proxies": {"default": {"httpProxy": "http://proxy:3128"}}}', "{"])
def test_docker_s_client_configuration_is_looked_at(
    content: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    (tmp_path / "config.json").write_text(content, encoding="utf-8")
    finding = found(programs.docker_proxies, tmp_path)
    assert finding.noted if content != "{" else not finding.fine


def test_a_user_who_may_not_use_docker_is_noted(
    docker_programs: Path, daemon_socket: str, tmp_path: Path
) -> None:
    put_docker(docker_programs, "exit 1")
    with somebody_else():
        finding = found(doctor.docker, tmp_path)
    assert finding.noted
    assert finding.words == "this user may not use the Docker daemon: the nodes run as processes"


@pytest.mark.parametrize("encoding", ["ascii", "iso-8859-1"])
def test_a_terminal_of_few_characters_is_noted(
    encoding: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with open(os.devnull, "w", encoding=encoding) as plain:
        monkeypatch.setattr("sys.stdout", plain)
        finding = found(shell.characters, tmp_path)
    assert (finding.noted, finding.words.partition(" ")[0]) == (True, encoding)


@pytest.mark.parametrize("home", [None, "", "/nowhere"])
def test_no_home_is_noted(home: str | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("HOME")
    if home is not None:
        monkeypatch.setenv("HOME", home)
    assert found(shell.home, tmp_path).noted
    assert found(programs.docker_proxies, tmp_path).words


def test_no_folder_for_temporary_files_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TMPDIR", "/nowhere")
    assert "TMPDIR is /nowhere" in found(shell.temporary_files, tmp_path).words
    assert found(shell.temporary_files, tmp_path).noted
    assert not shell.temporary_files(tmp_path, tmp_path, otherwise=["/nowhere/else"]).fine


@pytest.mark.parametrize(
    ("listing", "fine", "noted"),
    [
        ("global.index-url='https://x'\n:env:.default-timeout='180'", True, False),
        ("install.user='true'", True, True),
        (":env:.user='0'", True, False),
        ("global.target='/opt/x'", False, False),
        (":env:.target='/opt/x'", True, False),  # `make` takes it out
    ],
)
def test_pip_settings_that_send_packages_elsewhere_are_found(listing: str, fine: bool, noted: bool) -> None:
    finding = shell.judge_pip(listing)
    assert (finding.fine, finding.noted) == (fine, noted)
    assert shell.judge_pip(listing, user="1").noted is fine


def test_pip_s_own_file_is_looked_at(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "pip.conf").write_text("[global]\nuser = true\n", encoding="utf-8")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    assert found(shell.pip, tmp_path).noted


def test_code_that_others_may_not_read_is_noted(tmp_path: Path) -> None:
    code = tmp_path / "app"
    code.mkdir()
    (code / "serve.py").write_text("", encoding="utf-8")
    assert not files.code(tmp_path, tmp_path, folder=tmp_path).noted
    (code / "serve.py").chmod(0o600)
    assert files.code(tmp_path, tmp_path, folder=tmp_path).noted


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("# ação\nX=1\n".encode("iso-8859-1"), "line 1 is not UTF-8"),
        (b"X=1\nADMIN_PASSWORD=caf\xe9\n", "line 2 is not UTF-8"),
        (b"X=1\r\nY=2\r\n", "has CRLF"),
        ("X=1\n".encode("utf-8-sig"), "byte order mark"),
        ("X=1\n".encode("utf-16"), "line 1 is not UTF-8"),
    ],
)
def test_secrets_that_a_shell_reads_otherwise_are_found(content: bytes, words: str, tmp_path: Path) -> None:
    (tmp_path / "env").write_bytes(content)
    finding = found(files.secrets_text, tmp_path)
    assert (finding.fine, words in finding.words) == (False, True)
    assert (tmp_path / "env").read_bytes() == content


def test_a_busy_page_of_locust_is_noted_with_the_way_round_it(tmp_path: Path) -> None:
    (port,) = ports.find_free(1)
    assert not programs.locust_port(tmp_path, tmp_path, port=port).noted
    with socket.create_server(("127.0.0.1", port)):
        finding = programs.locust_port(tmp_path, tmp_path, port=port)
    assert finding.noted
    assert finding.line.endswith(f"`make load-ui UI_PORT={port + 1}`")


def test_a_disk_that_is_nearly_full_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert found(doctor.disk_space, tmp_path).fine
    monkeypatch.setattr(doctor, "_FREE_BYTES", shutil.disk_usage(tmp_path).total + 1)
    assert not found(doctor.disk_space, tmp_path).fine


def test_doctor_asks_each_of_them() -> None:
    ours = {
        check
        for room in (shell, files, programs)
        for name, check in vars(room).items()
        if not name.startswith("_") and getattr(check, "__module__", "") == room.__name__ and _is_check(check)
    }
    assert len(ours) == 10
    assert ours <= set(doctor.CHECKS)


def _is_check(check: object) -> bool:
    names = [name.lstrip("_") for name in getattr(check, "__annotations__", {})]
    return names[:2] == ["run_dir", "env_file"]
