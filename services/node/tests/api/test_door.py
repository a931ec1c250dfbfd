"""What is judged before a route is reached: the token before the body, the body's size, time, type and room,
and how many requests an address sends without a token."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from app.api.door import CLIENT_BODY_BYTES, LOGIN_BODY_BYTES, REPLICA_BODY_BYTES
from app.security.body_budget import BodyBudget
from app.security.buckets import Buckets
from tests.api.conftest import ADMIN_PASSWORD, Shop
from tests.support.uploads import upload
from tests.support.virtual import eventually

pytestmark = pytest.mark.anyio

JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
PRODUCT = b'{"sku":"CAFE","name":"Cafe","price_cents":1}'
PIECE = b" " * 65_536


async def endless(chunks: int) -> AsyncIterator[bytes]:
    for _ in range(chunks):
        yield PIECE


def bearer(client: httpx.AsyncClient) -> dict[str, str]:
    return {"Authorization": client.headers["Authorization"]}


def member(shop: Shop, path: str) -> dict[str, str]:
    """The header of a request by a node of the network, for an empty body."""
    token = shop.node.replica_tokens.issue(
        "matriz", epoch="an epoch", method="POST", path=path, body=b"", receiver_now=shop.node.clock.wall()
    )
    return {"X-Replica-Token": token}


# The token before the body.


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("POST", "/replica/nowhere", 404, "not_found"),
        ("POST", "/nowhere", 404, "not_found"),
        ("POST", "/healthz", 405, "method_not_allowed"),
        ("POST", "/replica/hello", 401, "replica_token_refused"),
        ("POST", "/orders", 401, "unauthenticated"),
        ("PATCH", "/products/cafe", 401, "unauthenticated"),
        ("GET", "/orders", 401, "unauthenticated"),
    ],
)
async def test_of_a_request_without_a_token_no_body_is_read(
    shop: Shop, method: str, path: str, status: int, code: str
) -> None:
    answer = await upload(shop.app, path, [PIECE] * 128, headers={}, method=method)
    assert (answer.status, answer.document["code"], answer.read) == (status, code, 0)


@pytest.mark.parametrize("authorization", ["Bearer x.y.z", "Basic YWRtaW46eA==", "Bearer "])
async def test_of_a_request_with_a_bad_token_no_body_is_read(shop: Shop, authorization: str) -> None:
    answer = await upload(shop.app, "/orders", [PIECE], headers={"Authorization": authorization})
    assert (answer.status, answer.headers["www-authenticate"], answer.read) == (401, "Bearer", 0)


async def test_a_replica_token_is_checked_before_the_body_in_all_that_needs_none(shop: Shop) -> None:
    other_path = member(shop, "/replica/hello")
    answer = await upload(shop.app, "/replica/event", [PIECE], headers=other_path)
    assert (answer.status, answer.document["reason"], answer.read) == (401, "other_path", 0)
    fitting = await shop.client(**member(shop, "/replica/event")).post(
        "/replica/event", content=b"{}", headers=JSON
    )
    assert (fitting.status_code, fitting.json()["reason"]) == (401, "other_body")


async def test_a_token_of_the_other_kind_lets_no_body_in(shop: Shop, admin: httpx.AsyncClient) -> None:
    clients = admin.headers["Authorization"].removeprefix("Bearer ")
    answers = [
        await upload(shop.app, "/replica/event", [PIECE], headers={"X-Replica-Token": clients}),
        await upload(
            shop.app,
            "/orders",
            [PIECE],
            headers={"Authorization": f"Bearer {member(shop, '/orders')['X-Replica-Token']}"},
        ),
    ]
    assert [(answer.status, answer.read) for answer in answers] == [(401, 0), (401, 0)]


async def test_every_route_with_a_body_but_the_login_asks_for_a_token(shop: Shop) -> None:
    """The door takes that for granted."""
    found = [
        path
        for path, methods in shop.app.openapi()["paths"].items()
        for method, operation in methods.items()
        if method in ("post", "put", "patch") and not operation.get("security")
    ]
    assert found == ["/auth/login"]


# The size of a body.


async def test_a_body_over_the_limit_is_413_whether_its_length_is_stated_or_not(
    shop: Shop, admin: httpx.AsyncClient
) -> None:
    limits = {
        "/orders": (CLIENT_BODY_BYTES, bearer(admin)),
        "/replica/event": (REPLICA_BODY_BYTES, member(shop, "/replica/event")),
        "/auth/login": (LOGIN_BODY_BYTES, {}),
    }
    for path, (limit, headers) in limits.items():
        client = shop.client(**headers, **JSON)
        stated = await client.post(path, content=b" " * (limit + 1))
        streamed = await client.post(path, content=endless(limit // len(PIECE) + 1))
        for answer in (stated, streamed):
            assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
            assert answer.json()["limit"] == limit


async def test_a_body_at_the_limit_is_read(admin: httpx.AsyncClient) -> None:
    padded = PRODUCT + b" " * (CLIENT_BODY_BYTES - len(PRODUCT))
    assert (await admin.post("/products", content=padded, headers=JSON)).status_code == 201


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Type": "application/json"}, 201),
        ({"Content-Type": "application/json; charset=utf-8"}, 201),
        ({"Content-Type": "Application/JSON", "Content-Encoding": "identity"}, 201),
        ({"Content-Type": "text/plain"}, 415),
        ({}, 415),
        ({"Content-Type": "application/json", "Content-Encoding": "gzip"}, 415),
        ({"Content-Type": "multipart/form-data; boundary=x"}, 415),
    ],
)
async def test_a_body_is_plain_json(admin: httpx.AsyncClient, headers: dict[str, str], status: int) -> None:
    assert (await admin.post("/products", content=PRODUCT, headers=headers)).status_code == status


async def test_half_a_request_has_no_effect_and_no_answer(shop: Shop, admin: httpx.AsyncClient) -> None:
    """The client went away after a part that would have been a whole body."""
    before = await shop.counts()
    answer = await upload(shop.app, "/products", [PRODUCT], headers=bearer(admin), then="leave")
    assert (answer.status, await shop.counts()) == (None, before)


# The time and the room that a body has.


async def test_a_body_that_stalls_is_408(shop: Shop, admin: httpx.AsyncClient) -> None:
    began = shop.node.clock.monotonic()
    answer = await upload(shop.app, "/products", [PRODUCT], headers=bearer(admin))
    assert (answer.status, answer.document["code"]) == (408, "slow_body")
    assert shop.node.clock.monotonic() - began == pytest.approx(10, abs=0.1)


async def test_a_body_that_trickles_is_408_though_it_never_stalls(
    shop: Shop, admin: httpx.AsyncClient
) -> None:
    began = shop.node.clock.monotonic()
    answer = await upload(shop.app, "/products", [b" "] * 100, every=3, headers=bearer(admin))
    assert (answer.status, answer.document["code"]) == (408, "slow_body")
    assert shop.node.clock.monotonic() - began == pytest.approx(10, abs=0.1)


async def test_a_long_body_has_longer(shop: Shop, admin: httpx.AsyncClient) -> None:
    pieces = [*([PIECE] * 14), PRODUCT]
    answer = await upload(shop.app, "/products", pieces, every=1, whole=True, headers=bearer(admin))
    assert answer.status == 201


async def test_bodies_together_stay_within_one_budget(shop: Shop, admin: httpx.AsyncClient) -> None:
    shop.node.bodies = BodyBudget(4 * 3 * len(PIECE))  # a quarter of it is for clients
    stalled = [
        asyncio.create_task(upload(shop.app, "/products", [PIECE], headers=bearer(admin))) for _ in range(3)
    ]
    await eventually(lambda: shop.node.bodies.held == 3 * len(PIECE))
    refused = await admin.post("/products", content=PRODUCT, headers=JSON)
    assert (refused.status_code, refused.json()["code"], refused.headers["Retry-After"]) == (
        503,
        "bodies_full",
        "1",
    )
    await asyncio.gather(*stalled)
    assert shop.node.bodies.held == 0
    assert (await admin.post("/products", content=PRODUCT, headers=JSON)).status_code == 201
    assert shop.node.bodies.held == 0


async def test_bodies_of_logins_never_fill_the_room_of_clients(shop: Shop, admin: httpx.AsyncClient) -> None:
    shop.node.bodies = BodyBudget(8 * 1000)
    stalled = asyncio.create_task(upload(shop.app, "/auth/login", [b"u" * 1000], headers=FORM))
    await eventually(lambda: shop.node.bodies.held == 1000)
    refused = await shop.client().post("/auth/login", data={"username": "admin", "password": ADMIN_PASSWORD})
    assert (refused.status_code, refused.json()["code"]) == (503, "bodies_full")
    assert (await admin.post("/products", content=PRODUCT, headers=JSON)).status_code == 201
    await stalled


# The rate of requests without a token.


async def test_an_address_without_a_token_is_slowed_down_and_nobody_else(
    shop: Shop, admin: httpx.AsyncClient
) -> None:
    shop.node.unproven_requests = Buckets(size=5, per_second=1)
    client = shop.client()
    statuses = [(await client.get("/orders")).status_code for _ in range(4)]
    statuses.append((await client.get("/healthz")).status_code)
    assert statuses == [401, 401, 401, 401, 200]
    for path in ("/orders", "/healthz", "/nowhere"):
        refused = await client.get(path)
        assert (refused.status_code, refused.json()["code"]) == (429, "too_many_requests")
        assert refused.headers["Retry-After"] == "1"
    assert (await shop.client(address="10.0.0.2").get("/healthz")).status_code == 200
    assert (await admin.get("/orders")).status_code == 200  # from the same address, with a token
    await asyncio.sleep(1)
    assert (await client.get("/healthz")).status_code == 200


async def test_requests_with_a_token_are_not_counted(shop: Shop, admin: httpx.AsyncClient) -> None:
    shop.node.unproven_requests = Buckets(size=1, per_second=1)
    assert [(await admin.get("/orders")).status_code for _ in range(5)] == [200] * 5
    assert (await shop.client().get("/healthz")).status_code == 200


# Logins.


async def test_a_client_that_hung_up_before_its_turn_costs_no_hash(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked = _counted_checks(shop, monkeypatch)
    form = b"username=admin&password=wrong"
    answer = await upload(shop.app, "/auth/login", [form], headers=FORM, whole=True, then="leave")
    assert (answer.document["code"], len(checked)) == ("logins_busy", 0)
    await upload(shop.app, "/auth/login", [form], headers=FORM, whole=True)
    assert len(checked) == 1


async def test_a_flood_of_new_names_costs_few_hashes_and_keeps_out_nobody_who_is_known(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    await shop.log_in("admin", ADMIN_PASSWORD)
    checked = _counted_checks(shop, monkeypatch)
    shop.executor.seconds = 0.25
    client = shop.client()
    flood = [
        asyncio.create_task(client.post("/auth/login", data={"username": f"n{n}", "password": "x"}))
        for n in range(1000)
    ]
    await eventually(lambda: shop.node.logins.waiting == 16)
    began = shop.node.clock.monotonic()
    await shop.log_in("admin", ADMIN_PASSWORD)
    assert shop.node.clock.monotonic() - began <= 0.5  # to look the admin up, and its own check
    statuses = [answer.status_code for answer in await asyncio.gather(*flood)]
    assert {*statuses} <= {401, 429, 503}
    assert len(checked) == statuses.count(401) + 1


async def test_refused_logins_cost_neither_a_hash_nor_a_look_at_the_users(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = shop.client()
    for number in range(30):
        await client.post("/auth/login", data={"username": f"n{number}", "password": "x"})
    checked = _counted_checks(shop, monkeypatch)
    looked_up = shop.executor.runs
    refused = [await client.post("/auth/login", data={"username": "admin", "password": "x"}) for _ in "ab"]
    assert [(answer.status_code, answer.json()["code"]) for answer in refused] == [(429, "throttled")] * 2
    assert (checked, shop.executor.runs) == ([], looked_up)


def _counted_checks(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The passwords that are checked from now on."""
    checked: list[str] = []
    check = shop.node.passwords.check

    async def counted(password: str, password_hash: str | None) -> bool:
        checked.append(password)
        return await check(password, password_hash)

    monkeypatch.setattr(shop.node.passwords, "check", counted)
    return checked
