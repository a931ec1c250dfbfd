"""What is done to disks, by one test body over every driver: lost, copied, put back, ruined."""

import asyncio
import contextlib
from pathlib import Path

import pytest

from branchlab.errors import LabError
from branchlab.nodes.contract import Order, Stock
from branchlab.nodes.convergence import wait_converged
from branchlab.nodes.outcome import Refused, Unknown
from branchlab.poll import poll
from tests.cluster.cluster import Cluster
from tests.verbs.conftest import MakeCluster

pytestmark = pytest.mark.long  # six minutes over both drivers; `make show-lost-disk` runs it

VICTIM = "filial-sul"
COUNTER = "filial-norte"  # the first by name counts for the company
UNITS = 30  # ten for each branch
REBUILT_SECONDS = 60.0


@pytest.fixture(scope="module")
def shared(make_cluster: MakeCluster) -> Cluster:
    """Three nodes whose rights stay where they are, and which read all their rows again every second."""
    settings = {"REBALANCE_SECONDS": "0", "SCRUB_SECONDS": "1", "BCRYPT_ROUNDS": "4"}
    return make_cluster(settings={**settings, "REPLICATION_RETRY_SECONDS": "0.1"})


def stock(cluster: Cluster, sku: str) -> None:
    """A new product, its units in equal parts, and a buyer."""

    async def act() -> None:
        async with cluster.clients() as clients:
            await clients["matriz"].create_product(sku, sku, 100)
            await clients["matriz"].create_customer({"code": f"C-{sku}", "name": "Ana Lima"})
            await wait_converged([*clients.values()])
            await clients["matriz"].adjust(sku, UNITS, reason="delivery", share="equal")
            await wait_converged([*clients.values()])

    asyncio.run(act())


def sell(cluster: Cluster, sku: str, quantity: int) -> Order:
    """Sells at the victim; returns when all branches have the order."""

    async def act() -> Order:
        async with cluster.clients() as clients:
            order = await clients[VICTIM].place_order(f"C-{sku}", [{"sku": sku, "quantity": quantity}])
            await wait_converged([*clients.values()])
            return order

    return asyncio.run(act())


def seen(cluster: Cluster, sku: str) -> tuple[set[str], Stock]:
    """The victim's orders of the product and its stock, once all nodes agree, on every node's word."""

    async def act() -> tuple[set[str], Stock]:
        async with cluster.clients() as clients:
            await wait_converged([*clients.values()])
            ids = {
                name: {o["id"] for o in await client.orders() if o["lines"][0]["sku"] == sku}
                for name, client in clients.items()
            }
            assert len({frozenset(each) for each in ids.values()}) == 1, ids
            return ids[VICTIM], await clients[VICTIM].stock_of(sku)

    return asyncio.run(act())


def epoch(cluster: Cluster) -> str:
    return str(cluster.status()["nodes"][VICTIM]["epoch"])


def test_a_wiped_node_comes_back_with_what_its_peers_have(cluster: Cluster) -> None:
    stock(cluster, "WIPED")
    order, before = sell(cluster, "WIPED", 4), epoch(cluster)

    said = cluster.lab("wipe", VICTIM, "--yes")

    assert said.startswith(f"the disk of {VICTIM} is new and empty")
    cluster.lab("heal")
    orders, left = seen(cluster, "WIPED")
    assert orders == {order["id"]}
    assert (left["here"], left["frozen"], left["available"]) == (0, 6, 20)
    assert epoch(cluster) != before


def test_a_wipe_wants_the_name_typed(cluster: Cluster) -> None:
    before = epoch(cluster)
    assert "nothing was done" in cluster.lab("wipe", VICTIM, exit_code=2)
    assert epoch(cluster) == before


def test_a_count_releases_what_is_left_of_a_lost_disk(cluster: Cluster) -> None:
    stock(cluster, "COUNTED")
    sell(cluster, "COUNTED", 4)
    cluster.lab("wipe", VICTIM, "--yes")
    cluster.lab("heal")
    seen(cluster, "COUNTED")

    assert "nothing was done" in cluster.lab("count", "COUNTED", "--gone", "7", exit_code=2)
    said = cluster.lab("count", "COUNTED", "--gone", "1")

    assert said.strip() == (
        f"COUNTED: 6 were frozen; 5 may be sold at {COUNTER} once every branch knows it, 1 are written off,"
        " 0 stay frozen"
    )
    left = seen(cluster, "COUNTED")[1]
    assert (left["available"], left["frozen"]) == (25, 0)


