"""Tokens of a user whom another branch changes: they end here when the change arrives."""

import httpx
import pytest

from app.api import application
from app.domain import identity
from app.state.tables import users
from app.state.tables.users import UserChange
from tests.support.branch import ACTOR, CLUSTER
from tests.support.company import Company
from tests.support.virtual import eventually

pytestmark = pytest.mark.anyio


async def test_a_token_in_use_ends_when_its_users_deactivation_arrives_from_a_peer(company: Company) -> None:
    matriz, norte = await company.found("matriz", "norte")
    app = application(with_faults=False)
    app.state.node = matriz
    ana = users.NewUser(
        username="ana", role="operador", password_hash=await matriz.passwords.hash("secret words")
    )
    await matriz.database.write(lambda tx: users.create(tx, ana, actor=ACTOR))
    await eventually(company.converged)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://matriz") as client:
        answer = await client.post("/auth/login", data={"username": "ana", "password": "secret words"})
        client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        assert [(await client.get("/auth/me")).status_code for _ in range(2)] == [200, 200]

        ended = UserChange(active=False)
        ana_id = identity.user_id(CLUSTER, "ana")
        await norte.database.write(lambda tx: users.change(tx, ana_id, ended, actor=ACTOR))
        await eventually(company.converged)
        refused = await client.get("/auth/me")
    assert (refused.status_code, refused.json()["reason"]) == (401, "ended_token")
