"""Attempts with tokens: of the other kind, for another receiver, too old, or signed by nobody who may."""

from functools import partial
from typing import Any

import jwt

from branchlab.nodes.outcome import Refused
from tests.attacks.arena import Arena
from tests.attacks.attempt import Attempt, Finding

VICTIM, SENDER = "matriz", "filial-norte"
_EPOCH = "e" * 32
_HELLO = "/replica/hello"
_EXPIRED: dict[str, Any] = {"iat": 1.0, "exp": 61.0}


async def _replica_route_with(arena: Arena, *, receiver: str = VICTIM, claims: dict[str, Any]) -> Finding:
    body = b"{}"
    headers = arena.replica_headers(
        _HELLO, body, sender=SENDER, epoch=_EPOCH, receiver=receiver, claims=claims
    )
    async with arena.stranger(VICTIM) as stranger:
        answer = await stranger.post(_HELLO, content=body, headers=headers)
    return Finding(answer.status_code == 401, f"{answer.status_code} {answer.json().get('reason')}")


async def _query_beside_a_signed_message(arena: Arena) -> Finding:
    body = b"{}"
    headers = arena.replica_headers(_HELLO, body, sender=SENDER, epoch=_EPOCH, receiver=VICTIM)
    async with arena.stranger(VICTIM) as stranger:
        answer = await stranger.post(f"{_HELLO}?added=1", content=body, headers=headers)
    faults = [(error["in"], error["field"]) for error in answer.json().get("errors", [])]
    return Finding(("query", "added") in faults, f"{answer.status_code} {faults[0] if faults else ''}")


async def _client_token_at_a_replica_route(arena: Arena) -> Finding:
    async with arena.cluster.client(VICTIM) as admin, arena.stranger(VICTIM) as stranger:
        headers = {"X-Replica-Token": str(admin.token), "Content-Type": "application/json"}
        answer = await stranger.post(_HELLO, content=b"{}", headers=headers)
    return Finding(answer.status_code == 401, str(answer.status_code))


async def _replica_token_at_a_client_route(arena: Arena) -> Finding:
    headers = arena.replica_headers("/orders", b"", sender=SENDER, epoch=_EPOCH, receiver=VICTIM)
    async with arena.stranger(VICTIM) as stranger:
        bearer = {"Authorization": f"Bearer {headers['X-Replica-Token']}"}
        answer = await stranger.get("/orders", headers=bearer)
    return Finding(answer.status_code == 401, str(answer.status_code))


async def _unsigned_client_token(arena: Arena) -> Finding:
    async with arena.cluster.client(VICTIM) as admin, arena.stranger(VICTIM) as stranger:
        claims = jwt.decode(str(admin.token), options={"verify_signature": False})
        unsigned = jwt.encode(claims, "", algorithm="none")
        answer = await stranger.get("/orders", headers={"Authorization": f"Bearer {unsigned}"})
    return Finding(answer.status_code == 401, str(answer.status_code))


async def _operator_does_the_admins_work(arena: Arena) -> Finding:
    async with arena.cluster.client(VICTIM) as admin:
        await admin.create_user("intruder", "intruder-password", role="operador")
        await admin.login("intruder", "intruder-password")
        try:
            await admin.create_user("second", "second-password", role="admin")
        except Refused as refused:
            return Finding(refused.status == 403, str(refused.status))
    return Finding(held=False, got="an operator made an admin")


ATTEMPTS = (
    Attempt("a query beside a signed message", "422", _query_beside_a_signed_message),
    Attempt("a client token at a replica route", "401", _client_token_at_a_replica_route),
    Attempt("a replica token at a client route", "401", _replica_token_at_a_client_route),
    Attempt("a client token that nobody signed (alg none)", "401", _unsigned_client_token),
    Attempt("an operator's token at an admin's route", "403", _operator_does_the_admins_work),
    Attempt("a replica token that has expired", "401", partial(_replica_route_with, claims=_EXPIRED)),
    Attempt(
        "a replica token meant for another node",
        "401",
        partial(_replica_route_with, receiver="filial-sul", claims={}),
    ),
    Attempt(
        "a replica token of another body",
        "401",
        partial(_replica_route_with, claims={"body": "0" * 64}),
    ),
    Attempt(
        "a replica token of another path",
        "401",
        partial(_replica_route_with, claims={"path": "/replica/events"}),
    ),
)
