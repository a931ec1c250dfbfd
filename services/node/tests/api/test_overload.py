"""More requests than a node can answer in time: what is refused, what is left of it, and who is served."""

import asyncio
import json
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import pytest
from starlette.types import Message, Scope

from app.api import AT_ONCE
from app.api.admission import PASS
from app.api.edge import Edge
from app.api.front import Front, Glance, Refused, glance
from app.domain.errors import CallerGone
from app.services.admission import Lane, Pass
from app.state.commands.order_commands import PlaceOrder
from tests.api.conftest import Shop
from tests.support.asgi import http_scope
from tests.support.branch import ACTOR

pytestmark = pytest.mark.anyio

ORDER = {"customer": "ALFKI", "lines": [{"sku": "CAFE", "quantity": 1}]}


def full(shop: Shop, name: Any = "commands") -> list[Pass]:
    """Requests that take every place of a lane, and its queue."""
    lane: Lane = shop.node.admission.lane(name)
    taken = []
    while not lane.refuses(size=0):
        taken.append(lane.admit(size=0))
    return taken


def scope_of(client: httpx.AsyncClient, **headers: str) -> Scope:
    sent = {
        "content-type": "application/json",
        "content-length": str(len(json.dumps(ORDER))),
        "authorization": client.headers["Authorization"],
        **headers,
    }
    return http_scope("POST", "/orders", sent)


@pytest.mark.usefixtures("stocked")
async def test_a_refused_order_stored_nothing_and_its_key_can_be_used_again(
    shop: Shop, admin: httpx.AsyncClient
) -> None:
    before = await shop.counts()
    taken = full(shop)
    headers = {"Idempotency-Key": "k"}
    refused = await admin.post("/orders", json=ORDER, headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (503, "overloaded")
    assert refused.headers["Retry-After"] in ("1", "2")
    assert await shop.counts() == before
    for one in taken:
        one.leave()
    placed, repeated = [await admin.post("/orders", json=ORDER, headers=headers) for _ in range(2)]
    assert (placed.status_code, repeated.json()["id"]) == (201, placed.json()["id"])


async def test_a_refusal_comes_before_the_body_is_read(shop: Shop, admin: httpx.AsyncClient) -> None:
    full(shop)
    answered: list[Message] = []

    async def receive() -> Message:
        raise AssertionError("the body is asked for")

    async def send(message: Message) -> None:
        answered.append(message)

    await shop.app(scope_of(admin), receive, send)
    assert answered[0]["status"] == 503


@pytest.mark.parametrize(
    ("full_lane", "served"),
    [("commands", ["reads", "status"]), ("reads", ["commands", "status"]), ("replica", ["commands"])],
)
@pytest.mark.usefixtures("stocked")
async def test_a_full_lane_takes_nothing_from_the_others(
    shop: Shop, admin: httpx.AsyncClient, full_lane: str, served: list[str]
) -> None:
    full(shop, full_lane)
    answers = {
        "commands": await admin.post("/orders", json=ORDER),
        "reads": await admin.get("/orders"),
        "status": await admin.get("/status"),
        "replica": await shop.client().post("/replica/hello", json={}),
    }
    assert answers[full_lane].json()["code"] == "overloaded"
    assert [answers[lane].status_code for lane in served] == [
        {"commands": 201, "reads": 200, "status": 200}[lane] for lane in served
    ]
    assert (await admin.get("/healthz")).status_code == 200


@pytest.mark.usefixtures("stocked")
async def test_the_order_of_a_client_that_hung_up_is_not_executed(
    shop: Shop, admin: httpx.AsyncClient
) -> None:
    """It hangs up while its order waits for a place."""
    before = await shop.counts()
    lane = shop.node.admission.lane("commands")
    begun = [lane.admit(size=0) for _ in range(shop.node.settings.commands_together)]
    messages: Iterator[Message] = iter(
        [
            {"type": "http.request", "body": json.dumps(ORDER).encode(), "more_body": False},
            {"type": "http.disconnect"},
        ]
    )

    async def receive() -> Message:
        return next(messages)

    async def send(_message: Message) -> None:
        pass

    request = asyncio.create_task(shop.app(scope_of(admin), receive, send))
    await asyncio.sleep(0.01)
    for one in begun:
        one.leave()
    await request
    assert await shop.counts() == before


@pytest.mark.usefixtures("stocked")
async def test_a_client_that_hangs_up_in_the_queue_of_the_writer_bought_nothing(
    shop: Shop, admin: httpx.AsyncClient
) -> None:
    """The last look at the client is inside the writer's transaction."""
    before = await shop.counts()

    order = PlaceOrder(customer="ALFKI", lines=(("CAFE", 1),))
    (leaving,) = [shop.node.admission.lane("commands").admit(size=0)]
    placing = asyncio.create_task(
        shop.node.orders.place(order, actor=ACTOR, key="k", request_hash="h", caller=leaving)
    )
    await asyncio.sleep(0)  # it was submitted
    leaving.gone = True
    with pytest.raises(CallerGone):
        await placing
    assert await shop.counts() == before
    await shop.node.orders.place(order, actor=ACTOR, key="k", request_hash="h")
    assert (await shop.counts())["orders"] == before["orders"] + 1


@pytest.mark.usefixtures("stocked")
async def test_places_come_back_after_every_kind_of_answer(shop: Shop, admin: httpx.AsyncClient) -> None:
    bodies: list[Mapping[str, Any]] = [ORDER, {}, {**ORDER, "customer": "NOBODY"}]
    for _ in range(20):
        for body in bodies:
            await admin.post("/orders", json=body)
        await admin.get("/orders")
    assert not shop.node.admission.lane("commands").refuses(size=0)
    assert not shop.node.admission.lane("reads").refuses(size=0)


async def test_a_class_of_64_that_orders_at_one_instant_has_its_places_by_default(shop: Shop) -> None:
    lane = shop.node.admission.lane("commands")
    assert all(lane.admit(size=0).holds for _ in range(64))


# On bytes


def request_of(client: httpx.AsyncClient, *, headers: Mapping[str, str] | None = None) -> bytes:
    body = json.dumps(ORDER).encode()
    sent = {
        "Host": "matriz",
        "Authorization": client.headers["Authorization"],
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        **(headers or {}),
    }
    lines = ["POST /orders HTTP/1.1", *(f"{name}: {value}" for name, value in sent.items())]
    return "\r\n".join([*lines, "", ""]).encode() + body


def seen(data: bytes) -> Glance:
    """What is seen of a whole, plain request."""
    found = glance(data)
    assert found is not None
    return found


@pytest.mark.parametrize("language", ["en", "pt-BR"])
async def test_a_request_is_refused_on_bytes_as_the_application_refuses_it(
    shop: Shop, admin: httpx.AsyncClient, language: str
) -> None:
    full(shop)
    headers = {"Accept-Language": language, "X-Request-Id": "visit-7"}
    asked = await admin.post("/orders", json=ORDER, headers=headers)
    found = Front(shop.app).decide(seen(request_of(admin, headers=headers)))
    assert isinstance(found, Refused)
    head, _, body = found.answer.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    named = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    for answered in (said := json.loads(body), expected := asked.json()):
        assert answered.pop("retry_after_seconds") > 0
    assert (first, said) == ("HTTP/1.1 503 Service Unavailable", expected)
    assert named["content-length"] == str(len(body))
    for name in asked.headers.keys() - {"retry-after", "content-length"}:
        assert named[name] == asked.headers[name]


async def test_a_request_that_is_let_in_on_bytes_has_its_place(shop: Shop, admin: httpx.AsyncClient) -> None:
    found = Front(shop.app).decide(seen(request_of(admin)))
    assert isinstance(found, Pass)
    assert found.holds


async def test_a_place_taken_on_bytes_is_used_and_given_back(
    shop: Shop, admin: httpx.AsyncClient, stocked: None
) -> None:
    found = Front(shop.app).decide(seen(request_of(admin)))
    body = json.dumps(ORDER).encode()
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]
    answered: list[Message] = []

    async def receive() -> Message:
        if messages:
            return messages.pop()
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: Message) -> None:
        answered.append(message)

    await shop.app({**scope_of(admin), "state": {PASS: found}}, receive, send)
    assert answered[0]["status"] == 201
    assert isinstance(found, Pass)
    assert not found.holds


