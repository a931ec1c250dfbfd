"""Two or more plain nodes in this process, on a network that can be cut, with a clock that stands still."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI
from pydantic import SecretStr

from plain.config import Settings
from plain.main import create_app
from plain.runtime import Clock
from plain.state import Branch

PASSWORD = "correct horse battery"
SECRET = "r" * 32


class StandingClock(Clock):
    """Time passes only by `advance`, which ends the waits that are over by then."""

    def __init__(self) -> None:
        self._now = datetime(2026, 11, 23, 22, 0, tzinfo=UTC)
        self.waits: list[tuple[datetime, asyncio.Event]] = []

    def now(self) -> datetime:
        return self._now

    async def sleep(self, seconds: float) -> None:
        wait = (self._now + timedelta(seconds=seconds), asyncio.Event())
        self.waits.append(wait)
        try:
            await wait[1].wait()
        finally:
            self.waits.remove(wait)

    def advance(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)
        for until, over in self.waits:
            if until <= self._now:
                over.set()


class Links(httpx.AsyncBaseTransport):
    """The network: who is `cut` off cannot be reached, who has an entry in `answers` says that first."""

    def __init__(self) -> None:
        self.apps: dict[str, FastAPI] = {}
        self.cut: set[str] = set()
        self.answers: dict[str, list[int]] = {}
        self.seen: list[httpx.Request] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request)
        name = request.url.host
        if name in self.cut or name not in self.apps:
            raise httpx.ConnectError("refused", request=request)
        if self.answers.get(name):
            return httpx.Response(self.answers[name].pop(0), request=request)
        return await httpx.ASGITransport(self.apps[name]).handle_async_request(request)


class Company:
    """Plain nodes by name. A node that is killed loses what is in memory, and keeps its file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = StandingClock()
        self.links = Links()
        self._running: dict[str, AsyncExitStack] = {}
        self._http: dict[str, httpx.AsyncClient] = {}

    async def start(self, name: str, *peers: str) -> None:
        settings = Settings(
            node_name=name,
            peers={peer: f"http://{peer}" for peer in peers},
            database_path=self.folder / f"{name}.db",
            jwt_secret=SecretStr("j" * 32),
            replica_secret=SecretStr(SECRET),
            admin_username="admin",
            admin_password=SecretStr(PASSWORD),
            bcrypt_rounds=4,
        )
        app = create_app(settings, clock=self.clock, transport=self.links)
        running = self._running[name] = AsyncExitStack()
        await running.enter_async_context(app.router.lifespan_context(app))
        http = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=f"http://{name}")
        self._http[name] = await running.enter_async_context(http)
        self.links.apps[name] = app
        await self.log_in(name, "admin", PASSWORD)

    async def kill(self, name: str) -> None:
        del self.links.apps[name]
        await self._running.pop(name).aclose()

    def wipe(self, name: str) -> None:
        for file in self.folder.glob(f"{name}.db*"):
            file.unlink()

    async def close(self) -> None:
        for name in list(self._running):
            await self.kill(name)

    def branch(self, name: str) -> Branch:
        branch: Branch = self.links.apps[name].state.branch
        return branch

    async def log_in(self, name: str, username: str, password: str) -> None:
        answer = await self.call(
            name, "POST", "/auth/login", data={"username": username, "password": password}
        )
        self._http[name].headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    async def call(self, name: str, method: str, path: str, **request: Any) -> httpx.Response:
        return await self._http[name].request(method, path, **request)

    async def ask(self, name: str, method: str, path: str, **request: Any) -> Any:
        """The value of an answer that has to be a success."""
        answer = await self.call(name, method, path, **request)
        assert answer.is_success, answer.text
        return answer.json()

    async def stock(self, name: str, units: int, *, sku: str = "CAFE") -> None:
        """A product, a customer to buy it, and so many units, entered at one branch."""
        await self.ask(name, "POST", "/products", json={"sku": sku, "name": "Café", "price_cents": 1890})
        await self.call(name, "POST", "/customers", json={"code": "SOL", "name": "Padaria do Sol"})
        await self.receive(name, units, sku=sku)

    async def receive(self, name: str, units: int, *, sku: str = "CAFE") -> None:
        body = {"sku": sku, "quantity": units, "reason": "delivery"}
        await self.ask(name, "POST", "/stock/adjustments", json=body)

    async def order(
        self, name: str, units: int, *, sku: str = "CAFE", key: str | None = None
    ) -> httpx.Response:
        body = {"customer": "SOL", "lines": [{"sku": sku, "quantity": units}]}
        return await self.call(
            name, "POST", "/orders", json=body, headers={"Idempotency-Key": key} if key else {}
        )

    async def units(self, name: str, *, sku: str = "CAFE") -> int:
        found: int = (await self.ask(name, "GET", f"/stock/{sku}"))["available"]
        return found

    async def sold(self, name: str) -> int:
        """Units in the orders that a node knows."""
        orders = (await self.ask(name, "GET", "/orders"))["items"]
        return sum(line["quantity"] for order in orders for line in order["lines"])

    async def quiet(self) -> None:
        """Waits until every queue is empty or its sender waits to try again."""

        def is_quiet() -> bool:
            stuck = [peer for name in self.links.apps for peer in self._waiting(name)]
            return len(stuck) == len(self.clock.waits)

        await until(is_quiet)

    def _waiting(self, name: str) -> list[str]:
        peers = self.branch(name).synchronizer.peers
        return [peer for peer, queue in peers.items() if queue.waiting]

    async def heal(self) -> None:
        """Ends every cut, and lets the senders try again until all is sent."""
        self.links.cut.clear()
        await self.retry()

    async def retry(self) -> None:
        self.clock.advance(1)
        await until(lambda: all(not over.is_set() for _, over in self.clock.waits))
        await self.quiet()


async def until(holds: Callable[[], bool]) -> None:
    """Waits for other tasks and threads, and fails when it takes too long."""
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110  # what other threads do sets no event here
            await asyncio.sleep(0.001)
