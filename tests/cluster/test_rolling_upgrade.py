"""A real network that is upgraded node by node while orders go on.

There is no release before the present code, so the present code is the previous version, and the newest is
what the next one will be to it: more protocol versions, another schema, events the present one cannot read.
"""

import asyncio
import time

import pytest

from lab import settings
from lab.client import NodeClient
from lab.contract import WantedLine
from lab.convergence import wait_converged
from lab.drivers.process import ProcessDriver, uvicorn_command
from lab.network import NodeAddress
from lab.outcome import Refused, Unknown
from tests.cluster.cluster import Cluster, StartCluster

pytestmark = pytest.mark.cluster

UNITS = 900
PATIENCE_SECONDS = 90.0
LINE: WantedLine = {"sku": "CAFE", "quantity": 1}


class Till:
    """Sells one unit after the other at a branch; asks again with the same key while it gets no answer."""

    def __init__(self, client: NodeClient, name: str) -> None:
        self._client = client
        self._name = name
        self.closing = False
        self.sold: list[str] = []
        self.refused: list[str] = []

    async def sell(self) -> None:
        """Sell until it is closing, a few units at least."""
        number = 0
        while not self.closing or len(self.sold) < 3:
            number += 1
            await self._sell_one(f"{self._name}-{number}")
            await asyncio.sleep(0.02)

    async def _sell_one(self, key: str) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            assert time.monotonic() < deadline, f"{key} is not answered"
            try:
                placed = await self._client.place_order("ANA", [LINE], key=key)
            except (Refused, Unknown) as trouble:
                if isinstance(trouble, Refused) and trouble.code not in ("unreachable", "not_ready"):
                    self.refused.append(f"{key}: {trouble}")
                    return
                await asyncio.sleep(0.1)
            else:
                self.sold.append(placed["id"])
                return


@pytest.fixture
def cluster(start_cluster: StartCluster) -> Cluster:
    return start_cluster(settings={"REBALANCE_SECONDS": "0"})


def test_a_network_is_upgraded_node_by_node_while_orders_go_on(cluster: Cluster) -> None:
    """No order fails but while its own node restarts, none is lost, and what was parked is applied."""
    upgraded: set[str] = set()

    def command(node: NodeAddress) -> list[str]:
        present = uvicorn_command(node)
        if node.name not in upgraded:
            return present
        words = ["tests.cluster.next_version:app" if word == "app.main:app" else word for word in present]
        return [*words, "--app-dir", str(settings.ROOT)]

    driver = ProcessDriver(cluster.run_dir, env_file=cluster.env_file, command=command)
    try:
        asyncio.run(_upgrade(cluster, driver, upgraded))
    finally:
        driver.down()


async def _upgrade(cluster: Cluster, driver: ProcessDriver, upgraded: set[str]) -> None:
    async with cluster.clients() as clients:
        nodes = [*clients.values()]
        await clients["matriz"].create_product("CAFE", "Café", 500)
        await clients["matriz"].create_customer({"code": "ANA", "name": "Ana"})
        await clients["matriz"].adjust("CAFE", UNITS, reason="delivery", share="equal")
        await wait_converged(nodes)
        tills = [Till(client, name) for name, client in clients.items()]
        selling = [asyncio.create_task(till.sell()) for till in tills]
        parked = 0
        for name in clients:
            upgraded.add(name)
            await asyncio.to_thread(driver.stop, name)
            await asyncio.to_thread(driver.start, name)
            await asyncio.to_thread(driver.heal)
            old = [client for other, client in clients.items() if other not in upgraded]
            parked += sum([await _parked_at(client) for client in old])
        for till in tills:
            till.closing = True
        await asyncio.gather(*selling)
        assert parked > 0, "the previous version could read all that the next one wrote"
        for client in nodes:
            await client.replay_parked()
        await wait_converged(nodes)
        assert [till.refused for till in tills] == [[], [], []]
        sold = sorted(order for till in tills for order in till.sold)
        for client in nodes:
            status = await client.status()
            assert status["parked"] == 0
            assert {told.get("another_schema") for told in status["peers"].values()} == {True}
            assert sorted(order["id"] for order in await client.orders()) == sold
            stocked = await client.stock_of("CAFE")
            assert (stocked["available"], stocked["frozen"]) == (UNITS - len(sold), 0)


async def _parked_at(client: NodeClient) -> int:
    """How many events a node of the previous version could not read, once it had some from the next one."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        parked = (await client.status())["parked"] or 0
        if parked:
            return parked
        await asyncio.sleep(0.1)
    return 0
