"""A branch that is gone for good is decommissioned: a count goes on without it, and it closes if it lives."""

import asyncio

import httpx
import pytest

from branchlab.networks.network import UpOptions
from branchlab.nodes.client import NodeClient
from branchlab.nodes.convergence import wait_converged
from branchlab.nodes.outcome import Refused
from branchlab.poll import poll
from tests.cluster.cluster import Cluster

pytestmark = pytest.mark.cluster

GONE = "filial-norte"  # the counter: the next one by name is filial-sul
COUNTER, OTHER = "filial-sul", "matriz"
SKU = "CAFE-500"
CLOSED_SECONDS = 60.0


def test_a_lost_counter_is_decommissioned_and_its_units_are_counted_at_the_next(cluster: Cluster) -> None:
    asyncio.run(_stock(cluster))
    cluster.driver.kill(GONE)

    said = cluster.lab("decommission", GONE, "--yes")
    assert said == f"{GONE} is decommissioned: {OTHER} knows it, and {COUNTER}\n"
    assert f"{SKU}: 30 were frozen; 29 may be sold at {COUNTER}" in cluster.lab("count", SKU, "--gone", "1")
    asyncio.run(_sell_all_that_is_left(cluster, units=89))
    status = cluster.status()
    assert (status["converged"], status["decommissioned"]) == (True, [GONE])
    assert f"{GONE:<16}decommissioned" in cluster.lab("status")

    # What starts the others neither starts it nor waits for it.
    assert cluster.driver.up(UpOptions()).decommissioned == (GONE,)
    assert cluster.lab("heal").startswith("healed")
    assert cluster.driver.state(GONE) == "stopped"

    cluster.driver.start(GONE)
    asyncio.run(_is_closed(cluster))


async def _stock(cluster: Cluster) -> None:
    async with cluster.clients() as clients:
        await clients[OTHER].create_product(SKU, "Café 500 g", 1890)
        await clients[OTHER].create_customer({"code": "PADARIA-SOL", "name": "Padaria do Sol"})
        await clients[OTHER].adjust(SKU, 90, reason="delivery", share="equal")
        await wait_converged([*clients.values()])


async def _sell_all_that_is_left(cluster: Cluster, *, units: int) -> None:
    async with cluster.client(COUNTER) as counter, cluster.client(OTHER) as other:
        await wait_converged([counter, other])
        await other.place_order("PADARIA-SOL", [{"sku": SKU, "quantity": units}])
        for client in (counter, other):
            with pytest.raises(Refused, match="out_of_stock"):
                await client.place_order("PADARIA-SOL", [{"sku": SKU, "quantity": 1}])
        await wait_converged([counter, other])


async def _is_closed(cluster: Cluster) -> None:
    """Its disk still holds 30 units to sell."""
    url = cluster.network.url(GONE)
    async with httpx.AsyncClient(base_url=url, trust_env=False) as http:

        async def reason() -> str:
            return str((await http.get("/readyz")).json()["reason"])

        why = await poll(reason, until=lambda said: said == "decommissioned", seconds=CLOSED_SECONDS)
    assert why == "decommissioned"
    async with NodeClient(GONE, url) as client:
        await client.login(cluster.secrets.admin_username, cluster.secrets.admin_password)
        assert (await client.stock_of(SKU))["sku"] == SKU
        with pytest.raises(Refused, match="branch_closed"):
            await client.place_order("PADARIA-SOL", [{"sku": SKU, "quantity": 1}])
