"""What running containers may and may not do, read from Docker itself and tried from inside."""

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from branchlab.networks.drivers.docker import Project, run_docker
from branchlab.networks.drivers.images import NODE_IMAGE
from branchlab.networks.drivers.own_project import project_name
from branchlab.poll import poll_blocking
from tests.cluster.cluster import Cluster

pytestmark = pytest.mark.compose

MEBIBYTE = 1 << 20
HEALTHY_SECONDS = 60.0


@pytest.fixture(scope="module")
def inspected(containers: Cluster) -> list[Any]:
    """Docker's own description of each container."""
    project = Project(project_name(containers.run_dir, containers.env_file))
    ids = [each.id for each in project.containers()]
    described: list[Any] = json.loads(run_docker("inspect", *ids))
    return described


def inside(container: Any, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["docker", "exec", container["Id"], *command], capture_output=True, text=True, check=False
    )


def host_settings(inspected: list[Any], name: str) -> Iterator[Any]:
    return (container["HostConfig"][name] for container in inspected)


def test_a_node_runs_as_a_user_without_any_rights(inspected: list[Any]) -> None:
    assert [container["Config"]["User"] for container in inspected] == ["10001:10001"] * 2
    assert [inside(container, "id", "-u").stdout.strip() for container in inspected] == ["10001"] * 2
    status = inside(inspected[0], "cat", "/proc/self/status").stdout
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    rights = {name: int(fields[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")}
    assert set(rights.values()) == {0}
    assert fields["NoNewPrivs"] == "1"


def test_no_capability_is_kept_and_none_can_be_gained(inspected: list[Any]) -> None:
    assert list(host_settings(inspected, "CapDrop")) == [["ALL"]] * 2
    assert list(host_settings(inspected, "CapAdd")) == [None] * 2
    assert list(host_settings(inspected, "Privileged")) == [False] * 2
    assert list(host_settings(inspected, "SecurityOpt")) == [["no-new-privileges:true"]] * 2


def test_the_root_is_read_only_and_only_data_and_tmp_can_be_written(inspected: list[Any]) -> None:
    assert list(host_settings(inspected, "ReadonlyRootfs")) == [True] * 2
    written = {
        path: inside(inspected[0], "touch", f"{path}/x").returncode == 0 for path in ("/srv/node", "/opt")
    }
    assert written == {"/srv/node": False, "/opt": False}
    assert inside(inspected[0], "touch", "/tmp/x").returncode == 0  # noqa: S108  (the container's)
    assert inside(inspected[0], "stat", "--format", "%u %g %a", "/data").stdout.split() == [
        "10001",
        "10001",
        "700",
    ]


def test_only_a_named_volume_is_mounted_and_never_the_docker_socket(inspected: list[Any]) -> None:
    mounts = [[(mount["Type"], mount["Destination"]) for mount in one["Mounts"]] for one in inspected]
    assert mounts == [[("volume", "/data")]] * 2
    assert "docker.sock" not in json.dumps(inspected)


def test_memory_and_processes_are_limited_and_zombies_are_reaped(inspected: list[Any]) -> None:
    assert list(host_settings(inspected, "Memory")) == [256 * MEBIBYTE] * 2
    assert list(host_settings(inspected, "PidsLimit")) == [128] * 2
    assert list(host_settings(inspected, "Init")) == [True] * 2
    assert list(host_settings(inspected, "Tmpfs")) == [{"/tmp": "size=16m,mode=1777"}] * 2  # noqa: S108  (the container's)


def test_a_node_that_ends_by_itself_comes_back_and_one_that_is_killed_on_purpose_does_not(
    containers: Cluster, inspected: list[Any]
) -> None:
    node = next(one for one in inspected if one["Config"]["Labels"]["com.docker.compose.service"] == "matriz")
    assert (
        list(host_settings(inspected, "RestartPolicy"))
        == [{"Name": "unless-stopped", "MaximumRetryCount": 0}] * 2
    )
    inside(node, "sh", "-c", "kill -KILL -1")  # all but the shell and the container's init
    back = poll_blocking(
        lambda: run_docker("inspect", "--format", "{{.RestartCount}} {{.State.Running}}", node["Id"]).strip(),
        until=lambda found: found == "1 true",
        seconds=HEALTHY_SECONDS,
        every=0.5,
    )
    assert back == "1 true"
    containers.driver.kill("matriz")
    assert containers.driver.state("matriz") == "stopped"
    containers.driver.heal()


def test_ports_are_open_on_this_machine_alone(containers: Cluster, inspected: list[Any]) -> None:
    bindings = [binding for one in inspected for binding in one["NetworkSettings"]["Ports"]["8000/tcp"]]
    assert {binding["HostIp"] for binding in bindings} == {"127.0.0.1"}
    assert {int(binding["HostPort"]) for binding in bindings} == {
        node.port for node in containers.network.nodes
    }


def test_no_secret_is_in_the_image(containers: Cluster) -> None:
    image = f"{NODE_IMAGE}:{project_name(containers.run_dir, containers.env_file)}"
    described = run_docker("image", "inspect", image) + run_docker("history", "--no-trunc", image)
    values = (
        containers.secrets.jwt_secret,
        containers.secrets.replica_secret,
        containers.secrets.admin_password,
    )
    assert [value for value in values if value in described] == []
    assert "PIP_" not in described


def test_docker_finds_every_node_healthy(inspected: list[Any]) -> None:
    shape = "{{.State.Health.Status}}"
    ids = [container["Id"] for container in inspected]
    health = poll_blocking(
        lambda: run_docker("inspect", "--format", shape, *ids).split(),
        until=lambda found: found == ["healthy"] * 2,
        seconds=HEALTHY_SECONDS,
        every=0.5,
    )
    assert health == ["healthy"] * 2


def test_a_stop_is_orderly_and_takes_less_than_docker_allows(
    containers: Cluster, inspected: list[Any]
) -> None:
    """Docker kills what takes longer, and then the exit code is 137."""
    containers.driver.stop("filial-norte")
    node = next(one for one in inspected if one["Config"]["Labels"]["com.docker.compose.service"] != "matriz")
    assert run_docker("inspect", "--format", "{{.State.ExitCode}}", node["Id"]).strip() in ("0", "143")
    containers.driver.heal()
