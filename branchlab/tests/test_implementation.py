"""Which program the nodes are: found by name or folder, kept by the network, honest about what it lacks."""

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from branchlab.errors import LabError
from branchlab.networks import implementation, network
from branchlab.networks.drivers import compose_files
from branchlab.networks.drivers.images import PLAIN_IMAGE
from branchlab.networks.drivers.node_code import fingerprint
from branchlab.networks.network import Network, UpOptions
from branchlab.teaching.scenarios.registry import get

LINES = {
    "en": "cut: the nodes of this network are plain, which has no faults of links inside the node;",
    "pt_BR.UTF-8": "cut: os nós desta rede são plain, que não tem falhas de enlace dentro do nó;",
}


def folder_with(place: Path, *names: str) -> str:
    for name in names:
        (place / name).write_text("#!/bin/sh\n", encoding="utf-8")
        (place / name).chmod(0o755)
    return str(place)


def planned(of: str | None, *, driver: str = "process") -> Network:
    return network.plan(None, UpOptions(implementation=of), driver=driver)


def test_a_folder_is_known_by_its_whole_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder_with(tmp_path, "run")
    monkeypatch.chdir(tmp_path.parent)

    assert implementation.parse(tmp_path.name) == str(tmp_path.resolve())
    assert [implementation.parse(word) for word in ("lab", "plain", None)] == ["lab", "plain", None]


def test_a_folder_without_a_node_says_what_it_lacks(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("#!/bin/sh\n", encoding="utf-8")
    (tmp_path / "run").chmod(0o644)

    with pytest.raises(LabError, match=r"neither a run that may be executed nor a Dockerfile"):
        implementation.parse(str(tmp_path))
    with pytest.raises(LabError, match="there is no node 'none'; it is lab, plain, or a folder"):
        implementation.parse("none")


@pytest.mark.parametrize(
    ("files", "wanted", "driver"),
    [
        (("run",), "auto", "process"),
        (("Dockerfile",), "auto", "compose"),
        (("run", "Dockerfile"), "auto", "auto"),
        (("run",), "process", "process"),
    ],
)
def test_a_folder_goes_with_a_driver_that_can_run_it(
    tmp_path: Path, files: tuple[str, ...], wanted: str, driver: str
) -> None:
    assert implementation.driver_for(folder_with(tmp_path, *files), wanted) == driver


def test_a_driver_that_cannot_run_a_folder_says_what_it_needs(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="the compose driver needs a Dockerfile in"):
        implementation.driver_for(folder_with(tmp_path, "run"), "compose")


def test_a_network_remembers_its_program_and_takes_no_other(tmp_path: Path) -> None:
    network.save(planned("plain"), tmp_path)
    kept = network.load(tmp_path)

    assert network.plan(kept, UpOptions(), driver="process").implementation == "plain"
    with pytest.raises(LabError, match="the nodes of this network are plain; for lab run `make down clean`"):
        network.plan(kept, UpOptions(implementation="lab"), driver="process")


def test_a_network_from_before_there_was_a_choice_is_the_labs(tmp_path: Path) -> None:
    network.save(planned(None), tmp_path)
    text = (tmp_path / network.FILE).read_text(encoding="utf-8")
    (tmp_path / network.FILE).write_text(text.replace(',\n  "implementation": "lab"', ""), encoding="utf-8")

    assert network.load(tmp_path).implementation == "lab"


def test_only_the_labs_node_has_a_choice_of_policy() -> None:
    with pytest.raises(LabError, match="leave the policy out"):
        network.plan(None, UpOptions(policy="optimistic", implementation="plain"), driver="process")


@pytest.mark.parametrize("locale", LINES)
def test_what_a_node_lacks_is_one_line_in_the_terminals_language(
    locale: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_ALL", locale)

    with pytest.raises(LabError) as refused:
        implementation.require(planned("plain"), "links", "cut")

    assert str(refused.value).startswith(LINES[locale])
    implementation.require(planned("lab"), "links", "cut")


def test_a_scenario_that_needs_the_labs_node_is_refused_for_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "C")
    get("replicates").refuse_implementation("plain")

    with pytest.raises(
        LabError, match="cable-cut needs what only the lab's own node has, and these are plain"
    ):
        get("cable-cut").refuse_network(planned("plain"))


def test_a_run_file_is_called_with_its_address_and_nobody_knows_its_code(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, "run")
    program = implementation.program_of(folder)

    (node, *_) = planned(folder).nodes
    assert program.command(node) == [f"{folder}/run", "--host", "127.0.0.1", "--port", "18001"]
    assert (fingerprint(folder), program.folder) == ("", tmp_path)
    assert fingerprint("plain") != fingerprint("lab")


def test_containers_of_the_plain_node_differ_in_image_and_build_alone(tmp_path: Path) -> None:
    path = compose_files.node_file(planned("plain", driver="compose"), tmp_path)
    service = yaml.safe_load(path.read_text(encoding="utf-8"))["services"]["matriz"]

    assert service["image"].startswith(f"{PLAIN_IMAGE}:")
    assert service["build"]["dockerfile"] == "plain/Dockerfile"
    assert service["environment"]["DATABASE_PATH"] == "/data/node.db"
    assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])


def test_containers_of_a_folder_are_built_there_and_not_asked_with_python(tmp_path: Path) -> None:
    current = replace(planned("plain", driver="compose"), implementation=folder_with(tmp_path, "Dockerfile"))
    path = compose_files.node_file(current, tmp_path)
    service = yaml.safe_load(path.read_text(encoding="utf-8"))["services"]["matriz"]

    assert (service["build"]["context"], "healthcheck" in service) == (str(tmp_path), False)
    assert (service["environment"]["HOST"], service["environment"]["PORT"]) == ("0.0.0.0", "8000")
