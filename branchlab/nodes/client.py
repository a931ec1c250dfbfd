"""The client of one node: the routes of its API over HTTP, and nothing else. `branchlab.nodes.outcome`
explains how a call ends: a value, Refused or Unknown."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Self, cast
from urllib.parse import quote

import httpx

from branchlab.nodes.complete import complete_order, complete_status, complete_stock
from branchlab.nodes.contract import (
    AlteredRow,
    Customer,
    Member,
    NewCustomer,
    Order,
    Page,
    ParkedEvent,
    Product,
    Role,
    Share,
    Status,
    Stock,
    User,
    WantedLine,
)
from branchlab.nodes.outcome import Refused, outcome_of, value_of

DEFAULT_TIMEOUT = 15.0  # seconds; longer than a node waits for its peers before it answers an order
_PAGE = 500  # the most a node gives at once


class NodeClient:
    """Calls one node as one user. Logs in again by itself when its token is no longer accepted."""

    def __init__(
        self,
        name: str,
        url: str,
        *,
        timeout: float = DEFAULT_TIMEOUT,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.name = name
        self.token: str | None = None
        self._credentials: tuple[str, str] | None = None
        self._login_lock = asyncio.Lock()
        self._http = httpx.AsyncClient(
            base_url=url,
            timeout=httpx.Timeout(timeout, connect=min(timeout, 3.0)),
            transport=transport,
            trust_env=False,  # nodes are local: a proxy of the environment must never see them
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        await self._http.aclose()

    # Who am I

    async def login(self, username: str, password: str) -> None:
        """Gets a token and keeps the credentials to renew it. Raises Refused (401) when they are wrong."""
        form = {"username": username, "password": password, "grant_type": "password"}
        answer = await self._send("POST", "/auth/login", data=form)
        self.token = cast(str, answer["access_token"])
        self._credentials = (username, password)

    async def me(self) -> User:
        return cast(User, await self._call("GET", "/auth/me"))

    async def change_password(self, current: str, new: str) -> None:
        """Changes the user's own password. Earlier tokens are no longer accepted: log in with the new one."""
        await self._call("POST", "/auth/password", json={"current_password": current, "new_password": new})

    # Catalogue and people

    async def create_product(self, sku: str, name: str, price_cents: int) -> Product:
        body = {"sku": sku, "name": name, "price_cents": price_cents}
        return cast(Product, await self._call("POST", "/products", json=body))

    async def product(self, id_or_sku: str) -> Product:
        return cast(Product, await self._call("GET", f"/products/{quote(id_or_sku)}"))

    async def change_product(self, id_or_sku: str, **changes: str | int) -> Product:
        """Changes `name` and/or `price_cents`."""
        return cast(Product, await self._call("PATCH", f"/products/{quote(id_or_sku)}", json=changes))

    async def products(self) -> list[Product]:
        return [cast(Product, item) async for item in self._items("/products")]

    async def create_customer(self, customer: NewCustomer) -> Customer:
        return cast(Customer, await self._call("POST", "/customers", json=customer))

    async def customer(self, id_or_code: str) -> Customer:
        return cast(Customer, await self._call("GET", f"/customers/{quote(id_or_code)}"))

    async def change_customer(self, id_or_code: str, **changes: str | None) -> Customer:
        """Changes the named fields; None removes a detail."""
        return cast(Customer, await self._call("PATCH", f"/customers/{quote(id_or_code)}", json=changes))

    async def customers(self) -> list[Customer]:
        return [cast(Customer, item) async for item in self._items("/customers")]

    async def create_user(self, username: str, password: str, *, role: Role) -> User:
        body = {"username": username, "password": password, "role": role}
        return cast(User, await self._call("POST", "/users", json=body))

    async def change_user(self, user_id: str, **changes: str | bool) -> User:
        """Changes `role` and/or `active`."""
        return cast(User, await self._call("PATCH", f"/users/{user_id}", json=changes))

    async def reset_password(self, user_id: str, password: str) -> None:
        """Gives a user another password, as an admin may."""
        await self._call("POST", f"/users/{user_id}/password", json={"password": password})

    async def user(self, user_id: str) -> User:
        return cast(User, await self._call("GET", f"/users/{user_id}"))

    async def users(self) -> list[User]:
        return [cast(User, item) async for item in self._items("/users")]

    # Stock and orders

    async def adjust(self, sku: str, quantity: int, *, reason: str, share: Share = "equal") -> Any:
        """Receives units at this node, or removes them if negative. Not safe to repeat after Unknown."""
        body = {"sku": sku, "quantity": quantity, "reason": reason, "share": share}
        return await self._call("POST", "/stock/adjustments", json=body)

    async def count(self, sku: str, *, gone: int) -> Stock:
        """Counts the shelf: `gone` of the frozen units are missing, and the others may be sold again."""
        return cast(Stock, await self._call("POST", f"/stock/{quote(sku)}/count", json={"gone": gone}))

    async def stock_of(self, sku: str) -> Stock:
        return complete_stock(await self._call("GET", f"/stock/{quote(sku)}"))

    async def stock(self) -> list[Stock]:
        return [complete_stock(item) async for item in self._items("/stock")]

    async def place_order(
        self, customer: str, lines: Sequence[WantedLine], *, key: str | None = None, note: str | None = None
    ) -> Order:
        """Places an order; with `key`, the same call again gives the same order and sells nothing twice."""
        body: dict[str, Any] = {"customer": customer, "lines": list(lines)}
        if note is not None:
            body["note"] = note
        headers = {"Idempotency-Key": key} if key is not None else {}
        return complete_order(await self._call("POST", "/orders", json=body, headers=headers))

    async def order(self, order_id: str) -> Order:
        return complete_order(await self._call("GET", f"/orders/{order_id}"))

    async def orders(self) -> list[Order]:
        return [complete_order(item) async for item in self._items("/orders")]

    async def cancel_order(self, order_id: str) -> Order:
        return complete_order(await self._call("POST", f"/orders/{order_id}/cancel"))

    # The node itself

    async def status(self) -> Status:
        return complete_status(await self._call("GET", "/status"))

    async def audit(self, **filters: str) -> list[dict[str, Any]]:
        """The node's own audit, filtered by entity, user and time as the API names them."""
        return [item async for item in self._items("/audit", **filters)]

    async def parked(self) -> list[ParkedEvent]:
        """The events that could not be applied here."""
        return [cast(ParkedEvent, item) async for item in self._items("/parked")]

    async def altered(self) -> list[AlteredRow]:
        """The rows that do not fit their seals and that no peer could confirm."""
        return cast(list[AlteredRow], (await self._call("GET", "/altered"))["items"])

    async def accept_altered(self) -> dict[str, int]:
        """Accepts each of these rows with its present content. Returns how many were `accepted`, and how many
        are `left`."""
        return cast(dict[str, int], await self._call("POST", "/altered/accept"))

    async def replay_parked(self) -> dict[str, int]:
        """Tries every parked event again. Returns how many were `applied`, and how many are `left`."""
        return cast(dict[str, int], await self._call("POST", "/parked/replay"))

    async def members(self) -> list[Member]:
        """Every branch of the network as this node knows it."""
        return cast(list[Member], (await self._call("GET", "/members"))["items"])

    async def decommission(self, name: str, *, without_majority: bool = False) -> Member:
        """Decommissions a branch. To repeat it changes nothing. It counts at this node when a majority of the
        members stores it, or with `without_majority`."""
        params = {"without_majority": True} if without_majority else {}
        path = f"/members/{quote(name)}/decommission"
        return cast(Member, await self._call("POST", path, params=params))

    async def faults(self, method: str = "GET", part: str = "", *, body: Any = None) -> Any:
        """Calls the node's fault service; `part` is a path below `/faults`. Refused (404) without
        LAB_FAULTS."""
        return await self._call(method, f"/faults{part}", json=body)

    async def is_ready(self) -> bool:
        """Whether `/readyz` answers 200 now; a node that does not answer is not ready."""
        try:
            return (await self._http.get("/readyz")).status_code == httpx.codes.OK
        except httpx.TransportError:
            return False

    async def _items(self, path: str, **params: str) -> AsyncIterator[Any]:
        after: str | None = None
        while True:
            cursor = {"after": after} if after is not None else {}
            page = cast(
                Page[Any], await self._call("GET", path, params={**params, **cursor, "limit": str(_PAGE)})
            )
            for item in page["items"]:
                yield item
            after = page["next"]
            if after is None:
                return

    async def _call(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, **request: Any
    ) -> Any:
        used = self.token
        try:
            return await self._send(method, path, headers=self._signed(headers), **request)
        except Refused as refused:
            if refused.status != httpx.codes.UNAUTHORIZED or self._credentials is None:
                raise
            await self._renew(used)
        return await self._send(method, path, headers=self._signed(headers), **request)

    def _signed(self, headers: Mapping[str, str] | None) -> dict[str, str]:
        bearer = {"Authorization": f"Bearer {self.token}"} if self.token is not None else {}
        return {**bearer, **(headers or {})}

    async def _renew(self, used: str | None) -> None:
        """Logs in again once, even if many calls met the refused token."""
        async with self._login_lock:
            if self.token == used and self._credentials is not None:
                await self.login(*self._credentials)

    async def _send(self, method: str, path: str, **request: Any) -> Any:
        try:
            response = await self._http.request(method, path, **request)
        except httpx.TransportError as error:
            raise outcome_of(error) from None
        return value_of(response)


def get_token(url: str, username: str, password: str, *, timeout: float = 5.0) -> str:
    """A fresh token, for callers without an event loop. Raises Refused or Unknown."""
    form = {"username": username, "password": password, "grant_type": "password"}
    return cast(str, _send_once("POST", f"{url}/auth/login", timeout=timeout, data=form)["access_token"])


def get_status(url: str, token: str, *, timeout: float = 2.0) -> Status:
    """The node's `/status`, for callers without an event loop. Raises Refused or Unknown."""
    headers = {"Authorization": f"Bearer {token}"}
    return complete_status(_send_once("GET", f"{url}/status", timeout=timeout, headers=headers))


def _send_once(method: str, url: str, *, timeout: float, **request: Any) -> Any:
    try:
        with httpx.Client(timeout=timeout, trust_env=False) as http:
            return value_of(http.request(method, url, **request))
    except httpx.TransportError as error:
        raise outcome_of(error) from None
