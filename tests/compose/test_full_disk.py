"""A volume of a few MiB that fills up in earnest (ENOSPC): 507, nothing by halves, and over when there
is room again."""

import asyncio
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from branchlab.networks.drivers.docker import Project, run_docker
from branchlab.networks.drivers.own_project import project_name
from branchlab.nodes.client import NodeClient
from branchlab.nodes.convergence import wait_converged
from branchlab.nodes.outcome import Refused
from tests.cluster.cluster import Cluster
from tests.compose.containers import network_in

pytestmark = pytest.mark.compose

FULL = "filial-norte"
OTHER = "matriz"
UNITS = 3000
AT_ONCE = 8  # orders: more at once may be refused as `overloaded`, which is not what is asked here
BALLAST = "/data/ballast"
# The nodes' file, with this one on top: a disk of that size in memory, which the node's user owns.
SMALL_DISK = f"""
volumes:
  {FULL}:
    driver_opts: {{type: tmpfs, device: tmpfs, o: "size=12m,uid=10001,gid=10001,mode=0700"}}
"""
# Fills the volume up to so many bytes before its end.
FILL = f"""
import os, sys
left = int(sys.argv[1])
with open("{BALLAST}", "ab", buffering=0) as ballast:
    try:
        while True:
            ballast.write(bytes(4096))
    except OSError as error:
        assert error.errno == 28, error
    ballast.truncate(max(0, ballast.tell() - left))
print(os.statvfs("/data").f_bavail)
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Two nodes, ready; the second one's disk is small."""
    directory: Path = tmp_path_factory.mktemp("small-disk")
    small_disk = directory / "small-disk.yaml"
    small_disk.write_text(SMALL_DISK, encoding="utf-8")
    with network_in(directory, more_files=[small_disk]) as cluster:
        yield cluster


def inside(cluster: Cluster, *words: str) -> str:
    """What a command prints in the container with the small disk."""
    (container,) = Project(project_name(cluster.run_dir, cluster.env_file)).containers(FULL)
    return run_docker("exec", container.id, *words)


@pytest.fixture
def full(cluster: Cluster) -> Iterator[Cluster]:
    """A product that both sell, and a disk with no room at all."""
    asyncio.run(stock(cluster))
    assert inside(cluster, "python", "-c", FILL, "0").strip() == "0"
    yield cluster
    inside(cluster, "rm", "-f", BALLAST)


async def stock(cluster: Cluster) -> None:
    async with cluster.clients() as clients:
        if not await clients[OTHER].products():
            await clients[OTHER].create_product("CAFE", "Café", 500)
            await clients[OTHER].create_customer({"code": "ANA", "name": "Ana"})
            await wait_converged([*clients.values()])
            await clients[OTHER].adjust("CAFE", UNITS, reason="delivery", share="equal")
        await wait_converged([*clients.values()])


async def order(client: NodeClient, key: str) -> tuple[int, str]:
    """The status and the order's id, or the code of the refusal."""
    try:
        return 201, (await client.place_order("ANA", [{"sku": "CAFE", "quantity": 1}], key=key))["id"]
    except Refused as refused:
        return refused.status, refused.code


async def burst(client: NodeClient, keys: Sequence[str]) -> dict[str, tuple[int, str]]:
    """Orders placed at once: what was said to each key."""
    said = await asyncio.gather(*(order(client, key) for key in keys))
    return dict(zip(keys, said, strict=True))


async def ids_known(client: NodeClient) -> set[str]:
    return {found["id"] for found in await client.orders()}


async def ids_everywhere(clients: dict[str, NodeClient]) -> set[str]:
    """The orders, once all nodes agree on them; each has them once."""
    await wait_converged([*clients.values()])
    listed = {name: [found["id"] for found in await client.orders()] for name, client in clients.items()}
    for ids in listed.values():
        assert sorted(ids) == sorted(listed[FULL])
        assert len(ids) == len(set(ids))
    return set(listed[FULL])


def started_at(cluster: Cluster) -> str:
    """Since when the container's first process runs."""
    return inside(cluster, "stat", "--format=%Y", "/proc/1")


def test_without_room_orders_are_refused_and_all_goes_on_when_there_is_some(full: Cluster) -> None:
    began = started_at(full)

    async def act() -> None:
        async with full.clients() as clients:
            before = await ids_known(clients[FULL])
            refused = await burst(clients[FULL], [f"full-{number}" for number in range(AT_ONCE)])
            assert Counter(refused.values()) == {(507, "disk_full"): AT_ONCE}
            assert await clients[FULL].is_ready()
            assert await ids_known(clients[FULL]) == before
            elsewhere = await burst(clients[OTHER], [f"elsewhere-{number}" for number in range(AT_ONCE)])
            inside(full, "rm", BALLAST)
            again = await burst(clients[FULL], [f"full-{number}" for number in range(AT_ONCE)])
            assert {status for status, _ in (*elsewhere.values(), *again.values())} == {201}
            taken = {id_ for _, id_ in (*elsewhere.values(), *again.values())}
            assert await ids_everywhere(clients) == before | taken

    asyncio.run(act())
    assert started_at(full) == began


@pytest.mark.parametrize("left", [4096, 65536])
def test_what_is_taken_into_the_last_pages_is_kept_and_what_is_refused_is_not_there(
    full: Cluster, left: int
) -> None:
    """The disk fills up in the middle of a commit."""
    inside(full, "python", "-c", FILL, str(left))

    async def act() -> None:
        async with full.clients() as clients:
            before = await ids_known(clients[FULL])
            said: dict[str, tuple[int, str]] = {}
            while not any(status == 507 for status, _ in said.values()):
                keys = [
                    f"last-{left}-{len(said) + number}-{os.urandom(4).hex()}" for number in range(AT_ONCE)
                ]
                said |= await burst(clients[FULL], keys)
                assert len(said) < 2000
            inside(full, "rm", BALLAST)
            assert {status for status, _ in said.values()} <= {201, 507}, Counter(said.values())
            taken = {id_ for status, id_ in said.values() if status == 201}
            assert await ids_everywhere(clients) == before | taken
            refused = [key for key, (status, _) in said.items() if status == 507]
            assert len(refused) <= AT_ONCE
            again = await burst(clients[FULL], refused)
            assert {status for status, _ in again.values()} == {201}

    asyncio.run(act())
