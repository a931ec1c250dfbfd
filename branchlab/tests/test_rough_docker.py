"""Docker as other machines have it: no daemon, no right to use it, or proxies for every container."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from branchlab import settings
from branchlab.errors import LabError
from branchlab.networks.drivers import choose, docker
from branchlab.networks.drivers.compose_command import ComposeCommand
from branchlab.networks.drivers.docker import NoDaemonError

# What `docker ps` says where no daemon runs, and where the user may not use it: before Docker 29, and since.
NO_DAEMON = (
    "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?",
    "failed to connect to the docker API at unix:///var/run/docker.sock; check if the path is correct and if"
    " the daemon is running: dial unix /var/run/docker.sock: connect: no such file or directory",
)
FORBIDDEN = (
    "permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock",
    "permission denied while trying to connect to the docker API at unix:///var/run/docker.sock",
)


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory that holds all programs there are, before those that a script needs."""
    directory = tmp_path / "programs"
    directory.mkdir()
    monkeypatch.setenv("PATH", f"{directory}:/usr/bin:/bin")
    return directory


def put_docker(directory: Path, script: str) -> None:
    program = directory / "docker"
    program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    program.chmod(0o755)


@contextmanager
def somebody_else() -> Iterator[None]:
    """As a user without any rights, where the tests run as root."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def daemon_socket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A daemon's socket, at a short path, that nobody but root may use."""
    path = f"/tmp/rough-docker-{os.getpid()}.sock"  # noqa: S108 - the path of a socket is short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen()
        os.chmod(path, 0)
        monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")
        yield path
        os.unlink(path)


@pytest.mark.parametrize("words", [*NO_DAEMON, "something else entirely", ""])
def test_no_daemon_is_known_by_the_exit_code_in_any_words(
    programs: Path, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    put_docker(programs, f"echo '{words}' >&2; exit 1")
    with pytest.raises(
        NoDaemonError, match=r"^no Docker daemon answers; start Docker, or use `make up DRIVER=process`$"
    ):
        docker.run_docker("ps")
    assert docker.why_silent() == "no Docker daemon answers"


@pytest.mark.parametrize("words", FORBIDDEN)
def test_a_user_who_may_not_use_docker_is_told_so_in_any_words(
    programs: Path, words: str, daemon_socket: str, tmp_path: Path
) -> None:
    put_docker(programs, f"echo '{words}' >&2; exit 1")
    with somebody_else():
        with pytest.raises(NoDaemonError, match=f"join the group of {daemon_socket} and log in again"):
            docker.run_docker("ps")
        why = docker.why_silent()
    assert why == "this user may not use the Docker daemon"
    with somebody_else():
        choice = choose("auto", Path("/nowhere"))
    assert (choice.name, choice.reason) == ("process", why)


def test_a_command_that_fails_beside_a_daemon_is_told_in_its_own_words(programs: Path) -> None:
    put_docker(programs, '[ "$1" = version ] && exit 0; echo "Cannot connect to the registry" >&2; exit 1')
    with pytest.raises(LabError, match=r"^`docker pull` failed: Cannot connect to the registry$"):
        docker.run_docker("pull", "x")


def test_words_that_are_no_utf_8_are_shown_all_the_same(programs: Path) -> None:
    put_docker(programs, '[ "$1" = version ] && exit 0; printf "caf\\351\\n" >&2; exit 1')
    with pytest.raises(LabError, match="`docker ps` failed: caf"):
        docker.run_docker("ps")


def test_the_socket_is_the_one_of_the_present_context(
    programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    put_docker(programs, '[ "$1" = context ] && echo unix:///home/ana/.docker/run/docker.sock')
    assert docker.socket_path() == "/home/ana/.docker/run/docker.sock"
    monkeypatch.setenv("DOCKER_HOST", "tcp://10.0.0.7:2375")
    assert docker.socket_path() is None


def test_compose_reads_no_env_file_of_its_own(programs: Path, tmp_path: Path) -> None:
    """A `.env` in Latin-1 ends Compose with a traceback; what it says goes by the environment."""
    put_docker(
        programs, 'while [ $# -gt 0 ]; do [ "$1" = --env-file ] && cat "$2" && exit 0; shift; done; exit 1'
    )
    log = tmp_path / "compose.log"
    compose = ComposeCommand(words=("docker", "compose"), version="2.26.1")
    compose.run_logged("build", files=[Path("compose.yaml")], environment={}, log=log)
    assert all(line.startswith("#") for line in log.read_text(encoding="utf-8").splitlines())


def test_a_health_check_asks_no_proxy() -> None:
    described = yaml.safe_load((settings.ROOT / "compose.yaml").read_text(encoding="utf-8"))
    for node in described["services"].values():
        assert "ProxyHandler({})" in node["healthcheck"]["test"][-1]
