"""A network in containers, for as long as a test needs it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from branchlab.networks import ports
from branchlab.networks.drivers.compose import ComposeDriver
from branchlab.networks.network import UpOptions
from branchlab.settings import load_or_create
from tests.cluster.cluster import Cluster
from tests.cluster.conftest import FAST


@contextmanager
def network_in(directory: Path, *, nodes: int = 2, more_files: Sequence[Path] = ()) -> Iterator[Cluster]:
    """So many nodes, ready, with their secrets in `directory`; removed with their volumes at the end."""
    run_dir, env_file = directory / "run", directory / "env"
    driver = ComposeDriver(run_dir, env_file=env_file, more_files=more_files)
    try:
        network = driver.up(UpOptions(nodes=nodes, ports=ports.find_free(nodes), settings=FAST))
        secrets = load_or_create(env_file)
        yield Cluster(network=network, driver=driver, secrets=secrets, run_dir=run_dir, env_file=env_file)
    finally:
        driver.clean()
