"""Containers on rough machines: code that only its owner may read, and proxies in every container."""

import json
import shutil
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from branchlab import settings
from branchlab.errors import LabError
from branchlab.networks import pip_settings, ports
from branchlab.networks.drivers.compose import ComposeDriver
from branchlab.networks.drivers.docker import Project, run_docker
from branchlab.networks.drivers.own_project import project_name
from branchlab.networks.network import UpOptions
from branchlab.poll import poll_blocking
from branchlab.settings import load_or_create
from tests.cluster.cluster import Cluster
from tests.cluster.conftest import FAST

pytestmark = pytest.mark.compose

HEALTH_SECONDS = 90  # the checks begin ten seconds after the start, and come every ten


@pytest.fixture
def image_of_a_closed_clone(tmp_path: Path, containers: Cluster) -> Iterator[str]:
    """The node's image, built from a clone whose umask was 077. Its packages are there from `containers`."""
    clone, name = tmp_path / "node", f"acme-sa/rough-{tmp_path.name.lower()}"
    shutil.copytree(settings.NODE_DIR, clone, ignore=shutil.ignore_patterns("__pycache__", "tests"))
    for path in (*clone.joinpath("app").rglob("*"), *clone.joinpath("migrations").rglob("*"), clone / "app"):
        path.chmod(path.stat().st_mode & 0o700)
    arguments = [f"--build-arg={key}={value}" for key, value in pip_settings.build_arguments().items()]
    run_docker("build", "--tag", name, *arguments, str(clone), seconds=600)
    yield name
    run_docker("rmi", name)


def test_code_that_only_its_owner_may_read_runs_in_the_image(image_of_a_closed_clone: str) -> None:
    confined = ("--rm", "--network=none", "--read-only", "--cap-drop=ALL")
    question = "import app.serve, os; print(os.getuid(), os.access('migrations/env.py', os.R_OK))"
    said = run_docker("run", *confined, image_of_a_closed_clone, "python", "-c", question)
    assert said == "10001 True\n"


def test_nodes_with_docker_s_proxies_are_healthy_and_reach_each_other_with_any_env_file(
    tmp_path: Path, containers: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxies = {"default": {"httpProxy": "http://127.0.0.1:9", "ftpProxy": "http://127.0.0.1:9"}}
    (tmp_path / "config.json").write_text(json.dumps({"proxies": proxies}), encoding="utf-8")
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    run_dir, env_file = tmp_path / "run", tmp_path / "env"
    load_or_create(env_file)
    text = "# Configuração\n" + env_file.read_text(encoding="utf-8")
    env_file.write_bytes(text.replace("\n", "\r\n").encode("iso-8859-1"))
    with closing(_Closing(ComposeDriver(run_dir, env_file=env_file))) as own:
        own.driver.up(UpOptions(nodes=2, ports=ports.find_free(2), settings=FAST))
        nodes = Project(project_name(run_dir.resolve(), env_file)).containers()
        for node in nodes:
            assert "HTTP_PROXY=http://127.0.0.1:9" in run_docker("inspect", node.id)

        def healths() -> list[str]:
            shape = "{{.State.Health.Status}}"
            return [run_docker("inspect", "--format", shape, node.id).strip() for node in nodes]

        assert poll_blocking(
            healths, seconds=HEALTH_SECONDS, until=lambda found: "starting" not in found
        ) == [
            "healthy",
            "healthy",
        ]


def test_a_port_that_was_taken_meanwhile_is_what_heal_names(containers: Cluster) -> None:
    containers.driver.stop("filial-norte")
    taken = containers.network.node("filial-norte").port
    with (
        socket.create_server(("127.0.0.1", taken)),
        pytest.raises(
            LabError, match=f"^port {taken}, which filial-norte needs, is in use by another program"
        ),
    ):
        containers.driver.heal()
    containers.driver.heal()
    assert containers.driver.state("filial-norte") == "running"


class _Closing:
    """A driver that is cleaned at the end."""

    def __init__(self, driver: ComposeDriver) -> None:
        self.driver = driver

    def close(self) -> None:
        self.driver.clean()
