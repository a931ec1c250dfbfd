"""/auth: logging in, tokens that end, one's own password."""

import asyncio

import httpx
import pytest

from tests.api.conftest import ADMIN_PASSWORD, OPERADOR_PASSWORD, Shop

pytestmark = pytest.mark.anyio

NEW_PASSWORD = "a much better password"


async def log_in(client: httpx.AsyncClient, username: str, password: str) -> httpx.Response:
    return await client.post("/auth/login", data={"username": username, "password": password})


async def test_a_login_answers_a_bearer_token_for_eight_hours(shop: Shop) -> None:
    answer = await log_in(shop.client(), "admin", ADMIN_PASSWORD)
    assert answer.status_code == 200
    assert {**answer.json(), "access_token": "…"} == {
        "access_token": "…",
        "token_type": "bearer",
        "expires_in": 28_800,
    }


async def test_the_token_tells_the_node_who_asks(operador: httpx.AsyncClient) -> None:
    me = (await operador.get("/auth/me")).json()
    assert {**me, "id": "…"} == {"id": "…", "username": "ana", "role": "operador", "active": True}


async def test_a_username_counts_in_any_spelling(shop: Shop) -> None:
    assert (await log_in(shop.client(), " ADMIN ", ADMIN_PASSWORD)).status_code == 200


@pytest.mark.parametrize(
    ("username", "password"),
    [
        ("admin", "wrong"),
        ("nobody", ADMIN_PASSWORD),
        ("admin", ADMIN_PASSWORD + "x" * 72),  # bcrypt would raise
        ("admin", ADMIN_PASSWORD + "\0"),
        ("x" * 5000, ADMIN_PASSWORD),
        ("admin\0", ADMIN_PASSWORD),
        (" ", " "),
    ],
)
async def test_wrong_credentials_are_all_refused_in_the_same_words(
    shop: Shop, username: str, password: str
) -> None:
    answer = await log_in(shop.client(), username, password)
    assert (answer.status_code, answer.json()["reason"]) == (401, "wrong_credentials")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


async def test_a_deactivated_user_is_refused_like_a_wrong_password(
    shop: Shop, admin: httpx.AsyncClient, operador: httpx.AsyncClient
) -> None:
    user_id = (await operador.get("/auth/me")).json()["id"]
    await admin.patch(f"/users/{user_id}", json={"active": False})
    answer = await log_in(shop.client(), "ana", OPERADOR_PASSWORD)
    assert (answer.status_code, answer.json()["reason"]) == (401, "wrong_credentials")


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({"username": "admin"}, "password"),
        ({"password": "x"}, "username"),
        ({}, "username"),
        ({"username": "admin", "password": "x", "grant_type": "refresh_token"}, "grant_type"),
    ],
)
async def test_a_login_form_with_a_gap_names_it(shop: Shop, form: dict[str, str], field: str) -> None:
    answer = await shop.client().post("/auth/login", data=form)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]


async def test_a_login_as_json_is_told_the_form_it_takes(shop: Shop) -> None:
    answer = await shop.client().post("/auth/login", json={"username": "admin", "password": ADMIN_PASSWORD})
    assert (answer.status_code, answer.json()["expected"]) == (415, "application/x-www-form-urlencoded")


@pytest.mark.parametrize("body", [b"%", b"&&==;", b"username=%ff&password=%00", b"\xff\xfe", b"a" * 16_384])
async def test_a_mangled_login_form_is_refused_and_nothing_breaks(shop: Shop, body: bytes) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = await shop.client().post("/auth/login", content=body, headers=form)
    assert answer.status_code in {400, 401, 422}


