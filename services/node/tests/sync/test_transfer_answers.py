"""Answers to requests for rights that are late, lost, altered or none."""

import asyncio
import gc
from typing import Any
from unittest.mock import AsyncMock

import pytest

from app.database import StorageFull
from app.domain.stock import Cell
from app.sync.peering.transport import Response
from app.sync.wire.messages import TransferReply
from tests.support.company import Company, buy
from tests.support.network import problem
from tests.support.virtual import eventually
from tests.sync.transfers import TRANSFER, asked, available, outcomes, shop

pytestmark = pytest.mark.anyio


def of_no_product() -> dict[str, Any]:
    return Cell(product_id="nobody made it", branch="matriz", epoch="e", received=5, version=1).as_json()


async def test_a_silent_peer_does_not_use_up_the_patience_for_the_others(company: Company) -> None:
    _, norte, sul = await shop(
        company, "matriz", "norte", "sul", units={"matriz": 9, "norte": 1}, transfer_wait_seconds=0.5
    )
    company.network.silent.add("matriz")  # the richest, so it is asked first
    began = asyncio.get_running_loop().time()
    await buy(sul, "rice", 1)
    assert asyncio.get_running_loop().time() - began < 0.5
    assert asked(company, "sul") == ["matriz", "norte"]
    assert norte.ready


async def test_patience_ends_with_a_refusal_when_nobody_answers(company: Company) -> None:
    *_, sul = await shop(
        company, "matriz", "norte", "sul", units={"matriz": 9, "norte": 9}, transfer_wait_seconds=0.5
    )
    company.network.silent |= {"matriz", "norte"}
    began = asyncio.get_running_loop().time()
    assert await outcomes(buy(sul, "rice", 1)) == ["out of stock"]
    assert asyncio.get_running_loop().time() - began < 0.6


async def test_rights_in_a_lost_answer_arrive_by_replication(company: Company) -> None:
    matriz, norte = await shop(company, "matriz", "norte", units={"matriz": 5})
    company.network.deaf.add(("norte", "matriz"))
    assert await outcomes(buy(norte, "rice", 5)) == ["sold"]  # the event outran the time-out
    company.network.deaf.clear()
    await eventually(company.converged)
    assert await available(matriz) == 0


async def test_an_answer_that_was_altered_on_its_way_is_none(company: Company) -> None:
    """What was really granted comes by the giver's events, and not one unit more."""
    matriz, norte = await shop(company, "matriz", "norte", units={"matriz": 5})
    company.network.altered["matriz"] = (b'"received":5', b'"received":7')
    assert await outcomes(buy(norte, "rice", 5)) == ["sold"]
    company.network.altered.clear()
    await eventually(company.converged)
    assert [await available(node) for node in (matriz, norte)] == [0, 0]


@pytest.mark.parametrize(
    "answer",
    [
        problem(503, "policy_mismatch"),
        problem(404, "not_found"),
        Response(200, b"{}"),
        Response(200, b"not json"),
        Response(
            200,
            TransferReply(epoch="e", granted=5, lamport=1, cells=[{"surprise": 1}])
            .model_dump_json()
            .encode(),
        ),
        Response(
            200,
            TransferReply(epoch="e", granted=5, lamport=1, cells=[of_no_product()])
            .model_dump_json()
            .encode(),
        ),
    ],
)
async def test_an_answer_that_is_none_gives_nothing_and_hurts_nobody(
    company: Company, answer: Response
) -> None:
    _, norte, sul = await shop(company, "matriz", "norte", "sul", units={"matriz": 9, "norte": 1})
    company.network.answers["matriz", TRANSFER] = answer
    assert await outcomes(buy(sul, "rice", 1)) == ["sold"]
    assert await outcomes(buy(sul, "rice", 1)) == ["out of stock"]
    assert norte.ready


async def test_a_peer_in_a_new_life_is_greeted_before_it_is_asked_again(company: Company) -> None:
    _, norte = await shop(company, "matriz", "norte", units={"matriz": 5})
    company.network.answers["matriz", TRANSFER] = problem(409, "wrong_epoch")
    hellos = len(company.network.sent("norte", "matriz", "/replica/hello"))
    assert await outcomes(buy(norte, "rice", 1)) == ["out of stock"]
    await eventually(
        lambda: len(company.network.sent("norte", "matriz", "/replica/hello")) > hellos, within=1
    )


async def test_a_round_may_fail_when_all_who_waited_for_it_have_gone(
    company: Company, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer comes when the disk is full, and the order was given up: the failure has no other reader."""
    _, norte = await shop(company, "matriz", "norte", units={"matriz": 5})
    unheard: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, told: unheard.append(told["message"]))
    monkeypatch.setattr(norte.stock, "accept", AsyncMock(side_effect=StorageFull("full")))
    company.network.late["matriz", "norte"] = 0.1
    order = asyncio.create_task(buy(norte, "rice", 5))
    await eventually(lambda: asked(company, "norte") == ["matriz"])
    order.cancel()
    await eventually(lambda: "ended early: StorageFull" in caplog.text)
    gc.collect()
    assert unheard == []
