"""A network that is upgraded node by node to the next version under orders, taken back, upgraded again."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Literal

from branchlab.nodes.client import NodeClient
from branchlab.nodes.contract import WantedLine
from branchlab.nodes.convergence import wait_converged
from branchlab.nodes.outcome import Refused, Unknown
from branchlab.poll import poll
from tests.cluster.cluster import Cluster
from tests.cluster.next_version import Values, new_values

Version = Literal["present", "next"]
Change = Callable[[str, Version], None]
"""Stops a node, and starts it as this version; returns when it is ready."""

UNITS = 9000  # more than the tills sell, however slowly nodes start
BETWEEN_SECONDS = 0.1
PATIENCE_SECONDS = 120.0
LINE: WantedLine = {"sku": "CAFE", "quantity": 1}


class Till:
    """Sells one unit after the other at a branch; asks again with the same key while it gets no answer."""

    def __init__(self, client: NodeClient) -> None:
        self._client = client
        self.closing = False
        self.sold: list[str] = []
        self.refused: list[str] = []
        self._number = 0

    async def sell(self) -> None:
        """Sell until it is closing, a few units at least."""
        fewest = self._number + 3
        while not self.closing or self._number < fewest:
            self._number += 1
            await self._sell_one(f"{self._client.name}-{self._number}")
            await asyncio.sleep(BETWEEN_SECONDS)

    async def _sell_one(self, key: str) -> None:
        async def is_answered() -> bool:
            try:
                self.sold.append((await self._client.place_order("ANA", [LINE], key=key))["id"])
            except (Refused, Unknown) as trouble:
                if not isinstance(trouble, Refused) or trouble.code in ("unreachable", "not_ready"):
                    return False
                self.refused.append(f"{key}: {trouble}")
            return True

        assert await poll(is_answered, seconds=PATIENCE_SECONDS, every=0.1), f"{key} is not answered"


class Watch:
    """Looks again and again at what nodes have parked, and at their alarms."""

    def __init__(self, clients: dict[str, NodeClient]) -> None:
        self._clients = clients
        self.parked: dict[str, int] = dict.fromkeys(clients, 0)
        self.alarms: set[str] = set()

    async def look(self) -> None:
        """Look until cancelled."""
        while True:
            for name, client in self._clients.items():
                with suppress(Refused, Unknown):  # it starts again just now
                    status = await client.status()
                    self.parked[name] = max(self.parked[name], status["parked"] or 0)
                    self.alarms |= {f"{name}: {alarm}" for alarm in status["alarms"]}
            await asyncio.sleep(0.1)


class Story:
    """Three nodes, their tills, and what the next version wrote."""

    def __init__(self, cluster: Cluster, change: Change, place: Path) -> None:
        self._cluster = cluster
        self._change = change
        self._place = place

    async def play(self) -> None:
        """Upgrade, take back, upgrade again; raises AssertionError for whatever is lost on the way."""
        async with self._cluster.clients() as clients:
            await self._stock(clients)
            tills = [Till(client) for client in clients.values()]
            watch = Watch(clients)
            looking = asyncio.create_task(watch.look())
            selling = [asyncio.create_task(till.sell()) for till in tills]

            for name, client in clients.items():
                await self._as("next", name)
                await self._write_what_is_new(name, client)
            for till in tills:
                till.closing = True
            await asyncio.gather(*selling)
            written = await self._agreed(clients)
            assert all(written.values()), f"the next version did not write {written}"
            assert {**dict.fromkeys(written["products"].values())} == {"bag": None}

            selling = self._open_again(tills)
            for name in clients:
                await self._as("present", name)
            await self._close(tills, selling)
            await self._require_kept(clients, written, "after it was taken back")

            selling = self._open_again(tills)
            for name in clients:
                await self._as("next", name)
            await self._close(tills, selling)
            await self._require_kept(clients, written, "after the second upgrade")

            looking.cancel()
            with suppress(asyncio.CancelledError):
                await looking
            assert watch.parked == dict.fromkeys(clients, 0)
            assert watch.alarms == set()
            await self._require_sold(clients, tills)

    async def _stock(self, clients: dict[str, NodeClient]) -> None:
        first = next(iter(clients.values()))
        await first.create_product("CAFE", "Café", 500)
        await first.create_customer({"code": "ANA", "name": "Ana"})
        await first.adjust("CAFE", UNITS, reason="delivery", share="equal")
        await wait_converged([*clients.values()])

    async def _as(self, version: Version, name: str) -> None:
        await asyncio.to_thread(self._change, name, version)

    async def _write_what_is_new(self, name: str, client: NodeClient) -> None:
        """One row of each entity, with the field that is new, and an event of the new kind."""
        await client._call("POST", "/customers", json={"code": name, "name": name, "tax_id": f"tax {name}"})
        await client._call("POST", "/suppliers", json={"code": name, "name": f"supplier of {name}"})
        await client.create_user(f"user-{name}", "a long password", role="operador")
        await client.create_product(f"SKU-{name}", name, 100)
        await client.change_product(f"SKU-{name}", price_cents=200)

    def _open_again(self, tills: list[Till]) -> list[asyncio.Task[None]]:
        for till in tills:
            till.closing = False
        return [asyncio.create_task(till.sell()) for till in tills]

    async def _close(self, tills: list[Till], selling: list[asyncio.Task[None]]) -> None:
        for till in tills:
            till.closing = True
        await asyncio.gather(*selling)

    async def _agreed(self, clients: dict[str, NodeClient]) -> Values:
        """What all nodes hold of what is new, once their digests are equal."""
        await wait_converged([*clients.values()])
        found = [await asyncio.to_thread(self._values, name) for name in clients]
        assert all(one == found[0] for one in found), f"{[*clients]} hold {found}"
        return found[0]

    def _values(self, name: str) -> Values:
        file = self._place / f"{name}.db"
        self._cluster.driver.backup(name, file)
        return new_values(file)

    async def _require_kept(self, clients: dict[str, NodeClient], written: Values, when: str) -> None:
        now = await self._agreed(clients)
        for relation, values in written.items():
            lost = {key: value for key, value in values.items() if now[relation].get(key) != value}
            if relation == "stock":  # a cell that sold on is another one by now
                lost = {key: value for key, value in lost.items() if now[relation].get(key, -1) < value}
            assert lost == {}, f"of {relation} {when}"

    async def _require_sold(self, clients: dict[str, NodeClient], tills: list[Till]) -> None:
        """Every order that was answered is everywhere, and nothing was sold twice."""
        sold = sorted(order for till in tills for order in till.sold)
        assert [till.refused for till in tills] == [[], [], []]
        for client in clients.values():
            assert sorted(order["id"] for order in await client.orders()) == sold
            stocked = await client.stock_of("CAFE")
            assert (stocked["available"], stocked["frozen"]) == (UNITS - len(sold), 0)
