"""Containers of two nodes: enough for what only containers can show."""

from collections.abc import Iterator

import pytest

from tests.cluster.cluster import Cluster
from tests.compose.containers import network_in


@pytest.fixture(scope="session")
def containers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with network_in(tmp_path_factory.mktemp("containers")) as cluster:
        yield cluster
