"""Starts the networks that attempts need, one after the other, and removes each."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from branchlab.networks import ports
from branchlab.networks.drivers import Driver
from branchlab.networks.drivers.compose import ComposeDriver
from branchlab.networks.drivers.process import ProcessDriver
from branchlab.networks.network import UpOptions
from branchlab.settings import load_or_create
from tests.attacks.arena import Arena
from tests.attacks.attempt import Ground
from tests.cluster.cluster import Cluster
from tests.cluster.conftest import FAST


@contextmanager
def prepared(ground: Ground, directory: Path) -> Iterator[Arena]:
    """A network on such ground, ready, kept in `directory`; removed with its data at the end."""
    directory.mkdir(parents=True)
    run_dir, env_file = directory / "run", directory / "env"
    driver: Driver
    if ground.driver == "compose":
        driver = ComposeDriver(run_dir, env_file=env_file)
    else:
        driver = ProcessDriver(run_dir, env_file=env_file)
    options = UpOptions(
        nodes=ground.nodes, ports=ports.find_free(ground.nodes), settings={**FAST, **dict(ground.settings)}
    )
    try:
        network = driver.up(options)
        secrets = load_or_create(env_file)
        yield Arena(Cluster(network, driver, secrets, run_dir=run_dir, env_file=env_file))
    finally:
        driver.clean()
