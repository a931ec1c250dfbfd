"""Who may replace a damaged file, and when: one member at a time, and only while somebody serves."""

from collections.abc import Sequence

import pytest

from app.domain.errors import Decommissioned
from app.security.replica_tokens import ReplicaClaims
from app.sync.damage.turns import LEASE_SECONDS, TurnReply, TurnRequest, Verdict, weigh
from app.sync.wire.errors import NotTheSender
from tests.support.company import Company

pytestmark = pytest.mark.anyio

NAMES = ("matriz", "norte", "sul")
GRANTS = TurnReply(ready=True, founded=True, granted=True)
REFUSES = TurnReply(ready=True, founded=True, granted=False)
IS_EMPTY = TurnReply(ready=False, founded=False, granted=False)
HOLDS = TurnReply(ready=False, founded=False, granted=False)
STARTS = TurnReply(ready=False, founded=True, granted=False)


@pytest.mark.parametrize(
    ("replies", "verdict"),
    [
        ([], "nobody_serves"),
        ([HOLDS, IS_EMPTY], "nobody_serves"),
        ([STARTS], "nobody_serves"),
        ([GRANTS], "granted"),
        ([GRANTS, HOLDS], "granted"),
        ([GRANTS, GRANTS], "granted"),
        ([GRANTS, REFUSES], "taken"),
        ([REFUSES, HOLDS], "taken"),
    ],
)
def test_a_turn_takes_one_that_serves_and_none_that_serves_and_refuses(
    replies: Sequence[TurnReply], verdict: Verdict
) -> None:
    assert weigh(replies) == verdict


async def ask(company: Company, sender: str, wish: str = "ask", *, at: str = "matriz") -> TurnReply:
    wanted = TurnRequest.model_validate({"wish": wish})
    return await company[at].turns.answer(ReplicaClaims(sender=sender, epoch="unreadable"), wanted)


async def test_one_member_at_a_time_has_its_turn_until_it_gives_it_back(company: Company) -> None:
    await company.found(*NAMES)
    assert (await ask(company, "norte")) == GRANTS
    assert (await ask(company, "sul")) == REFUSES
    assert (await ask(company, "sul", "release")) == REFUSES  # which is not its to give back
    assert (await ask(company, "sul")) == REFUSES
    await ask(company, "norte", "release")
    assert (await ask(company, "sul")) == GRANTS


async def test_a_turn_ends_by_itself_unless_it_is_asked_for_again(company: Company) -> None:
    await company.found(*NAMES)
    clock = company["matriz"].clock
    await ask(company, "norte")
    await clock.sleep(LEASE_SECONDS * 2 / 3)
    assert (await ask(company, "norte")) == GRANTS
    await clock.sleep(LEASE_SECONDS * 2 / 3)
    assert (await ask(company, "sul")) == REFUSES
    await clock.sleep(LEASE_SECONDS / 3)
    assert (await ask(company, "sul")) == GRANTS


async def test_who_does_not_serve_gives_no_turn(company: Company) -> None:
    await company.found(*NAMES)
    company["matriz"].readiness.fence("another process lives on its data")
    assert (await ask(company, "norte")) == STARTS


async def test_a_turn_is_given_to_members_only(company: Company) -> None:
    await company.found(*NAMES)
    with pytest.raises(NotTheSender):
        await ask(company, "leste")
    company["matriz"].peers.note_gone(["norte"])
    with pytest.raises(Decommissioned):
        await ask(company, "norte")