def test_a_count_waits_for_every_branch(cluster: Cluster) -> None:
    stock(cluster, "BLOCKED")
    cluster.lab("wipe", VICTIM, "--yes")
    cluster.lab("heal")
    cluster.driver.stop("matriz")
    assert "matriz" in cluster.lab("count", "BLOCKED", "--gone", "0", exit_code=2)
    cluster.driver.heal()
    assert seen(cluster, "BLOCKED")[1]["frozen"] == 10


@pytest.mark.parametrize("state", ["running", "stopped", "paused"])
def test_a_copy_put_back_is_another_life_with_all_that_peers_have(
    cluster: Cluster, tmp_path: Path, state: str
) -> None:
    sku = f"RESTORED-{state}".upper()
    stock(cluster, sku)
    first, before = sell(cluster, sku, 1), epoch(cluster)
    if state == "stopped":
        cluster.driver.stop(VICTIM)
    elif state == "paused":
        cluster.driver.pause(VICTIM)
    copy = tmp_path / "copy.db"

    cluster.lab("backup", VICTIM, str(copy))

    assert copy.stat().st_mode & 0o777 == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["copy.db"]
    cluster.driver.heal()
    second = sell(cluster, sku, 2)
    cluster.lab("restore", VICTIM, str(copy), "--yes")
    cluster.lab("heal")
    orders, left = seen(cluster, sku)
    assert orders == {first["id"], second["id"]}
    assert (left["here"], left["frozen"]) == (0, 7)
    assert epoch(cluster) != before


def test_a_copy_of_another_branch_is_refused_and_the_node_goes_on(cluster: Cluster, tmp_path: Path) -> None:
    before = epoch(cluster)
    cluster.driver.backup("matriz", tmp_path / "copy.db")
    with pytest.raises(LabError, match="belongs to node 'matriz'"):
        cluster.driver.restore(VICTIM, tmp_path / "copy.db")
    cluster.lab("heal")
    assert epoch(cluster) == before


@pytest.mark.parametrize("state", ["running", "stopped"])
def test_a_damaged_disk_is_set_aside_and_the_node_rebuilds(cluster: Cluster, state: str) -> None:
    """At rest it is found at the start; in use, when its rows are next read."""
    sku = f"DAMAGED-{state}".upper()
    stock(cluster, sku)
    order, before = sell(cluster, sku, 1), epoch(cluster)
    if state == "stopped":
        cluster.driver.stop(VICTIM)

    cluster.driver.corrupt(VICTIM)

    asyncio.run(_wait_for_another_life(cluster, before))
    orders, left = seen(cluster, sku)
    assert orders == {order["id"]}
    assert (left["here"], left["frozen"]) == (0, 9)
    assert "damaged_database" in asyncio.run(_alarms(cluster))


async def _wait_for_another_life(cluster: Cluster, before: str) -> None:
    cluster.driver.heal()

    async def lives_again() -> bool:
        with contextlib.suppress(Refused, Unknown):  # of the login too, while it rebuilds
            async with cluster.client(VICTIM) as client:
                status = await client.status()
                return status["epoch"] != before and status["ready"]
        return False

    assert await poll(lives_again, seconds=REBUILT_SECONDS), "the damage was not found"


async def _alarms(cluster: Cluster) -> dict[str, object]:
    async with cluster.client(VICTIM) as client:
        return dict((await client.status())["alarms"])


def test_nothing_parked_is_one_line(cluster: Cluster) -> None:
    assert cluster.lab("parked", VICTIM).strip() == f"nothing is parked at {VICTIM}"
    replayed = cluster.lab("parked", VICTIM, "--replay").splitlines()
    assert replayed == ["0 applied, 0 left", f"nothing is parked at {VICTIM}"]
