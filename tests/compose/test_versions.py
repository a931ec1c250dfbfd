"""Every Compose on this machine reads the files and runs the network, and each ends what another began."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from branchlab import settings
from branchlab.networks import ports
from branchlab.networks.drivers import compose_command, compose_files, images
from branchlab.networks.drivers.compose import ComposeDriver
from branchlab.networks.drivers.compose_command import ComposeCommand
from branchlab.networks.drivers.docker import Project, run_docker
from branchlab.networks.drivers.own_project import project_name
from branchlab.networks.network import Network, UpOptions, plan
from branchlab.settings import load_or_create
from tests.cluster.conftest import FAST

pytestmark = pytest.mark.compose

COMMANDS = compose_command.find_all()
CHAOS_SECONDS = 8
CHAOS_END_SECONDS = 120.0


@pytest.fixture(params=COMMANDS, ids=lambda command: command.version)
def command(request: pytest.FixtureRequest) -> ComposeCommand:
    found: ComposeCommand = request.param
    return found


@pytest.fixture
def driver(command: ComposeCommand, tmp_path: Path) -> Iterator[ComposeDriver]:
    made = ComposeDriver(tmp_path / "run", env_file=tmp_path / "env", command=command)
    yield made
    made.clean()


def environment(tmp_path: Path, network: Network) -> dict[str, str]:
    secrets = load_or_create(tmp_path / "env")
    return {**secrets.environment(), **compose_files.port_variables(network)}


@pytest.mark.parametrize("nodes", [2, 3, 9])
def test_the_files_are_read_without_complaint(command: ComposeCommand, tmp_path: Path, nodes: int) -> None:
    network = plan(None, UpOptions(nodes=nodes), driver="compose")
    files = [compose_files.node_file(network, tmp_path), compose_files.chaos_file(network, tmp_path)]
    for chosen in (files[:1], files):
        log = tmp_path / f"config-{len(chosen)}.log"
        values = environment(tmp_path, network)
        command.run_logged("config", "--quiet", files=chosen, environment=values, log=log)
        assert log.read_text(encoding="utf-8") == ""


def test_without_secrets_compose_says_how_to_get_them(command: ComposeCommand, tmp_path: Path) -> None:
    empty = tmp_path / "empty.env"
    empty.touch()
    ended = subprocess.run(
        [
            *command.words,
            "--env-file",
            str(empty),
            "-f",
            str(compose_files.COMPOSE_FILE),
            "config",
            "--quiet",
        ],
        cwd=settings.ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode != 0
    assert "run make up" in ended.stderr


def test_up_heals_first_and_down_leaves_nothing(driver: ComposeDriver, tmp_path: Path) -> None:
    """A paused container is what Compose v2 cannot start; a second up is what v1.29 recreates needlessly."""
    options = UpOptions(nodes=2, ports=ports.find_free(2), settings=FAST)
    driver.up(options)
    project = Project(project_name((tmp_path / "run").resolve(), tmp_path / "env"))
    before = {each.id for each in project.containers()}
    driver.pause("matriz")
    driver.stop("filial-norte")
    driver.up(UpOptions())
    assert {each.id for each in project.containers()} == before
    assert [driver.state(name) for name in ("matriz", "filial-norte")] == ["running", "running"]
    driver.pause("matriz")
    driver.down()
    assert project.containers() == []
    assert run_docker("network", "ls", "--quiet", "--filter", f"name={project.name}") == ""


def test_chaos_is_part_of_a_plain_compose_up(command: ComposeCommand, tmp_path: Path) -> None:
    """The documented command: nodes may take link faults, chaos runs for its time and leaves all healed."""
    usual = ports.find_free(3)
    network = plan(None, UpOptions(ports=usual), driver="compose")
    project = Project(f"chaos-{usual[0]}")
    values = {
        **environment(tmp_path, network),
        "COMPOSE_PROJECT_NAME": project.name,
        "CHAOS_SECONDS": str(CHAOS_SECONDS),
        "CHAOS_SEED": "4",
    }
    try:
        command.run_logged(
            *("up", "--detach", "--build"),
            files=[compose_files.COMPOSE_FILE, compose_files.CHAOS_FILE],
            environment=values,
            log=tmp_path / "compose.log",
        )
        chaos = project.containers("chaos")[0]
        said = run_docker("logs", "--follow", chaos.id, seconds=CHAOS_END_SECONDS)
        assert said.splitlines()[-1] == "healed; faults made: 1"
        assert run_docker("wait", chaos.id).strip() == "0"
        nodes = [each for each in project.containers() if each.service != "chaos"]
        assert [node.state for node in nodes] == ["running"] * 3
        described = json.loads(run_docker("inspect", *(node.id for node in nodes)))
        assert all("LAB_FAULTS=1" in node["Config"]["Env"] for node in described)
    finally:
        project.act("rm", project.containers(), "--force", "--volumes")
        project.remove_networks()
        project.remove_volumes()
        images.forget(project.name)


@pytest.mark.skipif(len(COMMANDS) < 2, reason="there is one Compose on this machine")
def test_one_version_goes_on_with_what_another_began(tmp_path: Path) -> None:
    first, second = (
        ComposeDriver(tmp_path / "run", env_file=tmp_path / "env", command=command)
        for command in COMMANDS[:2]
    )
    try:
        first.up(UpOptions(nodes=2, ports=ports.find_free(2), settings=FAST))
        second.stop("matriz")
        second.up(UpOptions())
        assert [first.state(name) for name in ("matriz", "filial-norte")] == ["running", "running"]
    finally:
        second.clean()
