"""Real nodes whose files were changed while they were stopped: the same change in every file, or in one of
three. No order is lost, no network is founded anew, and an alarm says which rows are meant."""

import asyncio
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from branchlab.networks.drivers.process import ProcessDriver, node_command
from branchlab.networks.network import NodeAddress
from branchlab.nodes.client import NodeClient
from branchlab.nodes.contract import Status
from branchlab.nodes.convergence import wait_converged
from branchlab.poll import poll
from tests.cluster.cluster import Cluster, StartCluster, in_folder
from tests.recipes import column
from tests.recipes.tree import NODE, copy_to

pytestmark = pytest.mark.cluster

ORDERS = 60
UNITS = 300
SCRUB_SECONDS = 3
SKU, CODE = "CAFE", "ANA"
PATIENCE_SECONDS = 90.0

BLANK = "UPDATE customers SET name = name || ' '"
NOTE = "UPDATE orders SET note = 'changed' WHERE id = (SELECT MIN(id) FROM orders)"
LEFT, MENDED = "altered_rows", "repaired_rows"
STOCK = "UPDATE stock SET sold = sold + 1 WHERE branch = 'matriz'"

Books = Mapping[str, tuple[list[str], int | None, int | None]]
"""NODE → the orders it shows, and the company's available and frozen units."""


@pytest.fixture
def sold(start_cluster: StartCluster) -> Cluster:
    """Three nodes with sixty acknowledged orders, converged."""
    return _selling(start_cluster)


@pytest.fixture(scope="module")
def mended(start_shared: StartCluster) -> Cluster:
    """The same, for tests that end with every row as they found it; alarms end with the process."""
    return _selling(start_shared)


def _selling(start: StartCluster) -> Cluster:
    cluster = start(settings={"SCRUB_SECONDS": str(SCRUB_SECONDS)})
    asyncio.run(_sell(cluster))
    return cluster


async def _sell(cluster: Cluster) -> None:
    async with cluster.clients() as clients:
        nodes = [*clients.values()]
        await nodes[0].create_product(SKU, "Café", 500)
        await nodes[0].create_customer({"code": CODE, "name": "Ana"})
        await nodes[0].adjust(SKU, UNITS, reason="delivery", share="equal")
        await wait_converged(nodes)
        for number in range(ORDERS):
            await nodes[number % len(nodes)].place_order(CODE, [{"sku": SKU, "quantity": 1}])
        await wait_converged(nodes)


# Each needs a network of its own, for its rows stay altered; in virtual time all tables are in every run.
@pytest.mark.parametrize(
    "statement",
    [
        pytest.param(BLANK, id="blank"),
        pytest.param(NOTE, id="note", marks=pytest.mark.long),
        pytest.param(STOCK, id="stock", marks=pytest.mark.long),
    ],
)
def test_the_same_change_in_every_file_loses_nothing_and_founds_nothing(
    sold: Cluster, statement: str
) -> None:
    before, lives = asyncio.run(_books(sold)), asyncio.run(_lives(sold))

    statuses = asyncio.run(_restart_with(sold, [*sold.network.names], statement, alarm=LEFT))

    after = asyncio.run(_books(sold))
    assert {name: orders for name, (orders, _, _) in after.items()} == {
        name: orders for name, (orders, _, _) in before.items()
    }
    assert all(len(orders) == ORDERS for orders, _, _ in after.values())
    assert len({(available, frozen) for _, available, frozen in after.values()}) == 1
    assert asyncio.run(_lives(sold)) == lives
    relation = statement.split()[1]
    for name, status in statuses.items():
        assert f"{relation}/" in _alarm(status, LEFT), name
        assert status["ready"] is True
        assert not list((sold.run_dir / name).glob("*.damaged-*"))


@pytest.mark.parametrize("statement", [BLANK, NOTE, STOCK], ids=["blank", "note", "stock"])
def test_a_change_in_one_file_of_three_is_mended_by_the_peers(mended: Cluster, statement: str) -> None:
    before, lives = asyncio.run(_books(mended)), asyncio.run(_lives(mended))

    statuses = asyncio.run(_restart_with(mended, ["filial-sul"], statement, alarm=MENDED))

    assert asyncio.run(_books(mended)) == before
    assert asyncio.run(_lives(mended)) == lives
    assert f"{statement.split()[1]}/" in _alarm(statuses["filial-sul"], MENDED)
    assert mended.status()["converged"] is True


