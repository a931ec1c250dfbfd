"""One network for each driver, that all verbs are tried on one after the other."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from branchlab.networks import ports
from branchlab.networks.drivers import Driver, get_driver
from branchlab.networks.network import MOST_NODES, UpOptions
from branchlab.settings import load_or_create
from tests.cluster.cluster import Cluster
from tests.cluster.conftest import FAST

DRIVERS = [
    pytest.param("process", marks=pytest.mark.cluster),
    pytest.param("compose", marks=pytest.mark.compose),
]

MakeCluster = Callable[..., Cluster]
"""`make(nodes=3, settings=FAST)`: a network of the driver at hand, up and ready."""


@pytest.fixture(scope="module", params=DRIVERS)
def make_cluster(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Starts networks of one driver; all are cleaned at the end."""
    drivers: list[Driver] = []

    def make(nodes: int = 3, *, settings: Mapping[str, str] = FAST) -> Cluster:
        directory: Path = tmp_path_factory.mktemp(f"{request.param}-network")
        run_dir, env_file = directory / "run", directory / "env"
        driver = get_driver(request.param, run_dir, env_file=env_file)
        drivers.append(driver)
        options = UpOptions(nodes=nodes, ports=ports.find_free(MOST_NODES)[:nodes], settings=settings)
        network = driver.up(options)
        secrets = load_or_create(env_file)
        return Cluster(network=network, driver=driver, secrets=secrets, run_dir=run_dir, env_file=env_file)

    yield make
    for driver in drivers:
        driver.clean()


@pytest.fixture(scope="module")
def shared(make_cluster: MakeCluster) -> Cluster:
    return make_cluster()


@pytest.fixture
def cluster(shared: Cluster) -> Cluster:
    """Three nodes under escrow, ready, whatever the test before did to them."""
    shared.lab("up")
    return shared
