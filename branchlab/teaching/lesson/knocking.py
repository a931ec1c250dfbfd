"""Callers at a node's door: who comes in, and with which status the others are sent away."""

import os

import httpx

from branchlab.nodes.client import NodeClient
from branchlab.nodes.outcome import Refused
from branchlab.teaching.scenarios.stage import Stage

_SECONDS = 10.0


async def knock(stage: Stage, node: str) -> dict[str, object]:
    """The statuses that four callers get at a node: one without a token, a cashier who makes a user, a
    cashier's token where nodes talk, and a replica token that nobody issued."""
    url = stage.network.url(node)
    cashier = await _cashier(stage, node)
    async with httpx.AsyncClient(base_url=url, timeout=_SECONDS, trust_env=False) as http:
        bearer = {"Authorization": f"Bearer {cashier}"}
        user = {"username": f"{stage.tag.lower()}-intruder", "password": os.urandom(12).hex()}
        answers = {
            "no_token": await http.get("/orders"),
            "cashier": await http.post("/users", json={**user, "role": "admin"}, headers=bearer),
            "user_at_replica": await http.post("/replica/event", json={}, headers=bearer),
            "false_replica": await http.post(
                "/replica/event", json={}, headers={"X-Replica-Token": os.urandom(24).hex()}
            ),
        }
    for name, answer in answers.items():
        if answer.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
            stage.operations.log.told(
                "event.rejected", node=node, peer=name, cause=answer.status_code, count=1
            )
    return {name: answer.status_code for name, answer in answers.items()}


async def _cashier(stage: Stage, node: str) -> str:
    """A cashier's token of that node."""
    name, password = f"{stage.tag.lower()}-caixa", os.urandom(12).hex()
    await stage.operations.create_user(node, name, password, role="operador")
    async with NodeClient(node, stage.network.url(node)) as client:
        await client.login(name, password)
        return str(client.token)


async def show_token(stage: Stage, issuer: str, shown_to: str) -> dict[str, object]:
    """The status that one branch gives to a token that another has just issued."""
    async with NodeClient(issuer, stage.network.url(issuer)) as client:
        await client.login(stage.secrets.admin_username, stage.secrets.admin_password)
        token = client.token
    async with NodeClient(shown_to, stage.network.url(shown_to)) as client:
        client.token = token
        try:
            await client.me()
        except Refused as refused:
            return {"status": refused.status}
    return {"status": 200}
