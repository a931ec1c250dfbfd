"""A company that loses links, disks and lives, and the book of what its customers were promised."""

import asyncio
import json
import shutil
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any
from unittest import mock

from app.database import StorageError
from app.domain.errors import StateError
from app.domain.stock import Cell
from app.node import BranchNode
from app.state.tables import orders, stock_views
from app.sync import replication
from app.sync.peering.peers import Peer
from app.sync.rules.retry import Answer
from app.sync.wire.messages import PROTOCOL
from tests.support.branch import ACTOR
from tests.support.company import Company, buy, customer, node_settings, stock
from tests.support.doors import doors_of
from tests.support.virtual import eventually

NAMES = ("matriz", "norte", "sul")
RICE = "rice"
NEXT_PROTOCOL = (PROTOCOL[1] + 1, PROTOCOL[1] + 1)


class Trial:
    """Nodes by name, what happens to their disks, and every order that was acknowledged to a customer.

    A history ends with `verify`. What a test loses on purpose it says with `declare_lost`; anything else that
    is missing, doubled or sold twice fails.
    """

    def __init__(self, company: Company, directory: Path) -> None:
        self.company = company
        self.network = company.network
        self._copies = directory / "copies"
        self._settings: dict[str, Any] = {}
        self._names: tuple[str, ...] = ()
        self._promised: dict[str, int] = {}
        self._lost: set[str] = set()
        self._received = 0
        self._clones: list[BranchNode] = []

    def __getitem__(self, name: str) -> BranchNode:
        return self.company[name]

    async def found(self, *names: str, **settings: Any) -> None:
        """Found a network whose nodes all know the customer ALFKI and the product rice."""
        self._names, self._settings = names or NAMES, settings
        await self.company.found(*self._names, **settings)
        first = self[self._names[0]]
        await customer(first)
        await stock(first, RICE, 0)
        await self.converged()

    async def stocked(self, *names: str, at: str, units: int, share: Any = "keep", **settings: Any) -> None:
        """Found a network in which one branch received units of rice, and every branch knows it."""
        await self.found(*names, **settings)
        await self.receive(at, units, share=share)
        await self.converged()

    async def traded(
        self, *names: str, at: str, units: int, sold: int = 1, share: Any = "keep", **settings: Any
    ) -> str:
        """Found a network in which one branch received units and sold some in one order, and every branch
        knows it. Returns the id of the order."""
        await self.found(*names, **settings)
        await self.receive(at, units, share=share)
        order = await self.sell(at, sold)
        await self.converged()
        return order

    async def receive(self, name: str, quantity: int, *, share: Any = "keep") -> None:
        await stock(self[name], RICE, quantity, share=share)
        self._received += quantity

    async def sell(self, name: str, quantity: int = 1, *, key: str | None = None) -> str:
        """Place an order and note the promise; its id."""
        placed = await buy(self[name], RICE, quantity, key=key)
        self.promise(placed.id, quantity)
        return str(placed.id)

    async def refused(self, name: str, quantity: int = 1) -> Exception:
        """Place an order that the node refuses; its reason."""
        try:
            await self.sell(name, quantity)
        except (StateError, StorageError) as refusal:
            return refusal
        raise AssertionError(f"{name} sold {quantity}")

    async def cancel(self, name: str, order_id: str) -> None:
        """Cancel an order: its units are promised to nobody any more."""
        await self[name].orders.cancel(order_id, actor=ACTOR)
        self._promised[order_id] = 0

    def promise(self, order_id: str, quantity: int) -> None:
        """Note an order that a customer was promised by other ways than `sell`."""
        self._promised[order_id] = quantity

    def declare_lost(self, *order_ids: str) -> None:
        """Say that these orders were on one disk only, and may be gone with it."""
        self._lost.update(order_ids)

    async def start(self, name: str, *, ready: bool = True, **settings: Any) -> BranchNode:
        node = await self.company.start(name, peers=self._names, **{**self._settings, **settings})
        if ready:
            await eventually(lambda: node.ready)
        return node

    async def upgrade(self, *names: str) -> None:
        """Stop nodes, and start the next version of them: it has no protocol version in common with this one.
        Do not wait until they serve."""
        await self.stop(*names)
        for name in names:
            with mock.patch.object(replication, "PROTOCOL", NEXT_PROTOCOL):
                await self.start(name, ready=False)

    async def stop(self, *names: str) -> None:
        for name in names:
            await self.company.stop(name)

    async def wipe(self, *names: str) -> None:
        """Stop nodes and lose their disks."""
        await self.stop(*names)
        for name in names:
            shutil.rmtree(self.company.path(name).parent)

    def copy(self, name: str) -> Path:
        """A consistent copy of a node's database as it stands now."""
        self._copies.mkdir(exist_ok=True)
        path = self._copies / f"{name}-{len(list(self._copies.iterdir()))}.db"
        with (
            closing(sqlite3.connect(self.company.path(name))) as source,
            closing(sqlite3.connect(path)) as to,
        ):
            source.backup(to)
        return path

    async def put_back(self, name: str, copy: Path, *, ready: bool = True) -> BranchNode:
        """Stop a node, roll its disk back to a copy by hand, and start it again."""
        await self.stop(name)
        path = self.company.path(name)
        shutil.rmtree(path.parent)
        path.parent.mkdir()
        shutil.copy(copy, path)
        return await self.start(name, ready=ready)

    async def clone(self, name: str, copy: Path, *, at_its_address: bool = False) -> BranchNode:
        """Start a second process of a node on a copy of its volume. Both can call; calls for the node's
        address reach the first, or the second if it takes the address over."""
        node = self.company.made(
            node_settings(name, peers=self._names, database_path=copy, **self._settings),
            seed=f"clone {len(self._clones)}",
        )
        self._clones.append(node)
        if at_its_address:
            self.network.join(name, doors_of(node))
        await node.open()
        return node

    async def order_ids(self, name: str) -> list[str]:
        found = await self[name].database.read(lambda connection: orders.page(connection, "", 10_000))
        return [order.id for order in found]

    async def has(self, name: str, order_id: str) -> bool:
        return order_id in await self.order_ids(name)

    async def is_parked(self, name: str) -> bool:
        """Whether a node holds events it could not apply."""
        return bool((await self[name].status()).parked)

    async def audited(self, name: str, action: str) -> list[tuple[str, dict[str, Any]]]:
        """Who did it and what came of it, for every audit row of an action, in order."""
        rows = await self[name].database.read(
            lambda connection: connection.execute(
                "SELECT actor, after FROM audit WHERE action = ? ORDER BY id", (action,)
            ).fetchall()
        )
        return [(row["actor"], json.loads(row["after"])) for row in rows]

    async def post(self, sender: str, receiver: str, path: str, body: bytes, *, epoch: str) -> Answer:
        """Send a message, signed as one life of a node signs it; the receiver's answer."""
        node = self[sender]
        token = node.replica_tokens.issue(
            receiver, epoch=epoch, method="POST", path=path, body=body, receiver_now=node.clock.wall()
        )
        headers = {"content-type": "application/json", "x-replica-token": token}
        response = await self.network.carry(
            sender, f"http://{receiver}{path}", body=body, headers=headers, patience=5.0
        )
        return Answer(status=response.status, code=json.loads(response.body).get("code"))

    async def announced(self, name: str) -> list[str]:
        """The orders that this life of a node announced as created."""
        rows = await self[name].database.read(
            lambda connection: connection.execute(
                "SELECT entity FROM events JOIN node USING (epoch) WHERE kind = 'order_created'"
            ).fetchall()
        )
        return [row[0] for row in rows]

    async def rows(self, name: str) -> Sequence[Cell]:
        """Every life's row of rice as a node knows it."""
        shown = await self[name].database.read(lambda connection: stock_views.stock_view(connection, RICE))
        return shown.rows

    async def view(self, name: str) -> Mapping[str, int | None]:
        """A node's stock view of rice."""
        return (await self[name].status()).stock

    async def shows(self, *names: str, available: int, frozen: int, here: int, oversold: int = 0) -> None:
        """Wait until nodes show this stock: deaths travel with the next hello."""
        expected = {"available": available, "frozen": frozen, "here": here, "oversold": oversold}
        deadline = asyncio.get_running_loop().time() + 30
        for name in names:
            while (shown := await self.view(name)) != expected:
                assert asyncio.get_running_loop().time() < deadline, (name, shown, expected)
                await asyncio.sleep(0.1)

    async def alarms(self, name: str) -> dict[str, int]:
        """How often each alarm was raised."""
        found = (await self[name].status()).alarms
        return {kind: int(alarm.count) for kind, alarm in found.items()}

    def peer(self, name: str, *, seen_by: str) -> Peer:
        """What one node knows of another."""
        peer = self[seen_by].peers.get(name)
        assert peer is not None
        return peer

    def epoch(self, name: str) -> str:
        return self[name].database.identity.epoch

    async def converged(self) -> None:
        """Wait until nobody owes anybody anything and all digests and heads are equal."""
        await eventually(self.company.converged, within=180, every=0.1)

    async def converged_without(self, *absent: str) -> None:
        """Wait until the nodes that are there owe each other nothing."""
        present = [node for name, node in self.company.nodes.items() if name not in absent]

        async def settled() -> bool:
            found = [await node.status() for node in present]
            owed = [
                status.pending[node.settings.node_name]
                for status in found
                for node in present
                if node.settings.node_name != status.node
            ]
            return not any(owed) and len({status.digest for status in found}) == 1

        await eventually(settled, within=180, every=0.1)

    async def verify(self) -> None:
        """Nothing pending, digests and heads equal, no promise broken, and nothing sold twice."""
        await self.converged()
        kept = self._promised.keys() - self._lost
        for name in self.company.nodes:
            found = await self.order_ids(name)
            assert sorted(found) == sorted(set(found))
            assert kept <= set(found) <= self._promised.keys()
            assert (await self.view(name))["oversold"] == 0
        assert sum(self._promised.values()) <= self._received

    async def close(self) -> None:
        for node in self._clones:
            await node.close()
