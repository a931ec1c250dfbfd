"""A message of a peer that is answered at once is answered as on the long way, whatever it is like."""

import json
import weakref
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api import replica
from app.api.at_once import Asked
from app.api.json_body import LongWay
from app.node import BranchNode
from tests.support.company import Company, stock
from tests.support.doors import ask, doors_of
from tests.support.virtual import VirtualLoop, eventually

pytestmark = pytest.mark.anyio

EVENT, TRANSFER = "/replica/event", "/replica/transfer"


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "asyncio", {"loop_factory": VirtualLoop}


@pytest.fixture
async def company(tmp_path: Path, empty_file: Path) -> AsyncIterator[Company]:
    made = Company(tmp_path, empty_file=empty_file)
    yield made
    await made.close()


async def answer(
    sender: BranchNode,
    receiver: BranchNode,
    path: str,
    body: bytes,
    *,
    used: bool,
    query: str = "",
    doors: ASGIApp | None = None,
) -> tuple[int, Any]:
    """The status and the document that the receiver answers, whose mark has to be the right one. `used`: the
    token was used before."""
    token = sender.replica_tokens.issue(
        "matriz",
        epoch=sender.database.identity.epoch,
        method="POST",
        path=path,
        body=body,
        receiver_now=receiver.receiver_clock.now(),
    )
    headers = {"content-type": "application/json", "x-replica-token": token}
    for _ in range(2 if used else 1):
        found = await ask(doors or doors_of(receiver), "matriz", path, body=body, headers=headers)
    assert sender.replica_tokens.is_marked(found.mark, token, status=found.status, body=found.body)
    document = json.loads(found.body)
    document.pop("request_id", None)
    document.pop("now", None)
    return found.status, document


def wish(sender: BranchNode, receiver: BranchNode, **other: Any) -> dict[str, Any]:
    return {
        "to_epoch": receiver.database.identity.epoch,
        "epoch": sender.database.identity.epoch,
        "product_id": "nothing",
        "wanted": 0,
        "age": None,
        "lamport": 0,
        "revisions": {},
        "cells": [],
        **other,
    }


BODIES: dict[str, Callable[[dict[str, Any]], bytes]] = {
    "whole": lambda said: json.dumps(said).encode(),
    "of another life": lambda said: json.dumps({**said, "to_epoch": "another"}).encode(),
    "with a field more": lambda said: json.dumps({**said, "newer": [1]}).encode(),
    "with a wrong type": lambda said: json.dumps({**said, "wanted": "1"}).encode(),
    "with too long a text": lambda said: json.dumps({**said, "product_id": "x" * 100_000}).encode(),
    "of another form": lambda _: b"[]",
    "no JSON": lambda _: b"{",
    "empty": lambda _: b"",
}


@pytest.mark.parametrize("used", [False, True], ids=["token", "used token"])
@pytest.mark.parametrize("path", [TRANSFER, EVENT])
async def test_every_message_is_answered_as_on_the_long_way(company: Company, path: str, used: bool) -> None:
    matriz, norte = await company.found("matriz", "norte")
    statuses = set()
    for make in BODIES.values():
        body = make(wish(norte, matriz))
        at_once = await answer(norte, matriz, path, body, used=used)
        with mock.patch.object(Asked, "header", side_effect=LongWay):
            long_way = await answer(norte, matriz, path, body, used=used)
        assert at_once == long_way
        statuses.add(at_once[0])
    assert statuses == ({401} if used else {200, 409, 422} if path == TRANSFER else {422})


async def test_a_message_is_freed_only_when_its_answer_has_left(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    matriz, norte = await company.found("matriz", "norte")
    messages: list[weakref.ref[Any]] = []
    there: list[bool] = []
    read, inner = replica._read, doors_of(matriz)

    def noted(expected: Any, body: bytes) -> Any:
        said = read(expected, body)
        messages.append(weakref.ref(said))
        return said

    async def looking(scope: Scope, receive: Receive, send: Send) -> None:
        async def look(message: Message) -> None:
            there.append(messages[-1]() is not None)
            await send(message)

        await inner(scope, receive, look)

    monkeypatch.setattr(replica, "_read", noted)
    body = json.dumps(wish(norte, matriz)).encode()
    await answer(norte, matriz, TRANSFER, body, used=False, doors=looking)
    assert there
    assert all(there)
    assert messages[-1]() is None


async def test_branches_that_answer_on_the_long_way_replicate_all_the_same(company: Company) -> None:
    with mock.patch.object(Asked, "header", side_effect=LongWay):
        matriz, _ = await company.found("matriz", "norte")
        await stock(matriz, "rice", 10)
        await eventually(company.converged, within=60)
