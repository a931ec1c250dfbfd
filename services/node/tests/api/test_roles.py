"""Who may do what: every route, asked by nobody, by an operador and by an administrator."""

from collections.abc import Mapping
from typing import NamedTuple

import httpx
import pytest

from tests.api.conftest import Shop

pytestmark = pytest.mark.anyio

USER = {"username": "bia", "password": "correct horse", "role": "operador"}
PRODUCT = {"sku": "TEA", "name": "Tea", "price_cents": 1}
CUSTOMER = {"code": "BIA", "name": "Bia"}
ORDER = {"customer": "ALFKI", "lines": [{"sku": "CAFE", "quantity": 1}]}
NOBODY = "00000000-0000-0000-0000-000000000000"


class Route(NamedTuple):
    """A route, a body it takes, and the answers an operador gets and then an administrator."""

    method: str
    path: str
    body: Mapping[str, object] | None
    for_operador: int
    for_admin: int


ROUTES = [
    Route("GET", "/auth/me", None, 200, 200),
    Route("POST", "/auth/password", {}, 422, 422),
    Route("POST", "/users", USER, 403, 201),
    Route("GET", "/users", None, 403, 200),
    Route("GET", f"/users/{NOBODY}", None, 403, 404),
    Route("PATCH", f"/users/{NOBODY}", {"role": "admin"}, 403, 404),
    Route("POST", f"/users/{NOBODY}/password", {"password": "correct horse"}, 403, 404),
    Route("POST", "/customers", CUSTOMER, 201, 409),
    Route("GET", "/customers", None, 200, 200),
    Route("GET", "/customers/alfki", None, 200, 200),
    Route("PATCH", "/customers/alfki", {"city": "Berlin"}, 200, 200),
    Route("POST", "/products", PRODUCT, 403, 201),
    Route("GET", "/products", None, 200, 200),
    Route("GET", "/products/cafe", None, 200, 200),
    Route("PATCH", "/products/cafe", {"price_cents": 2}, 403, 200),
    Route("POST", "/stock/adjustments", {"sku": "CAFE", "quantity": 1, "reason": "Found"}, 201, 201),
    Route("GET", "/stock", None, 200, 200),
    Route("GET", "/stock/cafe", None, 200, 200),
    Route("POST", "/orders", ORDER, 201, 201),
    Route("GET", "/orders", None, 200, 200),
    Route("GET", f"/orders/{NOBODY}", None, 404, 404),
    Route("POST", f"/orders/{NOBODY}/cancel", None, 404, 404),
    Route("GET", "/audit", None, 403, 200),
    Route("POST", "/stock/NOPE/count", {"gone": 0}, 403, 422),
    Route("GET", "/parked", None, 403, 200),
    Route("POST", "/parked/replay", None, 403, 200),
    Route("GET", "/altered", None, 403, 200),
    Route("POST", "/altered/accept", None, 403, 200),
    Route("GET", "/members", None, 200, 200),
    Route("POST", "/members/matriz/decommission", None, 403, 409),
    Route("GET", "/status", None, 200, 200),
]


@pytest.mark.usefixtures("stocked")
@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
async def test_a_route_answers_each_role_as_it_should(
    shop: Shop, admin: httpx.AsyncClient, operador: httpx.AsyncClient, route: Route
) -> None:
    async def ask(client: httpx.AsyncClient) -> int:
        return (await client.request(route.method, route.path, json=route.body)).status_code

    before = await shop.counts()
    assert await ask(shop.client()) == 401
    assert await shop.counts() == before
    assert (await ask(operador), await ask(admin)) == (route.for_operador, route.for_admin)


async def test_every_route_of_the_api_stands_in_the_table(shop: Shop) -> None:
    open_to_all = {"/auth/login", "/healthz", "/readyz", "/problems/{code}"}
    documented = {
        (method.upper(), path)
        for path, methods in shop.app.openapi()["paths"].items()
        for method in methods
        if path not in open_to_all and not path.startswith("/replica/")
    }
    assert len(documented) == len(ROUTES)


async def test_a_client_token_opens_no_door_between_nodes(admin: httpx.AsyncClient) -> None:
    token = admin.headers["Authorization"].removeprefix("Bearer ")
    for path in ("/replica/hello", "/replica/event", "/replica/transfer"):
        for headers in ({}, {"X-Replica-Token": token}):
            answer = await admin.post(path, json={}, headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (401, "replica_token_refused")


async def test_a_replica_token_opens_no_door_for_clients(shop: Shop) -> None:
    token = shop.node.replica_tokens.issue(
        "matriz", epoch="e", method="GET", path="/orders", body=b"", receiver_now=shop.node.clock.wall()
    )
    headers = {"Authorization": f"Bearer {token}", "X-Replica-Token": token}
    assert (await shop.client(**headers).get("/orders")).status_code == 401
