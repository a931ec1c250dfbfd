"""A network in which clients ask a branch for more than it can do: whole nodes and their applications."""

import asyncio
import json

import httpx
import pytest
from starlette.types import Message

from app.api import application
from app.node import BranchNode
from app.services.admission import Lane, Pass
from tests.support.asgi import http_scope
from tests.support.company import Company, customer, stock
from tests.support.virtual import eventually

pytestmark = pytest.mark.anyio

BODY = {"customer": "ALFKI", "lines": [{"sku": "rice", "quantity": 1}]}


class Counter:
    """A branch's application, and a client that is logged in there."""

    def __init__(self, node: BranchNode) -> None:
        self.node = node
        self.app = application(with_faults=False)
        self.app.state.node = node
        self._client = httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url="http://matriz")

    async def log_in(self) -> None:
        words = {"username": "admin", "password": "a long password"}
        answer = await self._client.post("/auth/login", data=words)
        self._client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    async def order(self, *, sku: str = "rice", key: str | None = None) -> httpx.Response:
        headers = {} if key is None else {"Idempotency-Key": key}
        body = {**BODY, "lines": [{"sku": sku, "quantity": 1}]}
        return await self._client.post("/orders", json=body, headers=headers)

    def order_and_hang_up(self) -> "asyncio.Task[None]":
        """An order by a client that is gone as soon as its request has arrived."""
        body = json.dumps(BODY).encode()
        named = {"content-type": "application/json", "content-length": str(len(body))}
        sent = {**named, "authorization": self._client.headers["Authorization"]}
        messages: list[Message] = [
            {"type": "http.request", "body": body, "more_body": False},
            {"type": "http.disconnect"},
        ]

        async def receive() -> Message:
            return messages.pop(0)

        async def send(_message: Message) -> None:
            pass

        scope = http_scope("POST", "/orders", sent, client="10.0.0.2")
        return asyncio.create_task(self.app(scope, receive, send))

    @property
    def commands(self) -> Lane:
        return self.node.admission.lane("commands")

    def crowd(self) -> list[Pass]:
        """Requests that take every place and the queue."""
        taken = []
        while not self.commands.refuses(size=0):
            taken.append(self.commands.admit(size=0))
        return taken

    async def orders(self) -> int:
        return await self.node.database.read(
            lambda connection: int(connection.execute("SELECT COUNT(*) FROM orders").fetchone()[0])
        )


async def opened(company: Company) -> Counter:
    """The first of two branches, with rice, and tea at the other one."""
    matriz, norte = await company.found("matriz", "norte")
    await customer(matriz)
    await stock(matriz, "rice", 9)
    await stock(matriz, "tea", 0)
    await eventually(company.converged)
    await stock(norte, "tea", 9)
    counter = Counter(matriz)
    await counter.log_in()
    await eventually(company.converged)
    return counter


async def test_a_refused_order_is_stored_nowhere_and_can_be_sent_again(company: Company) -> None:
    counter = await opened(company)
    crowd = counter.crowd()
    refused = await counter.order(key="k")
    assert (refused.status_code, refused.json()["code"]) == (503, "overloaded")
    assert await counter.orders() == 0
    for one in crowd:
        one.leave()
    assert (await counter.order(key="k")).status_code == 201
    assert await counter.orders() == 1


async def test_the_order_of_a_client_that_hung_up_is_not_sold(company: Company) -> None:
    counter = await opened(company)
    crowd = [counter.commands.admit(size=0) for _ in range(counter.node.settings.commands_together)]
    request = counter.order_and_hang_up()
    await asyncio.sleep(0.01)
    for one in crowd:
        one.leave()
    await request
    assert await counter.orders() == 0


async def test_peers_are_heard_while_clients_are_refused(company: Company) -> None:
    counter = await opened(company)
    counter.crowd()
    await stock(company["norte"], "rice", 5)
    await eventually(company.converged, within=5)
    assert (await counter.order()).status_code == 503


async def test_orders_that_wait_for_rights_keep_no_others_out(company: Company) -> None:
    counter = await opened(company)
    company.network.silent.add("norte")
    waiting = [
        asyncio.create_task(counter.order(sku="tea")) for _ in range(counter.node.settings.commands_together)
    ]
    await asyncio.sleep(0.1)
    assert (await counter.order()).status_code == 201
    assert [(await one).status_code for one in waiting] == [409] * len(waiting)
