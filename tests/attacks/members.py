"""Attempts of a member that lies: it has the replica secret, speaks of others, repeats, and exaggerates."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import httpx

from branchlab.nodes.client import NodeClient
from branchlab.nodes.outcome import Refused
from tests.attacks.arena import Arena
from tests.attacks.attempt import Attempt, Finding

LIAR, VICTIM, THIRD = "filial-norte", "matriz", "filial-sul"
HELLO, EVENT, TRANSFER, SEAL = "/replica/hello", "/replica/event", "/replica/transfer", "/replica/seal"
A_MILLION = 1_000_000
STOCK = 1_000
_LEAST_KEPT = 2**20  # bytes; the least that the setting may be
_NONSENSE_BYTES = 200_000
_NOWHERE: Mapping[str, Any] = {"seq": 1_000, "event_id": "f" * 32}
"""Where no log of a young network ends yet. Who is told so says where it does."""


async def _epoch(arena: Arena, node: str) -> str:
    async with arena.cluster.client(node) as admin:
        return str((await admin.status())["epoch"])


async def _say(arena: Arena, path: str, message: Mapping[str, Any]) -> httpx.Response:
    epoch = await _epoch(arena, LIAR)
    return await arena.post_as_member(VICTIM, path, message, sender=LIAR, epoch=epoch)


def _of(answer: httpx.Response) -> str:
    return f"{answer.status_code} {answer.json().get('code', '')}".strip()


async def _product(admin: NodeClient, sku: str) -> str:
    """A product of which the victim holds STOCK units."""
    product = await admin.create_product(sku, sku, 100)
    await admin.adjust(sku, STOCK, reason="delivery", share="keep")
    return product["id"]


async def _wish(arena: Arena, product_id: str, *cells: Mapping[str, Any], wanted: int = 1) -> dict[str, Any]:
    return {
        "to_epoch": await _epoch(arena, VICTIM),
        "epoch": await _epoch(arena, LIAR),
        "product_id": product_id,
        "wanted": wanted,
        "age": None,
        "lamport": 1,
        "cells": list(cells),
    }


def _cell(product_id: str, branch: str, epoch: str, granted: Mapping[str, int]) -> dict[str, Any]:
    counts = dict.fromkeys(("returned", "returned_frozen", "recovered", "written_off", "sold", "removed"), 0)
    key = {"product_id": product_id, "branch": branch, "epoch": epoch}
    return {**key, **counts, "received": sum(granted.values()), "granted": dict(granted), "version": 1000}


async def _others_granted_a_million(arena: Arena) -> Finding:
    async with arena.cluster.client(VICTIM) as admin:
        product_id = await _product(admin, "granted")
        me = f"{VICTIM}@{await _epoch(arena, VICTIM)}"
        lie = _cell(product_id, THIRD, await _epoch(arena, THIRD), {me: A_MILLION})
        answer = await _say(arena, TRANSFER, await _wish(arena, product_id, lie))
        await admin.create_customer({"code": "BUYER", "name": "Buyer"})
        try:
            await admin.place_order("BUYER", [{"sku": "granted", "quantity": A_MILLION // 2}])
        except Refused as refused:
            held = answer.status_code == 200 and refused.status == 409
            return Finding(held, f"{_of(answer)}; an order for {A_MILLION // 2}: {refused.status}")
    return Finding(held=False, got=f"{A_MILLION // 2} sold of {STOCK}")


async def _seal_of_a_living(arena: Arena, named: str) -> Finding:
    epoch = await _epoch(arena, named)
    wish = {
        "to_epoch": await _epoch(arena, VICTIM),
        "epoch": await _epoch(arena, LIAR),
        "product_id": "any",
        "dead": [[named, epoch]],
    }
    answer = await _say(arena, SEAL, wish)
    lives = await _epoch(arena, named) == epoch
    return Finding(answer.status_code == 409 and lives, f"{_of(answer)}, it lives: {lives}")


async def _a_third_branch_is_dead(arena: Arena) -> Finding:
    return await _seal_of_a_living(arena, THIRD)


async def _the_victim_is_dead(arena: Arena) -> Finding:
    return await _seal_of_a_living(arena, VICTIM)


async def _a_transfer_is_replayed(arena: Arena) -> Finding:
    async with arena.cluster.client(VICTIM) as admin:
        product_id = await _product(admin, "replayed")
        body = json.dumps(await _wish(arena, product_id, wanted=10)).encode()
        epoch = await _epoch(arena, LIAR)
        headers = arena.replica_headers(TRANSFER, body, sender=LIAR, epoch=epoch, receiver=VICTIM)
        async with arena.stranger(VICTIM) as stranger:
            answers = [await stranger.post(TRANSFER, content=body, headers=headers) for _ in range(2)]
    return Finding(
        _of(answers[0]) == "200" and _of(answers[1]) == "401 used_token", " then ".join(map(_of, answers))
    )


async def _logical_time_runs_up(arena: Arena) -> Finding:
    origin = {"seq": 0, "event_id": ""}
    batch: dict[str, Any] = {
        "origin": LIAR,
        "epoch": await _epoch(arena, LIAR),
        "to_epoch": await _epoch(arena, VICTIM),
        "after": origin,
        "through": {"seq": 2**40, "event_id": "f" * 32},
        "lamport": 2**62,
        "events": [],
    }
    answer = await _say(arena, EVENT, batch)
    if answer.status_code == 409:  # it says where it is
        answer = await _say(arena, EVENT, {**batch, "after": answer.json()["position"]})
    async with arena.cluster.client(VICTIM) as admin:
        await admin.create_product("later", "made later", 100)
    return Finding(_of(answer) == "422 beyond_bounds", _of(answer))


async def _tens_of_thousands_of_dead_lives(arena: Arena) -> Finding:
    hello = {
        "protocol": [1, 1],
        "schema_hash": "0007",
        "cluster_id": arena.cluster.secrets.cluster_id,
        "node": LIAR,
        "epoch": await _epoch(arena, LIAR),
        "dead": [[THIRD, f"life {number}"] for number in range(38_000)],
        "incarnation": {"starts": 1, "random": ""},
        "policy": "escrow",
        "founded": True,
        "heads": {},
        "digest": "",
        "now": 0.0,
    }
    answer = await _say(arena, HELLO, hello)
    return Finding(_of(answer) == "422 beyond_bounds", _of(answer))


async def _tens_of_thousands_of_grants(arena: Arena) -> Finding:
    async with arena.cluster.client(VICTIM) as admin:
        product_id = await _product(admin, "generous")
    grants = {f"{THIRD}@life {number}": 1 for number in range(60_000)}
    lie = _cell(product_id, LIAR, await _epoch(arena, LIAR), grants)
    answer = await _say(arena, TRANSFER, await _wish(arena, product_id, lie))
    return Finding(_of(answer) == "422 beyond_bounds", _of(answer))


async def _nonsense_without_end(arena: Arena) -> Finding:
    """Events that no version can apply, until the victim takes no more. The liar's own node is stopped: it
    would soon learn that others have more of its log than it wrote, and begin another life."""
    epoch, to_epoch = await _epoch(arena, LIAR), await _epoch(arena, VICTIM)
    await asyncio.to_thread(arena.cluster.driver.stop, LIAR)
    after = _NOWHERE
    taken = 0
    for _ in range(2 * _LEAST_KEPT // _NONSENSE_BYTES):
        event = {
            "seq": after["seq"] + 1,
            "event_id": f"{after['seq'] + 1:032x}",
            "kind": "nonsense",
            "entity": "nobody",
            "schema_version": 1,
            "lamport": 1,
            "body": {"nobody": "x" * _NONSENSE_BYTES},
        }
        through = {"seq": event["seq"], "event_id": event["event_id"]}
        batch = {"origin": LIAR, "epoch": epoch, "to_epoch": to_epoch, "after": after, "through": through}
        told = {**batch, "lamport": 1, "events": [event]}
        answer = await arena.post_as_member(VICTIM, EVENT, told, sender=LIAR, epoch=epoch)
        if answer.status_code == 409 and taken == 0:
            after = answer.json().get("position", _NOWHERE)  # it says where it is
        elif answer.status_code == 200:
            after, taken = through, taken + 1
        else:
            break
    async with arena.cluster.client(VICTIM) as admin:
        alarms = (await admin.status())["alarms"]
    held = _of(answer) == "507 kept_full" and "kept_full" in alarms and taken > 0
    return Finding(held, f"{taken} kept, then {_of(answer)}, alarms: {', '.join(alarms) or 'none'}")


ATTEMPTS = (
    Attempt(
        "a third branch granted a million",
        "200, and no unit is sold by it",
        _others_granted_a_million,
    ),
    Attempt("a third branch is dead", "409, and it lives", _a_third_branch_is_dead),
    Attempt("the victim is dead", "409, and it lives", _the_victim_is_dead),
    Attempt("a transfer is replayed", "200 then 401 used_token", _a_transfer_is_replayed),
    Attempt("logical time is 2^62", "422 beyond_bounds", _logical_time_runs_up),
    Attempt("38,000 dead lives", "422 beyond_bounds", _tens_of_thousands_of_dead_lives),
    Attempt("60,000 grants in one row", "422 beyond_bounds", _tens_of_thousands_of_grants),
    Attempt(
        "events that nobody can apply, without end",
        "507 kept_full and an alarm",
        _nonsense_without_end,
        settings={"KEPT_MAX_BYTES": str(_LEAST_KEPT)},
        alone=True,
    ),
)
