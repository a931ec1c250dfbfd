"""What a node makes of messages that no honest node sends: nothing changes, and the answer says why."""

import pytest

from app.faults.forgery import Kind
from app.node import BranchNode
from tests.support.branch import ACTOR
from tests.support.company import Company, buy, customer, stock
from tests.support.virtual import eventually

pytestmark = pytest.mark.anyio

NAMES = ("matriz", "norte")
ANSWERS: list[tuple[Kind, tuple[int, str]]] = [
    ("repeated", (200, "duplicate")),
    ("replayed", (401, "used_token")),
    ("tampered", (401, "other_body")),
    ("forged", (401, "invalid_token")),
    ("stale-token", (401, "expired_token")),
]


async def selling(company: Company) -> list[BranchNode]:
    """Two nodes that take faults and agree, after a sale at the first."""
    nodes = await company.found(*NAMES, lab_faults=True)
    await customer(nodes[0])
    await stock(nodes[0], "CAFE", 10)
    await buy(nodes[0], "CAFE", 1, key="first")
    await eventually(company.converged)
    return nodes


@pytest.mark.parametrize(("kind", "expected"), ANSWERS)
async def test_each_kind_is_answered_with_its_cause_and_changes_nothing(
    company: Company, kind: Kind, expected: tuple[int, str]
) -> None:
    matriz, norte = await selling(company)
    before = (await norte.status()).digest
    assert matriz.faults is not None
    answers = await matriz.faults.forge("norte", kind, times=3, actor=ACTOR)
    assert [(one.status, one.cause) for one in answers] == [expected] * 3
    assert (await norte.status()).digest == before


async def test_a_small_batch_moves_one_command_at_a_time_and_all_arrive(company: Company) -> None:
    matriz, _norte = await selling(company)
    assert matriz.faults is not None
    await matriz.faults.turn("batch", 1, lease_seconds=600.0, actor=ACTOR)
    for number in range(5):
        await buy(matriz, "CAFE", 1, key=f"more-{number}")
    await eventually(company.converged)


async def test_a_clock_ten_minutes_ahead_does_not_stop_replication(company: Company) -> None:
    matriz, norte = await selling(company)
    assert norte.faults is not None
    await norte.faults.turn("clock", 600.0, lease_seconds=3600.0, actor=ACTOR)
    await buy(matriz, "CAFE", 1, key="after")
    await buy(norte, "CAFE", 1, key="there")
    await eventually(company.converged)
