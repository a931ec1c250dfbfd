"""A node's API in memory, as an httpx transport: enough of it for what the lab does with one node."""

import itertools
import json
import re
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qs

import httpx

from branchlab.nodes.client import NodeClient

Answer = httpx.Response | Exception
_PRODUCT_STOCK = re.compile(r"/stock/(?P<sku>[^/]+)(?:/count)?")
USERNAME, PASSWORD = "admin", "right"


class FakeNode(httpx.AsyncBaseTransport):
    """Products, customers, receipts and orders of one node without peers, which sells whatever is asked.

    `next_orders` are answers given to the next order requests instead of handling them; an exception is
    raised as a transport would. `pages` is how many items a page holds at most. `asked` lists the requests.
    """

    def __init__(self, name: str = "matriz", *, pages: int = 500) -> None:
        self.name = name
        self.pages = pages
        self.next_orders: deque[Answer] = deque()
        self.asked: list[tuple[str, str]] = []
        self.orders: dict[str, dict[str, Any]] = {}
        self.products: dict[str, dict[str, Any]] = {}
        self.customers: dict[str, dict[str, Any]] = {}
        self.received: dict[str, int] = {}
        self.frozen: dict[str, int] = {}
        self.tokens = 0
        self.valid_token = ""

    def client(self) -> NodeClient:
        return NodeClient(self.name, "http://fake", transport=self)

    def expire_tokens(self) -> None:
        self.valid_token = ""

    def sells(self, sku: str) -> bool:
        """Whether a new order for the product is taken; always, unless a test's own node says otherwise."""
        return True

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        self.asked.append((request.method, path))
        if path == "/auth/login":
            return self._login(parse_qs(request.content.decode()))
        if request.headers.get("Authorization") != f"Bearer {self.valid_token}":
            return problem(401, "unauthenticated")
        routes: Mapping[tuple[str, str], Callable[[httpx.Request], httpx.Response]] = {
            ("GET", "/products"): lambda asked: self._page(asked, self.products),
            ("GET", "/customers"): lambda asked: self._page(asked, self.customers),
            ("GET", "/orders"): lambda asked: self._page(asked, self.orders),
            ("GET", "/stock"): lambda asked: self._page(asked, self.stock()),
            ("GET", "/status"): lambda _: httpx.Response(200, json=self._status()),
            ("POST", "/products"): lambda asked: self._create(asked, self.products, "sku"),
            ("POST", "/customers"): lambda asked: self._create(asked, self.customers, "code"),
            ("POST", "/stock/adjustments"): self._receive,
            ("POST", "/orders"): self._order,
        }
        if (product := _PRODUCT_STOCK.fullmatch(path)) and product["sku"] in self.frozen:
            return self._stock_of(product["sku"], request)
        route = routes.get((request.method, path))
        return route(request) if route else problem(404, "not_found")

    def _login(self, form: Mapping[str, list[str]]) -> httpx.Response:
        if form["username"] != [USERNAME] or form["password"] != [PASSWORD]:
            return problem(401, "unauthenticated")
        self.tokens += 1
        self.valid_token = f"token-{self.tokens}"
        return httpx.Response(
            200, json={"access_token": self.valid_token, "token_type": "bearer", "expires_in": 3600}
        )

    def _page(self, request: httpx.Request, rows: Mapping[str, Any]) -> httpx.Response:
        start = int(request.url.params.get("after", "0"))
        end = start + min(self.pages, int(request.url.params["limit"]))
        items = list(itertools.islice(rows.values(), start, end))
        return httpx.Response(200, json={"items": items, "next": str(end) if end < len(rows) else None})

    def _create(self, request: httpx.Request, rows: dict[str, Any], key: str) -> httpx.Response:
        body = json.loads(request.content)
        if body[key] in rows:
            return problem(409, "already_exists")
        rows[body[key]] = {"id": f"id of {body[key]}", **body}
        return httpx.Response(201, json=rows[body[key]])

    def _receive(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        self.received[body["sku"]] = self.received.get(body["sku"], 0) + body["quantity"]
        return httpx.Response(201, json={})

    def _stock_of(self, sku: str, request: httpx.Request) -> httpx.Response:
        """The product's stock, after a stock count if that is asked for."""
        if request.method == "POST":
            gone = json.loads(request.content)["gone"]
            found = max(0, self.frozen[sku] - gone)
            self.received[sku] = self.received.get(sku, 0) + found
            self.frozen[sku] -= gone + found
        return httpx.Response(
            200, json={"sku": sku, "available": self.received.get(sku, 0), "frozen": self.frozen[sku]}
        )

    def stock(self) -> dict[str, dict[str, Any]]:
        return {sku: {"sku": sku, "here": units} for sku, units in self.received.items()}

    def _status(self) -> dict[str, Any]:
        """Of a node that agrees with all its peers, as it has none."""
        written = sum(method != "GET" for method, _ in self.asked)
        own = {"node": self.name, "epoch": "e1", "heads": {f"{self.name}@e1": written}}
        own["counts"] = {"orders": len(self.orders)}
        return {**own, "ready": True, "digest": "d", "stock": {}, "parked": 0, "pending": {}, "peers": {}}

    def _order(self, request: httpx.Request) -> httpx.Response:
        if self.next_orders:
            answer = self.next_orders.popleft()
            if isinstance(answer, Exception):
                raise answer
            return answer
        key, body = request.headers["Idempotency-Key"], json.loads(request.content)
        if key not in self.orders and not all(self.sells(line["sku"]) for line in body["lines"]):
            return problem(409, "out_of_stock")
        if key not in self.orders:
            self.orders[key] = self._new_order(body)
        return httpx.Response(201, json=self.orders[key])

    def _new_order(self, body: Mapping[str, Any]) -> dict[str, Any]:
        number = len(self.orders) + 1
        lines = [
            {
                **line,
                "name": line["sku"],
                "unit_price_cents": self.products.get(line["sku"], {}).get("price_cents", 1),
            }
            for line in body["lines"]
        ]
        return {
            "id": f"id-{number}",
            "number": f"{self.name}-{number}",
            "branch": self.name,
            "epoch": "e1",
            "status": "placed",
            "customer": {"id": "c", "code": body["customer"], "name": body["customer"]},
            "lines": lines,
            "total_cents": sum(line["quantity"] * line["unit_price_cents"] for line in lines),
            "note": body.get("note"),
            "version": 1,
            "created_at": "2026-01-01T00:00:00Z",
            "stored_by": [],
        }


def problem(status: int, code: str, **data: Any) -> httpx.Response:
    return httpx.Response(status, json={"status": status, "code": code, "title": code, **data})
