"""The Compose files, read as data: hardened alike, and true to the network they are made for."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from branchlab import settings
from branchlab.networks.drivers import compose_files
from branchlab.networks.drivers.images import CHAOS_IMAGE, NODE_IMAGE
from branchlab.networks.network import Network, UpOptions, plan

FILES = (compose_files.COMPOSE_FILE, compose_files.CHAOS_FILE)
PER_NODE = {"NODE_NAME", "PEERS"}


def network(**options: Any) -> Network:
    return plan(None, UpOptions(**options), driver="compose")


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def services(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = read(path)["services"]
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_neither_file_names_the_project_or_a_version(path: Path) -> None:
    """v1.29 does not know the one, v2 warns of the other."""
    assert {"name", "version"} & read(path).keys() == set()


def test_the_docker_socket_is_mounted_in_chaos_alone() -> None:
    everything = services(compose_files.COMPOSE_FILE) | services(compose_files.CHAOS_FILE)
    with_socket = [name for name, service in everything.items() if "docker.sock" in str(service)]
    assert with_socket == ["chaos"]
    assert "docker.sock" not in compose_files.COMPOSE_FILE.read_text(encoding="utf-8")


def test_only_the_chaos_file_lets_nodes_take_link_faults() -> None:
    assert "LAB_FAULTS" not in compose_files.COMPOSE_FILE.read_text(encoding="utf-8")
    chaos = services(compose_files.CHAOS_FILE)
    chaos.pop("chaos")
    assert chaos == {name: {"environment": {"LAB_FAULTS": "1"}} for name in network().names}


def test_the_nodes_differ_in_name_peers_port_and_volume_only() -> None:
    nodes = services(compose_files.COMPOSE_FILE).values()
    for service in nodes:
        for name in PER_NODE:
            del service["environment"][name]
        del service["ports"], service["volumes"]
    first, *others = nodes
    assert all(other == first for other in others)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_port_is_open_beyond_this_machine(path: Path) -> None:
    ports = [port for service in services(path).values() for port in service.get("ports", [])]
    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []


def test_without_faults_the_usual_network_is_the_file_in_the_repository(tmp_path: Path) -> None:
    usual = network(settings={"LAB_FAULTS": "0"})
    assert compose_files.node_file(usual, tmp_path) == compose_files.COMPOSE_FILE
    assert compose_files.chaos_file(usual, tmp_path) == compose_files.CHAOS_FILE
    assert list(tmp_path.iterdir()) == []


def test_the_nodes_that_the_lab_starts_take_faults(tmp_path: Path) -> None:
    made = services(compose_files.node_file(network(), tmp_path)).values()
    assert [service["environment"]["LAB_FAULTS"] for service in made] == ["1", "1", "1"]


def test_a_made_file_says_of_three_nodes_what_the_repository_says(tmp_path: Path) -> None:
    made = services(compose_files.node_file(network(settings={"BCRYPT_ROUNDS": "4"}), tmp_path))
    own = services(compose_files.COMPOSE_FILE)
    for name, service in own.items():
        service["environment"] |= {"LAB_FAULTS": "1", "BCRYPT_ROUNDS": "4"}
        service["build"] = {**service["build"], "context": str(settings.NODE_DIR)}
        service["ports"] = [re.sub(r"\$\{\w+:-(\d+)\}", r"\1", port) for port in service["ports"]]
        assert made[name] == service
    assert made.keys() == own.keys()


def test_nine_nodes_each_know_the_eight_others(tmp_path: Path) -> None:
    made = read(compose_files.node_file(network(nodes=9), tmp_path))
    assert set(made["services"]) == set(made["volumes"]) == set(network(nodes=9).names)
    for name, service in made["services"].items():
        peers = {pair.partition("=")[0] for pair in service["environment"]["PEERS"].split(",")}
        assert peers == made["services"].keys() - {name}
        assert service["volumes"] == [f"{name}:/data"]
    chaos = services(compose_files.chaos_file(network(nodes=9), tmp_path))
    assert chaos.keys() == made["services"].keys() | {"chaos"}


def test_a_setting_of_one_node_goes_to_it_alone_and_dollars_stay_dollars(tmp_path: Path) -> None:
    own = {"filial-sul": {"ADMIN_PASSWORD": "five$dollars"}}
    made = services(compose_files.node_file(network(node_settings=own), tmp_path))
    assert made["filial-sul"]["environment"]["ADMIN_PASSWORD"] == "five$$dollars"
    assert made["matriz"]["environment"]["ADMIN_PASSWORD"].startswith("${")


@pytest.mark.parametrize("nodes", [2, 3])
def test_every_network_has_images_of_its_own(tmp_path: Path, nodes: int) -> None:
    """Else a node that is made anew later would be what another network was built from meanwhile."""
    made = network(nodes=nodes)
    files = (compose_files.node_file(made, tmp_path), compose_files.chaos_file(made, tmp_path))
    images = [service.get("image") for file in files for service in services(file).values()]
    own = ":${COMPOSE_PROJECT_NAME:-latest}"
    assert {image for image in images if image} == {f"{NODE_IMAGE}{own}", f"{CHAOS_IMAGE}{own}"}


def test_what_was_made_is_removed_with_the_network(tmp_path: Path) -> None:
    compose_files.node_file(network(nodes=2), tmp_path)
    compose_files.chaos_file(network(nodes=2), tmp_path)
    compose_files.remove_made(tmp_path)
    assert list(tmp_path.iterdir()) == []