@pytest.mark.parametrize("headers", [{}, {"content-type": "text/plain"}, {"authorization": "Bearer no"}])
async def test_a_place_taken_on_bytes_is_given_back_wherever_the_request_ends(
    shop: Shop, admin: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    found = Front(shop.app).decide(seen(request_of(admin)))

    async def receive() -> Message:
        return {"type": "http.disconnect"}  # it is gone before its body was read

    async def send(_message: Message) -> None:
        """Nobody reads the answer."""

    scope = {**scope_of(admin, **headers), "state": {PASS: found}}
    await Edge(shop.app, routes=AT_ONCE, api=shop.app)(scope, receive, send)
    assert isinstance(found, Pass)
    assert not found.holds


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"GET /orders HTTP/1.1\r\nHost: a\r\n",
        b"GET /orders HTTP/1.0\r\nHost: a\r\n\r\n",
        b"GET http://a/orders HTTP/1.1\r\nHost: a\r\n\r\n",
        b"POST /orders HTTP/1.1\r\nContent-Length: 2\r\n\r\n{",
        b"POST /orders HTTP/1.1\r\nContent-Length: 1\r\n\r\n{}",
        b"POST /orders HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST /orders HTTP/1.1\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
        b"POST /orders HTTP/1.1\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}",
        b"POST /orders HTTP/1.1\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n{}",
        b"GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n",
    ],
)
def test_what_is_not_exactly_one_plain_request_takes_the_long_way(data: bytes) -> None:
    assert glance(data) is None


@pytest.mark.parametrize("path", ["/replica/event", "/healthz", "/auth/login", "/status"])
async def test_what_has_no_lane_of_clients_takes_the_long_way(shop: Shop, path: str) -> None:
    for lane in ("commands", "reads", "status"):
        full(shop, lane)
    request = f"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"
    assert Front(shop.app).decide(seen(request.encode())) is None


async def test_who_comes_again_too_early_is_refused_in_the_same_words(
    shop: Shop, admin: httpx.AsyncClient
) -> None:
    full(shop)
    front, asked = Front(shop.app), seen(request_of(admin, headers={"X-Request-Id": "visit-7"}))
    first = front.decide(asked)
    assert isinstance(first, Refused)
    assert first.repetition is not None
    assert first.repetition.is_turned_away()
    again = first.repetition.refuse(asked)
    told = [json.loads(one.answer.partition(b"\r\n\r\n")[2]) for one in (first, again)]
    assert [one.pop("retry_after_seconds") for one in told] == [
        pytest.approx(one.seconds, abs=0.001) for one in (first, again)
    ]
    assert told[0] == told[1]