@pytest.mark.parametrize(
    "authorization", [None, "", "Bearer", "Bearer ", "Bearer x.y.z", "Basic YWRtaW46eA==", "Bearer \xff\xfe"]
)
async def test_no_token_and_a_bad_token_are_401(shop: Shop, authorization: str | None) -> None:
    headers = [] if authorization is None else [(b"Authorization", authorization.encode("latin-1"))]
    answer = await shop.client().get("/orders", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


async def test_a_token_expires(admin: httpx.AsyncClient) -> None:
    await asyncio.sleep(28_799)
    assert (await admin.get("/auth/me")).status_code == 200
    await asyncio.sleep(1)
    answer = await admin.get("/auth/me")
    assert (answer.status_code, answer.json()["reason"]) == (401, "expired_token")


@pytest.mark.parametrize("change", [{"role": "admin"}, {"active": False}])
async def test_a_change_of_rights_ends_the_tokens_in_use(
    admin: httpx.AsyncClient, operador: httpx.AsyncClient, change: dict[str, object]
) -> None:
    user_id = (await operador.get("/auth/me")).json()["id"]
    assert (await admin.patch(f"/users/{user_id}", json=change)).status_code == 200
    answer = await operador.get("/auth/me")
    assert (answer.status_code, answer.json()["reason"]) == (401, "ended_token")


async def test_a_new_password_ends_the_old_tokens_and_answers_a_new_one(
    shop: Shop, operador: httpx.AsyncClient
) -> None:
    change = {"current_password": OPERADOR_PASSWORD, "new_password": NEW_PASSWORD}
    answer = await operador.post("/auth/password", json=change)
    assert answer.status_code == 200
    assert (await operador.get("/auth/me")).status_code == 401
    operador.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
    assert (await operador.get("/auth/me")).status_code == 200
    assert (await log_in(shop.client(), "ana", OPERADOR_PASSWORD)).status_code == 401
    assert (await log_in(shop.client(), "ana", NEW_PASSWORD)).status_code == 200


@pytest.mark.parametrize(
    ("current", "new", "field", "reason"),
    [
        ("wrong password", NEW_PASSWORD, "current_password", "wrong_password"),
        (OPERADOR_PASSWORD, "tiny", "new_password", "password_too_short"),
        (OPERADOR_PASSWORD, "é" * 37, "new_password", "password_too_long"),
        (OPERADOR_PASSWORD, "x" * 12 + "\0", "new_password", "control_character"),
    ],
)
async def test_a_password_that_cannot_be_changed_says_why_and_is_not_repeated(
    operador: httpx.AsyncClient, current: str, new: str, field: str, reason: str
) -> None:
    answer = await operador.post("/auth/password", json={"current_password": current, "new_password": new})
    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert (error["field"], error["reason"]) == (field, reason)
    assert new not in answer.text
    assert (await operador.get("/auth/me")).status_code == 200


async def test_the_sixth_try_after_five_failures_waits(shop: Shop) -> None:
    client = shop.client()
    for _ in range(5):
        assert (await log_in(client, "admin", "wrong")).status_code == 401
    answer = await log_in(client, "Admin", ADMIN_PASSWORD)
    assert (answer.status_code, answer.json()["code"]) == (429, "throttled")
    assert answer.headers["Retry-After"] == "1"
    await asyncio.sleep(1)
    assert (await log_in(client, "admin", ADMIN_PASSWORD)).status_code == 200


async def test_of_many_guesses_at_once_only_the_first_five_are_answered(shop: Shop) -> None:
    """One is checked and sixteen wait; for the others there is no place."""
    client = shop.client()
    answers = await asyncio.gather(*(log_in(client, "admin", f"guess {n}") for n in range(20)))
    assert sorted(answer.status_code for answer in answers) == [401] * 5 + [429] * 12 + [503] * 3
    assert {answer.json()["code"] for answer in answers if answer.status_code == 503} == {"logins_busy"}


async def test_guesses_from_elsewhere_lock_nobody_else_out(shop: Shop) -> None:
    for _ in range(6):
        await log_in(shop.client(address="10.6.6.6"), "admin", "wrong")
    assert (await log_in(shop.client(), "admin", ADMIN_PASSWORD)).status_code == 200


async def test_the_password_route_is_throttled_like_a_login(operador: httpx.AsyncClient) -> None:
    body = {"current_password": "wrong", "new_password": NEW_PASSWORD}
    statuses = [(await operador.post("/auth/password", json=body)).status_code for _ in range(6)]
    assert statuses == [422] * 5 + [429]
