"""The doctor looks at containers of any network, and takes none of its own for a stranger."""

import pytest

from branchlab.networks import doctor
from branchlab.networks.drivers.own_project import project_name
from tests.cluster.cluster import Cluster

pytestmark = pytest.mark.compose


def test_a_paused_container_is_a_finding_until_it_is_healed(containers: Cluster) -> None:
    containers.driver.pause("matriz")
    found = doctor.paused_containers(containers.run_dir, containers.env_file)
    containers.driver.heal()
    assert not found.fine
    assert project_name(containers.run_dir, containers.env_file) in found.words
    healed = doctor.paused_containers(containers.run_dir, containers.env_file)
    assert project_name(containers.run_dir, containers.env_file) not in healed.words


def test_ports_that_its_own_containers_hold_are_no_trouble(containers: Cluster) -> None:
    assert doctor.free_ports(containers.run_dir, containers.env_file).words == "free"


def test_databases_on_volumes_and_the_compose_in_use_are_fine(containers: Cluster) -> None:
    for check in (doctor.bind_mounts, doctor.compose, doctor.docker):
        assert check(containers.run_dir, containers.env_file).fine
