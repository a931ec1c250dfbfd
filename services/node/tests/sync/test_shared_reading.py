"""What several peers lack is read once, and given to each as its own."""

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest

from app.sync.log import batches
from app.sync.log.recent_cuts import Cut, RecentCuts
from app.sync.rules.batch_size import LARGEST, SMALLEST
from app.sync.wire.messages import Head, Span
from tests.support.company import Company, customer
from tests.support.virtual import eventually

EVENT = "/replica/event"


def cut(*, epoch: str = "e", after: int = 0, through: int = 2) -> Cut:
    """A batch without events, for a peer in epoch "theirs", and nothing behind it."""
    place, end = Head(seq=after, event_id=str(after)), Head(seq=through, event_id=str(through))
    span = Span(origin="matriz", epoch=epoch, to_epoch="theirs", after=place, through=end, lamport=1)
    return Cut(span, b"", more=False)


def test_what_was_read_for_one_peer_is_addressed_to_the_other() -> None:
    recent = RecentCuts()
    recent.keep(cut(), size=SMALLEST)
    found = recent.find(epoch="e", start=0, head=2, to_epoch="another", size=LARGEST)
    assert found is not None
    assert found == replace(cut(), span=cut().span.model_copy(update={"to_epoch": "another"}))
    assert json.loads(found.encoded())["to_epoch"] == "another"


def test_of_a_log_that_went_on_a_kept_batch_is_not_the_end() -> None:
    recent = RecentCuts()
    recent.keep(cut(), size=SMALLEST)
    found = recent.find(epoch="e", start=0, head=3, to_epoch="theirs", size=SMALLEST)
    assert found is not None
    assert found.more


@pytest.mark.parametrize(
    "asked",
    [
        {"epoch": "the next", "start": 0, "size": SMALLEST},
        {"epoch": "e", "start": 1, "size": SMALLEST},
        {"epoch": "e", "start": 0, "size": SMALLEST.at_most(1)},
    ],
)
def test_another_epoch_place_or_size_is_read_anew(asked: dict[str, Any]) -> None:
    recent = RecentCuts()
    recent.keep(cut(), size=SMALLEST)
    assert recent.find(head=2, to_epoch="theirs", **asked) is None


def test_only_the_last_two_are_kept() -> None:
    recent = RecentCuts()
    for after in range(3):
        recent.keep(cut(after=after, through=after + 1), size=SMALLEST)
    found = [
        recent.find(epoch="e", start=start, head=3, to_epoch="theirs", size=SMALLEST) is not None
        for start in range(3)
    ]
    assert found == [False, True, True]


@pytest.mark.anyio
async def test_peers_that_lack_the_same_cost_one_reading(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    matriz, _, _ = await company.found("matriz", "norte", "sul")
    await eventually(company.converged)
    read: list[list[int]] = []
    with_bodies = batches._with_bodies

    def noted(connection: Any, rows: Any) -> Any:
        if rows[0]["epoch"] == matriz.database.identity.epoch:
            read.append([row["seq"] for row in rows])
        return with_bodies(connection, rows)

    monkeypatch.setattr(batches, "_with_bodies", noted)
    company.network.calls.clear()
    await asyncio.gather(*(customer(matriz, f"CODE{number}") for number in range(5)))
    await eventually(company.converged)
    sent = {
        peer: [
            event["seq"]
            for call in company.network.sent("matriz", peer, EVENT)
            for event in json.loads(call.body)["events"]
        ]
        for peer in ("norte", "sul")
    }
    assert sent["norte"] == sent["sul"] == [seq for seqs in read for seq in seqs]