def test_a_column_that_all_nodes_get_at_once_by_the_recipe_changes_nothing(
    sold: Cluster, tmp_path: Path
) -> None:
    """Stopped together, started together with one more column of customers, and scrubbed."""
    before, lives = asyncio.run(_books(sold)), asyncio.run(_lives(sold))
    revisions: dict[str, Any] = {
        name: dict(status)["canonical"] for name, status in asyncio.run(_statuses(sold)).items()
    }
    tree = copy_to(tmp_path / "next")
    column.steps_of(column.TAX_ID).apply(tree)

    def command(node: NodeAddress) -> list[str]:
        return in_folder(tree.root / NODE, node_command(node))

    driver = ProcessDriver(sold.run_dir, env_file=sold.env_file, command=command)
    try:
        for name in sold.network.names:
            driver.stop(name)
        driver.heal()
        asyncio.run(_until_scrubbed(sold))

        assert asyncio.run(_books(sold)) == before
        assert asyncio.run(_lives(sold)) == lives
        for name, status in asyncio.run(_statuses(sold)).items():
            assert status["alarms"] == {}
            assert dict(status)["canonical"] == {**revisions[name], "customers": 2}
            with closing(sqlite3.connect(sold.run_dir / name / "node.db")) as file:
                assert file.execute("SELECT COUNT(*) FROM customers WHERE tax_id IS NULL").fetchone() == (1,)
        assert sold.status()["converged"] is True
    finally:
        driver.down()


async def _until_scrubbed(cluster: Cluster) -> None:
    """Wait for two scrubs of every node, with time to spare: its clock says how long it has run."""
    long = timedelta(seconds=3 * SCRUB_SECONDS)
    async with cluster.clients() as clients:
        began = {name: _clock(await client.status()) for name, client in clients.items()}

        async def late() -> list[str]:
            now = {name: _clock(await client.status()) for name, client in clients.items()}
            return [name for name in now if now[name] < began[name] + long]

        assert await poll(late, until=lambda names: not names, seconds=PATIENCE_SECONDS, every=0.5) == []


def _clock(status: Status) -> datetime:
    return datetime.fromisoformat(status["now"])


async def _statuses(cluster: Cluster) -> dict[str, Status]:
    async with cluster.clients() as clients:
        return {name: await client.status() for name, client in clients.items()}


async def _restart_with(
    cluster: Cluster, names: list[str], statement: str, *, alarm: str
) -> dict[str, Status]:
    """Stop all nodes, change some files, start all, and wait until each of these has mended it, or has said
    in two scrubs beside its peers that it could not be."""
    for name in cluster.network.names:
        await asyncio.to_thread(cluster.driver.stop, name)
    for name in names:
        with closing(sqlite3.connect(cluster.run_dir / name / "node.db")) as file, file:
            assert file.execute(statement).rowcount == 1
    await asyncio.to_thread(cluster.driver.heal)
    async with cluster.clients() as clients:
        await _until_alarmed([clients[name] for name in names], alarm)
        return {name: await clients[name].status() for name in names}


async def _until_alarmed(clients: list[NodeClient], alarm: str) -> None:
    async def counts() -> list[int]:
        return [_alarms(await client.status()).get(alarm, {"count": 0})["count"] for client in clients]

    # What a node could not mend before its peers were there says nothing.
    fewest = [1 if alarm == MENDED else count + 2 for count in await counts()]

    async def are_alarmed() -> bool:
        return all(count >= least for count, least in zip(await counts(), fewest, strict=True))

    assert await poll(are_alarmed, seconds=PATIENCE_SECONDS), f"no node noticed what was changed: {alarm}"


def _alarms(status: Status) -> Mapping[str, Any]:
    return status["alarms"]


def _alarm(status: Status, kind: str) -> str:
    alarms = _alarms(status)
    assert kind in alarms, alarms
    return str(alarms[kind]["last"])


async def _books(cluster: Cluster) -> Books:
    async with cluster.clients() as clients:
        return {name: await _book(client) for name, client in clients.items()}


async def _book(client: NodeClient) -> tuple[list[str], int | None, int | None]:
    orders = sorted(order["id"] for order in await client.orders())
    stock = (await client.status())["stock"]
    shown = await client.stock_of(SKU)
    return orders, shown["available"], stock.get("frozen")


async def _lives(cluster: Cluster) -> dict[str, str]:
    async with cluster.clients() as clients:
        return {name: str((await client.status())["epoch"]) for name, client in clients.items()}
