"""A token whose verdict is remembered ends as soon as the user is written, whoever wrote them."""

from collections.abc import Callable
from dataclasses import replace

import httpx
import pytest

from app.database import Transaction
from app.domain.lww import Stamp
from app.domain.user import User
from app.state.tables import user_rows, users
from tests.api.conftest import Shop
from tests.support.branch import ACTOR

pytestmark = pytest.mark.anyio

Elsewhere = Callable[[User], User]
LATER = Stamp(lamport=1_000, node="norte", epoch="e2")


async def user_of(shop: Shop, client: httpx.AsyncClient) -> User:
    user_id = (await client.get("/auth/me")).json()["id"]
    return await shop.node.database.read(lambda connection: users.get(connection, user_id))


async def ends(client: httpx.AsyncClient) -> bool:
    answer = await client.get("/auth/me")
    return (answer.status_code, answer.json().get("reason")) == (401, "ended_token")


async def test_a_known_token_costs_no_look_at_the_database(shop: Shop, operador: httpx.AsyncClient) -> None:
    await operador.get("/auth/me")
    looked_up = shop.executor.runs
    assert (await operador.get("/auth/me")).json()["username"] == "ana"
    assert shop.executor.runs == looked_up


@pytest.mark.parametrize(
    "change",
    [
        lambda user: user.deactivated(stamp=LATER),
        lambda user: user.with_role("admin", stamp=LATER),
        lambda user: user.with_password("$2b$04$" + "a" * 53, stamp=LATER),
    ],
    ids=["deactivated", "role", "password"],
)
async def test_a_change_that_a_peer_sent_ends_the_tokens_in_use(
    shop: Shop, operador: httpx.AsyncClient, change: Elsewhere
) -> None:
    theirs = change(await user_of(shop, operador)).as_json()
    assert not await ends(operador)
    assert await shop.node.database.write(lambda tx: users.merge(tx, theirs))
    assert await ends(operador)


async def test_a_reset_of_the_administrator_ends_the_tokens_in_use(
    shop: Shop, admin: httpx.AsyncClient
) -> None:
    hashed = (await user_of(shop, admin)).password_hash
    await shop.node.database.write(lambda tx: users.reset_admin(tx, "admin", hashed, actor=ACTOR))
    assert await ends(admin)


async def test_a_repaired_row_ends_the_tokens_in_use(shop: Shop, operador: httpx.AsyncClient) -> None:
    user = await user_of(shop, operador)

    def mend(tx: Transaction) -> None:
        user_rows.put(tx, replace(user, token_version=user.token_version + 1).as_json())

    await shop.node.database.write(mend)
    assert await ends(operador)


async def test_a_change_that_was_undone_ends_nothing(shop: Shop, operador: httpx.AsyncClient) -> None:
    user = await user_of(shop, operador)
    before = shop.node.verdicts.round

    def undone(tx: Transaction) -> None:
        user_rows.put(tx, user.as_json())
        raise LookupError

    with pytest.raises(LookupError):
        await shop.node.database.write(undone)
    assert shop.node.verdicts.round == before
    assert not await ends(operador)
