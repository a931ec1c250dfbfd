"""Every answer has its safe headers, and no answer repeats the host that a client names."""

from unittest import mock

import httpx
import pytest

from app.api.safe_headers import SAFE_HEADERS
from app.config import read_settings
from app.state.tables import products
from tests.api.conftest import ADMIN_PASSWORD, ENVIRONMENT, Shop

pytestmark = pytest.mark.anyio


@pytest.fixture
def named(shop: Shop) -> Shop:
    """A node that answers to two names only."""
    allowed = {"ALLOWED_HOSTS": "Matriz, [::1]", "DATABASE_PATH": str(shop.node.settings.database_path)}
    shop.node.settings = read_settings({**ENVIRONMENT, **allowed})
    return shop


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/healthz", 200),
        ("GET", "/orders", 401),
        ("GET", "/nowhere", 404),
        ("PUT", "/orders", 405),
        ("POST", "/orders", 401),
        ("POST", "/auth/login", 415),
        ("GET", "/openapi.json", 200),
    ],
)
async def test_no_answer_is_kept_framed_or_taken_for_something_else(
    shop: Shop, method: str, path: str, status: int
) -> None:
    answer = await shop.client().request(method, path, content=b"{}" if method == "POST" else None)
    assert answer.status_code == status
    assert {name: answer.headers.get_list(name) for name in SAFE_HEADERS} == {
        name: [value] for name, value in SAFE_HEADERS.items()
    }


async def test_an_error_of_the_nodes_own_has_the_headers_too(admin: httpx.AsyncClient) -> None:
    with mock.patch.object(products, "page", side_effect=RuntimeError):
        answer = await admin.get("/products")
    assert answer.status_code == 500
    assert answer.headers.get_list("X-Content-Type-Options") == ["nosniff"]


async def test_a_token_is_kept_by_no_cache(shop: Shop) -> None:
    form = {"username": "admin", "password": ADMIN_PASSWORD}
    answer = await shop.client().post("/auth/login", data=form)
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")


@pytest.mark.parametrize("path", ["/orders/", "/products/", "/auth/login/", "/replica/hello/", "/healthz/"])
async def test_nothing_is_redirected_to_the_host_that_the_client_named(shop: Shop, path: str) -> None:
    for method in ("GET", "POST"):
        answer = await shop.client().request(method, path, headers={"Host": "evil.example"})
        assert answer.status_code in (401, 404, 405)
        assert "evil.example" not in f"{answer.headers} {answer.text}"


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("matriz", 200),
        ("MATRIZ:18001", 200),
        ("[::1]:18001", 200),
        ("[::1]", 200),
        ("evil.example", 400),
        ("matriz.evil.example:18001", 400),
        ("", 400),
    ],
)
async def test_only_the_names_that_are_allowed_are_answered(named: Shop, host: str, status: int) -> None:
    answer = await named.client().get("/healthz", headers={"Host": host})
    assert answer.status_code == status
    if status == 400:
        assert answer.json()["code"] == "unknown_host"


async def test_without_the_setting_every_name_is_answered(shop: Shop) -> None:
    assert (await shop.client().get("/healthz", headers={"Host": "anything.example"})).status_code == 200


async def test_a_token_between_nodes_that_is_refused_sends_nobody_to_the_login(shop: Shop) -> None:
    headers = {"X-Replica-Token": "a.b.c", "Content-Type": "application/json"}
    answer = await shop.client().post("/replica/hello", content=b"{}", headers=headers)
    document = answer.json()
    assert (answer.status_code, document["code"]) == (401, "replica_token_refused")
    assert "REPLICA_SECRET" in document["detail"]
    assert "/auth/login" not in document["detail"]
