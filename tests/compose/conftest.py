"""Containers of two nodes: enough for what only containers can show."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from branchlab.networks import ports
from branchlab.networks.drivers.compose import ComposeDriver
from branchlab.networks.network import UpOptions
from branchlab.settings import load_or_create
from tests.cluster.cluster import Cluster
from tests.cluster.conftest import FAST


@pytest.fixture(scope="session")
def containers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Two nodes, ready; removed with their volumes at the end."""
    directory: Path = tmp_path_factory.mktemp("containers")
    run_dir, env_file = directory / "run", directory / "env"
    driver = ComposeDriver(run_dir, env_file=env_file)
    try:
        network = driver.up(UpOptions(nodes=2, ports=ports.find_free(2), settings=FAST))
        secrets = load_or_create(env_file)
        yield Cluster(network=network, driver=driver, secrets=secrets, run_dir=run_dir, env_file=env_file)
    finally:
        driver.clean()
