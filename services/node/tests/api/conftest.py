"""A node's whole application, asked over ASGI in virtual time: no sockets, no threads, no waiting."""

import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from app.api import application
from app.config import read_settings
from app.main import create_app
from app.node import BranchNode
from tests.support.network import FakeNetwork, problem
from tests.support.parts import parts
from tests.support.virtual import InlineExecutor, VirtualLoop, eventually

ADMIN_PASSWORD = "correct horse"
OPERADOR_PASSWORD = "battery staple"
ENVIRONMENT = {
    "NODE_NAME": "matriz",
    "PEERS": "",
    "CLUSTER_ID": "5b0c1c9e-3f0e-4f57-8f35-8a4d2f5a0001",
    "JWT_SECRET": "the secret of the clients' tokens",
    "REPLICA_SECRET": "the secret of the nodes' tokens, another",
    "ADMIN_USERNAME": "admin",
    "ADMIN_PASSWORD": ADMIN_PASSWORD,
    "BCRYPT_ROUNDS": "4",
}
LAB = {**ENVIRONMENT, "LAB_FAULTS": "1", "PEERS": "norte=http://norte,sul=http://sul", "FOUND": "1"}


@dataclass(frozen=True)
class Shop:
    """One node and the way to ask it."""

    app: FastAPI
    node: BranchNode

    @property
    def executor(self) -> InlineExecutor:
        """Where the node's database and hashes run."""
        assert isinstance(self.node.executor, InlineExecutor), "a shop's node runs in virtual time"
        return self.node.executor

    def client(self, *, address: str = "10.0.0.1", **headers: str) -> httpx.AsyncClient:
        """A client at an address; an error of the node's own comes back as its 500."""
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False, client=(address, 50_000))
        return httpx.AsyncClient(transport=transport, base_url="http://matriz", headers=headers)

    async def log_in(self, username: str, password: str) -> httpx.AsyncClient:
        """A client that carries a fresh token."""
        client = self.client()
        answer = await client.post("/auth/login", data={"username": username, "password": password})
        assert answer.status_code == 200, answer.text
        client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        return client

    async def counts(self) -> dict[str, int]:
        """How many rows each table has: unchanged by whatever was refused."""
        tables = ("users", "customers", "products", "stock", "orders", "order_lines", "events", "audit")
        return await self.node.database.read(
            lambda c: {table: c.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0] for table in tables}
        )


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "asyncio", {"loop_factory": VirtualLoop}


@pytest.fixture(scope="session")
def routes() -> FastAPI:
    """The application without a node, made once: FastAPI takes longer to build its routes than most tests
    take to ask them."""
    return application(with_faults=False)


@pytest.fixture
async def unopened(tmp_path: Path, empty_file: Path, routes: FastAPI) -> FastAPI:
    """A node's application whose node was not opened yet."""
    path = tmp_path / "node.db"
    shutil.copy(empty_file, path)
    routes.state.node = BranchNode(
        read_settings({**ENVIRONMENT, "DATABASE_PATH": str(path)}),
        **parts(),
    )
    return routes


@pytest.fixture
async def shop(unopened: FastAPI) -> AsyncIterator[Shop]:
    """A network of one node, founded and ready."""
    node: BranchNode = unopened.state.node
    try:
        await node.open()
        await eventually(lambda: node.ready)
        yield Shop(unopened, node)
    finally:
        await node.close()


@pytest.fixture
async def admin(shop: Shop) -> httpx.AsyncClient:
    """The founding administrator."""
    return await shop.log_in("admin", ADMIN_PASSWORD)


@pytest.fixture
async def operador(shop: Shop, admin: httpx.AsyncClient) -> httpx.AsyncClient:
    """Somebody who sells but does not administer."""
    user = {"username": "ana", "password": OPERADOR_PASSWORD, "role": "operador"}
    assert (await admin.post("/users", json=user)).status_code == 201
    return await shop.log_in("ana", OPERADOR_PASSWORD)


@pytest.fixture
async def stocked(admin: httpx.AsyncClient) -> None:
    """A customer ALFKI, a product CAFE at 18.90, and ten of it."""
    for path, body in (
        ("/customers", {"code": "ALFKI", "name": "Alfreds Futterkiste"}),
        ("/products", {"sku": "CAFE", "name": "Café 500 g", "price_cents": 1890}),
        ("/stock/adjustments", {"sku": "CAFE", "quantity": 10, "reason": "Delivery"}),
    ):
        assert (await admin.post(path, json=body)).status_code == 201


@pytest.fixture(scope="session")
def lab_routes() -> FastAPI:
    """The application as a lab's settings make it, once; each test gives it a node of its own."""
    return create_app(
        read_settings({**LAB, "DATABASE_PATH": "never opened"}),
        **parts(),
    )


@pytest.fixture
async def lab(tmp_path: Path, empty_file: Path, lab_routes: FastAPI) -> AsyncIterator[Shop]:
    """A founded node in a lab, whose peer norte answers whatever it is asked with a 401."""
    path = tmp_path / "lab.db"
    shutil.copy(empty_file, path)
    network = FakeNetwork()
    app = lab_routes
    node = app.state.node = BranchNode(
        read_settings({**LAB, "DATABASE_PATH": str(path)}),
        **parts(network.transport("matriz")),
    )
    network.join("norte", app)  # never asked: `answers` stands before it
    for path_of_peer in ("/replica/hello", "/replica/event"):
        network.answers["norte", path_of_peer] = problem(401, "unauthenticated")
    try:
        await node.open()
        await eventually(lambda: node.ready)
        yield Shop(app, node)
    finally:
        await network.close()
        await node.close()


@pytest.fixture
async def teacher(lab: Shop) -> httpx.AsyncClient:
    """The administrator of the node in a lab."""
    return await lab.log_in("admin", ADMIN_PASSWORD)
