"""A peer that stays away: the log stays bounded, nobody else waits, and it catches up with all it missed."""

import asyncio

import pytest

from app.sync.wire.messages import Batch
from tests.recovery.trial import NAMES, Trial
from tests.support.virtual import eventually

pytestmark = [pytest.mark.anyio, pytest.mark.whole]

EVENT, SNAPSHOT = "/replica/event", "/replica/snapshot"
LEAST_CAP = 1000  # events, the lowest that OUTBOX_MAX_EVENTS may be
TRIMMED_SECONDS = 31.0  # a little more than the time between two trims


async def events_kept(trial: Trial, name: str) -> int:
    return int((await trial[name].status()).counts["events"])


async def sell_many(trial: Trial, name: str, count: int) -> None:
    await asyncio.gather(*(trial.sell(name) for _ in range(count)))


async def test_what_everybody_has_is_dropped_from_the_log_but_for_its_last_event(trial: Trial) -> None:
    await trial.found()
    await trial.receive("matriz", 30)
    await sell_many(trial, "matriz", 20)
    await trial.converged()
    assert await events_kept(trial, "matriz") > 40
    await asyncio.sleep(TRIMMED_SECONDS)
    assert await events_kept(trial, "matriz") == 1
    await trial.sell("matriz")
    await trial.verify()


async def test_beyond_the_cap_a_dead_peer_has_to_fetch_whole_rows_and_does(trial: Trial) -> None:
    await trial.found(outbox_max_events=LEAST_CAP)
    await trial.receive("matriz", 700)
    await trial.receive("sul", 5)
    await trial.converged()
    both_ways = {("sul", "matriz"), ("sul", "norte"), ("matriz", "sul"), ("norte", "sul")}
    trial.network.cut |= both_ways
    await trial.sell("sul", 2)  # both sides go on selling
    await sell_many(trial, "matriz", LEAST_CAP // 2 + 20)
    await asyncio.sleep(TRIMMED_SECONDS)
    shown = (await trial["matriz"].status()).peers
    assert (shown["sul"].state, shown["sul"].oldest_pending_seconds) == ("needs_snapshot", None)
    assert (shown["sul"].pending or 0) >= LEAST_CAP
    assert (shown["norte"].state, shown["norte"].pending) == ("ok", 0)
    assert await events_kept(trial, "matriz") <= LEAST_CAP + 1
    trial.network.cut.clear()
    await trial.verify()
    shown = (await trial["matriz"].status()).peers
    assert (shown["sul"].state, shown["sul"].pending) == ("ok", 0)
    assert trial.network.sent("sul", "matriz", SNAPSHOT) != []
    assert await trial.alarms("sul") == {}
    await trial.sell("sul", 3)
    await trial.verify()


async def test_a_wiped_node_finds_beside_its_peers_what_their_logs_forgot(trial: Trial) -> None:
    await trial.found()
    await trial.receive("matriz", 9, share="equal")
    for name in NAMES:
        await trial.sell(name)
    await trial.converged()
    await asyncio.sleep(TRIMMED_SECONDS)
    assert [await events_kept(trial, name) for name in ("matriz", "norte")] == [1, 1]
    await trial.wipe("sul")
    await trial.start("sul")
    await trial.verify()
    assert len(await trial.order_ids("sul")) == len(NAMES)


async def test_many_states_of_one_row_are_sent_once_as_the_newest(trial: Trial) -> None:
    await trial.found("matriz", "sul")
    await trial.stop("sul")
    await asyncio.gather(*(trial.receive("matriz", 1) for _ in range(200)))
    assert (await trial["matriz"].status()).pending["sul"] == 200
    before = len(trial.network.sent("matriz", "sul", EVENT))
    await trial.start("sul")
    await trial.verify()
    sent = [
        Batch.model_validate_json(call.body) for call in trial.network.sent("matriz", "sul", EVENT)[before:]
    ]
    (body,) = [event.body for batch in sent for event in batch.events]
    assert body["cells"][0]["received"] == 200


async def test_after_a_long_outage_in_which_everybody_sold_nothing_is_missing(trial: Trial) -> None:
    await trial.stocked(at="matriz", units=90, share="equal")
    trial.network.down.add("sul")
    trial.network.cut |= {("sul", "matriz"), ("sul", "norte")}
    for _ in range(2):
        for name in NAMES:
            await sell_many(trial, name, 3)
        await asyncio.sleep(60)
    attempts = (await trial["matriz"].status()).peers["sul"].attempts
    assert 60 < attempts < 600  # for ever, pausing half a second on average
    trial.network.down.clear()
    trial.network.cut.clear()
    await eventually(lambda: trial.peer("sul", seen_by="matriz").state == "ok")
    await trial.verify()
