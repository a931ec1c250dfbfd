"""Networks of whole nodes in one process, over real SQLite files and a fake network."""

import shutil
import sqlite3
from pathlib import Path
from typing import Any

from app.config import Settings
from app.database.digest import read_digests
from app.domain.customer import NewCustomer
from app.domain.product import NewProduct
from app.node import BranchNode
from app.state.commands.order_commands import PlaceOrder
from app.state.commands.stock_commands import Adjustment
from app.state.tables import customers, products
from app.state.tables.orders import OrderView
from app.sync.log import outbox, positions
from app.sync.wire.messages import Head
from tests.support.branch import ACTOR, CLUSTER
from tests.support.doors import doors_of
from tests.support.network import REPLICA_SECRET, FakeNetwork
from tests.support.parts import parts
from tests.support.virtual import eventually


class Company:
    """Nodes by name. `start` opens one, `found` opens all and waits until every one of them serves."""

    def __init__(self, directory: Path, *, empty_file: Path) -> None:
        self._directory = directory
        self._empty_file = empty_file
        self._seed = 0
        self.network = FakeNetwork()
        self.nodes: dict[str, BranchNode] = {}

    def __getitem__(self, name: str) -> BranchNode:
        return self.nodes[name]

    async def found(self, *names: str, **settings: Any) -> list[BranchNode]:
        """Start nodes that are each other's peers; return them once all of them serve and have met."""
        opened = [await self.start(name, peers=names, **settings) for name in names]
        await eventually(lambda: all(node.ready for node in opened))
        await eventually(lambda: all(peer.state == "ok" for node in opened for peer in node.peers))
        return opened

    async def start(self, name: str, *, peers: tuple[str, ...] = (), **settings: Any) -> BranchNode:
        """Start a node, or start it again on the file it had. `peers` may name the node itself."""
        path = self.path(name)
        if not path.exists():
            path.parent.mkdir(exist_ok=True)
            shutil.copy(self._empty_file, path)
        self._seed += 1
        self.nodes[name] = node = self.made(
            node_settings(name, peers=peers, database_path=path, **settings),
            seed=f"{name} {self._seed}",
            clock_offset=settings.get("clock_offset_seconds", 0.0),
        )
        await node.open()
        self.network.join(name, doors_of(node))
        return node

    def made(self, settings: Settings, *, seed: str, clock_offset: float = 0.0) -> BranchNode:
        """A node of the network that is not opened yet; nobody calls it before it joins."""
        transport = self.network.transport(settings.node_name)
        return BranchNode(settings, **parts(transport, seed=seed, clock_offset=clock_offset))

    def path(self, name: str) -> Path:
        return self._directory / name / "node.db"

    async def stop(self, name: str) -> None:
        """Stop a node as SIGTERM does; its address refuses from then on."""
        self.network.leave(name)
        await self.nodes[name].close()

    async def close(self) -> None:
        await self.network.close()
        for node in self.nodes.values():
            await node.close()

    async def converged(self) -> bool:
        """Whether nobody has anything pending and all digests and heads are the same."""
        found = [await _whereabouts(node) for node in self.nodes.values()]
        return all(one == (found[0][0], found[0][1], 0) for one in found)


async def _whereabouts(node: BranchNode) -> tuple[str, dict[str, Head], int]:
    """A node's digest, its heads, and how many events it owes peers or has parked."""
    lives = [(peer.name, peer.epoch) for peer in node.peers]

    def read(connection: sqlite3.Connection) -> tuple[str, dict[str, Head], int]:
        owed = sum(outbox.backlog(connection, *life).pending for life in lives)
        parked = connection.execute("SELECT COUNT(*) FROM parked").fetchone()[0]
        return read_digests(connection)[0], positions.heads(connection), owed + int(parked)

    return await node.database.read(read)


def node_settings(name: str, *, peers: tuple[str, ...] = (), **values: Any) -> Settings:
    """A node's settings for tests: cheap bcrypt, no background rebalancing, quick retries."""
    defaults: dict[str, Any] = {
        "peers": ",".join(f"{peer}=http://{peer}" for peer in peers if peer != name),
        "cluster_id": CLUSTER,
        "jwt_secret": "a secret of clients, as long as one must be",
        "replica_secret": REPLICA_SECRET,
        "admin_username": "admin",
        "admin_password": "a long password",
        "replication_retry_seconds": 0.1,
        "rebalance_seconds": 0,
        "bcrypt_rounds": 4,
    }
    return Settings(node_name=name, **{**defaults, **values})


async def stock(node: BranchNode, sku: str, quantity: int, *, share: Any = "keep") -> None:
    """Create a product unless the node knows it, and receive units of it."""
    if await node.database.read(lambda connection: products.find(connection, sku)) is None:
        made = NewProduct(sku=sku, name=f"Product {sku}", price_cents=1000)
        await node.database.write(lambda tx: products.create(tx, made, actor=ACTOR))
    if quantity:
        wanted = Adjustment(sku=sku, quantity=quantity, reason="a delivery", share=share)
        await node.stock.adjust(wanted, actor=ACTOR)


async def customer(node: BranchNode, code: str = "ALFKI") -> None:
    made = NewCustomer(code=code, name=f"Customer {code}")
    await node.database.write(lambda tx: customers.create(tx, made, actor=ACTOR))


async def buy(
    node: BranchNode,
    sku: str,
    quantity: int,
    *,
    code: str = "ALFKI",
    key: str | None = None,
    request_hash: str = "hash",
) -> OrderView:
    """Place an order of one line."""
    order = PlaceOrder(customer=code, lines=((sku, quantity),))
    return await node.orders.place(order, actor=ACTOR, key=key, request_hash=request_hash)
