"""One control room for all tests of a module, over a network of real processes."""

import os
from collections.abc import Iterator, Sequence

import pytest
from playwright.sync_api import Browser

from branchlab.screens.serving import address_here
from tests.cluster.chromium import launched
from tests.cluster.cluster import Cluster
from tests.cluster.room.rooms import Room, open_room


@pytest.fixture(scope="module")
def flags() -> Sequence[str]:
    """What `./lab ui` is started with, beside the audience. A module may say more."""
    return ()


@pytest.fixture(scope="module")
def room(
    shared_cluster: Cluster, flags: Sequence[str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Room]:
    """A control room that runs, open to phones where this machine is in a network."""
    environment = {
        **os.environ,
        "LAB_RUN_DIR": str(shared_cluster.run_dir),
        "LAB_ENV_FILE": str(shared_cluster.env_file),
    }
    audience = ["--audience"] if address_here() is not None else []
    with open_room(tmp_path_factory.mktemp("room"), *flags, *audience, environment=environment) as opened:
        yield opened


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with launched() as browser:
        yield browser
