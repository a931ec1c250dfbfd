"""What containers need before they start: a Compose, a base image, and pip's own settings."""

from pathlib import Path

import pytest

from branchlab import settings
from branchlab.errors import LabError
from branchlab.networks import base_image
from branchlab.networks.drivers import compose_command
from branchlab.networks.drivers.compose_command import ComposeCommand
from branchlab.networks.drivers.own_project import project_name
from branchlab.networks.pip_settings import parse


@pytest.mark.parametrize(
    ("version", "supported"),
    [
        ("1.25.5", False),
        ("1.28.6", False),
        ("1.29.2", True),
        ("2.0.0", True),
        ("v2.26.1-4", True),
        ("2.40.3+ds1-0ubuntu1", True),
        ("dev", True),  # a build of one's own; nothing says it is old
    ],
)
def test_compose_from_1_29_on_is_supported(version: str, supported: bool) -> None:
    assert ComposeCommand(words=("docker-compose",), version=version).supported is supported


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory that holds all programs there are; tests put stand-ins there."""
    directory = tmp_path / "programs"
    directory.mkdir()
    monkeypatch.setenv("PATH", str(directory))
    return directory


def put(directory: Path, name: str, script: str) -> None:
    program = directory / name
    program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    program.chmod(0o755)


def test_the_plugin_is_used_where_both_are_there(programs: Path) -> None:
    put(programs, "docker", '[ "$1" = compose ] && echo 2.26.1')
    put(programs, "docker-compose", "echo 1.29.2")
    assert compose_command.find() == ComposeCommand(words=("docker", "compose"), version="2.26.1")


def test_the_old_program_is_used_where_the_plugin_is_missing(programs: Path) -> None:
    put(programs, "docker", "exit 1")
    put(programs, "docker-compose", "echo 1.29.2")
    assert compose_command.find().words == ("docker-compose",)


def test_without_compose_one_line_says_what_to_do(programs: Path) -> None:
    with pytest.raises(LabError, match="there is no Docker Compose here; install the Compose plugin"):
        compose_command.find()
    put(programs, "docker-compose", "echo 1.25.5")
    with pytest.raises(LabError, match=r"only version 1\.25\.5 of Docker Compose"):
        compose_command.find()


def test_what_compose_complains_of_is_passed_on_with_the_place_of_the_rest(
    programs: Path, tmp_path: Path
) -> None:
    put(programs, "docker-compose", "echo building; echo no space left >&2; exit 17")
    command = ComposeCommand(words=("docker-compose",), version="1.29.2")
    log = tmp_path / "run" / "compose.log"
    with pytest.raises(
        LabError, match=r"`docker-compose build` failed: no space left \(all of it in .*log\)"
    ):
        command.run_logged("build", files=[Path("compose.yaml")], environment={}, log=log)
    assert log.read_text(encoding="utf-8") == "building\nno space left\n"


def test_the_base_image_is_the_one_both_dockerfiles_name() -> None:
    for dockerfile in (
        settings.NODE_DIR / "Dockerfile",
        settings.ROOT / "branchlab" / "chaos" / "Dockerfile",
    ):
        lines = dockerfile.read_text(encoding="utf-8").splitlines()
        assert {line.split()[1] for line in lines if line.startswith("FROM ")} == {base_image.tag()}


def test_building_the_base_image_without_root_says_how_to_go_on() -> None:
    with pytest.raises(LabError, match=r"needs root: run `sudo .* base-image` once, or use `make up DRIVER"):
        base_image.build(lambda _line: None, as_root=False)


@pytest.mark.usefixtures("programs")
def test_a_system_without_debian_tools_says_so() -> None:
    with pytest.raises(LabError, match="needs debootstrap: install it"):
        base_image.build(lambda _line: None, as_root=True)


def test_pip_settings_that_hold_in_a_container_are_passed_on() -> None:
    listing = "\n".join(
        [
            "global.index-url='https://packages.example/simple'",
            "global.find-links='/opt/wheels'",
            ":env:.default-timeout='180'",
            ":env:.index-url='https://nearer.example/simple'",
        ]
    )
    expected = {"PIP_INDEX_URL": "https://nearer.example/simple", "PIP_DEFAULT_TIMEOUT": "180"}
    assert parse(listing) == expected
    assert parse("") == {}


def test_networks_side_by_side_are_projects_of_their_own(tmp_path: Path) -> None:
    env_file = tmp_path / "env"
    settings.load_or_create(env_file)
    usual = project_name(settings.DEFAULT_RUN_DIR, env_file)
    assert usual in env_file.read_text(encoding="utf-8")
    other = project_name(tmp_path / "run", env_file)
    assert other.startswith(f"{usual}-")
    assert other != project_name(tmp_path / "another", env_file)


def test_secrets_from_before_there_were_containers_have_a_project_too(tmp_path: Path) -> None:
    env_file = tmp_path / "env"
    made = settings.load_or_create(env_file)
    kept = [line for line in env_file.read_text(encoding="utf-8").splitlines() if "COMPOSE" not in line]
    env_file.write_text("\n".join(kept), encoding="utf-8")
    assert settings.compose_project(env_file) == f"acme-{made.cluster_id[:8]}"
