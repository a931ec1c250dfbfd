"""Whatever is sent, the answer is a problem in the 400s, and nothing is half-written."""

import json
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.api.conftest import Shop

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
# Bodies that are right but for one thing get deeper than bodies that are wrong throughout.
RIGHT: dict[tuple[str, str], dict[str, Any]] = {
    ("POST", "/users"): {"username": "bia", "password": "correct horse", "role": "operador"},
    ("POST", "/customers"): {"code": "BIA", "name": "Bia", "email": "bia@example.com"},
    ("POST", "/products"): {"sku": "TEA", "name": "Tea", "price_cents": 1},
    ("POST", "/stock/adjustments"): {"sku": "CAFE", "quantity": 1, "reason": "Found", "share": "keep"},
    ("POST", "/orders"): {"customer": "ALFKI", "lines": [{"sku": "CAFE", "quantity": 1}], "note": "x"},
    ("POST", "/auth/password"): {"current_password": "correct horse", "new_password": "battery staple"},
    ("PATCH", "/customers/alfki"): {"name": "Alfreds", "city": "Berlin"},
    ("PATCH", "/products/cafe"): {"name": "Café", "price_cents": 2},
}
"""A body each route would take, by method and path."""


@st.composite
def damaged(draw: st.DrawFn) -> tuple[str, str, bytes]:
    """A route and a body with one field replaced, removed or added, or no such body at all."""
    method, path = draw(st.sampled_from(sorted(RIGHT)))
    body: Any = dict(RIGHT[method, path])
    if draw(st.booleans()):
        body = draw(JSON_VALUES)
    else:
        body[draw(st.sampled_from(sorted(body)) | st.text(max_size=8))] = draw(JSON_VALUES)
    sent = json.dumps(body).encode()
    return method, path, draw(st.sampled_from([sent, sent, sent, sent[:-1], b"\xff" + sent]))


@pytest.mark.whole
@pytest.mark.anyio
@pytest.mark.usefixtures("stocked")
async def test_no_body_whatever_breaks_a_route(shop: Shop, admin: httpx.AsyncClient) -> None:
    """Accepted bodies (some damage is harmless) write whole rows; refused ones write nothing at all."""
    cases: list[tuple[str, str, bytes]] = []

    @settings(max_examples=400)
    @given(damaged())
    def collect(case: tuple[str, str, bytes]) -> None:
        cases.append(case)

    collect()
    for method, path, body in cases:
        before = await shop.counts()
        answer = await admin.request(method, path, content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code < 500, (method, path, body, answer.text)
        if answer.status_code >= 400:
            assert answer.headers["Content-Type"] == "application/problem+json"
            assert await shop.counts() == before, (method, path, body)
        elif path == "/auth/password":
            admin.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"


AWKWARD = [
    "%00",
    "%ff",
    "%ED%A0%80",
    "..%2f..",
    "a" * 3000,
    "%F0%9F%8D%B5",
    "'; DROP TABLE users",
    "%25",
    "*",
]


@pytest.mark.anyio
@pytest.mark.parametrize("reference", AWKWARD)
async def test_no_reference_whatever_breaks_a_route(admin: httpx.AsyncClient, reference: str) -> None:
    for path in ("/users/{}", "/customers/{}", "/products/{}", "/stock/{}", "/orders/{}", "/problems/{}"):
        answer = await admin.get(path.format(reference))
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), path


@pytest.mark.anyio
async def test_deep_and_huge_json_is_refused_and_nothing_breaks(admin: httpx.AsyncClient) -> None:
    headers = {"Content-Type": "application/json"}
    for body in (
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"sku":' + b"9" * 100_000 + b"}",
        b"NaN",
        b'"\\ud800"',
    ):
        answer = await admin.post("/products", content=body, headers=headers)
        assert answer.status_code in {400, 422}
