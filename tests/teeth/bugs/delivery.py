"""Bugs of delivery: events lost, skipped, counted as arrived, or never sent again."""

import math
import sqlite3
from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack, suppress
from dataclasses import replace
from typing import Any
from unittest import mock

from tenacity import RetryError, stop_after_attempt

from app.database import Actor, Transaction
from app.faults.fault_service import FaultService
from app.sync import synchronizer
from app.sync.lifecycle import handshake
from app.sync.log import batches, cursors, outbox
from app.sync.log.recent_cuts import Cut, RecentCuts
from app.sync.peering.client import PeerClient, Refusal
from app.sync.peering.peers import Peer, Peers
from app.sync.rules import acknowledgement
from app.sync.rules.acknowledgement import Cursor, Log, Reported
from app.sync.rules.batch_size import SMALLEST
from app.sync.rules.retry import Advance, pause_seconds
from app.sync.synchronizer import ReplicaSynchronizer
from app.sync.wire.kinds import KINDS
from app.sync.wire.messages import BatchReceipt, Hello
from tests.recovery.test_queues import (
    test_a_batch_cut_by_its_size_shows_no_order_without_its_stock,
    test_a_late_acknowledgement_of_the_ended_life_moves_no_cursor_of_the_next,
    test_what_a_cut_off_peer_lacks_stays_in_the_log,
)
from tests.recovery.test_rolled_back_nodes import (
    test_a_peer_that_was_rolled_back_moves_the_cursor_back_and_hears_it_all_again,
)
from tests.support.network import problem
from tests.sync.test_faulty_links import (
    test_a_cut_is_felt_and_a_heal_drains_at_once_whatever_pause_the_sender_is_in,
)
from tests.sync.test_read_ahead import test_what_was_read_ahead_is_not_sent_to_a_peer_that_stands_elsewhere
from tests.sync.test_shared_reading import (
    test_another_epoch_place_or_size_is_read_anew,
    test_what_was_read_for_one_peer_is_addressed_to_the_other,
)
from tests.sync.test_synchronizer import (
    test_a_position_told_by_a_life_that_is_over_by_then_is_not_taken_for_the_next_ones,
    test_an_attempt_is_repeated_for_ever,
    test_whatever_a_peer_answers_it_is_shown_and_tried_again,
)
from tests.teeth.bug import Directed, Simulated, bug


@bug("what counts as stored by a peer is in its file", Simulated())
def cursor_off_by_one() -> AbstractContextManager[object]:
    """The sender takes one event more for acknowledged than was."""
    move = acknowledgement.move

    def ahead(cursor: Cursor, reported: Reported, log: Log) -> Cursor | None:
        return move(cursor, reported._replace(seq=reported.seq + 1), log)

    return mock.patch.object(acknowledgement, "move", ahead)


@bug("what counts as stored by a peer is in its file", Simulated())
def acknowledged_when_sent() -> AbstractContextManager[object]:
    """The cursor moves when a batch leaves, not when the peer has it."""
    deliver = ReplicaSynchronizer._deliver

    async def hopeful(sender: ReplicaSynchronizer, peer: Peer, cut: Cut) -> None:
        span = cut.span
        await sender._database.write(
            lambda tx: cursors.move(tx, peer.name, span.to_epoch, span.through.seq, epoch=span.epoch)
        )
        await deliver(sender, peer, cut)

    return mock.patch.object(ReplicaSynchronizer, "_deliver", hopeful)


@bug(
    "only a position acknowledges",
    Directed(
        test_whatever_a_peer_answers_it_is_shown_and_tried_again,
        {"answer": problem(200, "no receipt"), "state": "backing_off"},
    ),
)
def a_bare_2xx_acknowledges() -> AbstractContextManager[object]:
    """Whatever answers 200 at the peer's address, a hotel's login page too, has stored the batch."""
    call = PeerClient.call

    async def trusting(link: PeerClient, peer: Peer, path: str, message: Any, **options: Any) -> Any:
        try:
            return await call(link, peer, path, message, **options)
        except Refusal as refusal:
            if refusal.answer.status != 200 or not isinstance(message, Cut):
                raise
            span = message.span
            return BatchReceipt(epoch=span.to_epoch, position=span.through, parked=0)

    return mock.patch.object(PeerClient, "call", trusting)


@bug(
    "what one life has says nothing of the next one",
    Directed(test_a_position_told_by_a_life_that_is_over_by_then_is_not_taken_for_the_next_ones),
)
def a_late_answer_counts_for_the_present_life() -> AbstractContextManager[object]:
    """Where a peer says it stands holds for whatever life it lives when the answer comes."""
    call = PeerClient.call

    async def late(link: PeerClient, peer: Peer, path: str, message: Any, **options: Any) -> Any:
        try:
            return await call(link, peer, path, message, **options)
        finally:
            if isinstance(message, Cut):
                message.span.__dict__["to_epoch"] = peer.epoch

    return mock.patch.object(PeerClient, "call", late)


@bug(
    "the head of a queue is never skipped",
    Directed(
        test_whatever_a_peer_answers_it_is_shown_and_tried_again,
        {"answer": problem(413, "body_too_large"), "state": "blocked"},
    ),
)
def skip_a_poisoned_head() -> AbstractContextManager[object]:
    """What a peer refuses for good is left out, and the queue goes on behind it."""
    deliver = ReplicaSynchronizer._deliver

    async def skipping(sender: ReplicaSynchronizer, peer: Peer, cut: Cut) -> None:
        try:
            await deliver(sender, peer, cut)
        except synchronizer._Undelivered as failure:
            if failure.retry.state != "blocked":
                raise
            skipped = Advance(cut.span.through.seq)
            await sender._advance(peer, cut.span, skipped, event_id=None, parked=())

    return mock.patch.object(ReplicaSynchronizer, "_deliver", skipping)


@bug(
    "what was read ahead waits for the receipt before it",
    Directed(test_what_was_read_ahead_is_not_sent_to_a_peer_that_stands_elsewhere),
)
def send_what_was_read_ahead_in_any_case() -> AbstractContextManager[object]:
    """The next batch leaves as soon as any receipt came, wherever the peer stands."""
    return mock.patch.object(ReplicaSynchronizer, "_continues", return_value=True)


@bug(
    "what was read for one peer is sent to another as its own",
    Directed(test_what_was_read_for_one_peer_is_addressed_to_the_other),
)
def send_what_is_addressed_to_another_life() -> AbstractContextManager[object]:
    """A batch that was read for one peer goes to the next with the first one's epoch on it."""
    find = RecentCuts.find

    def as_it_was(recent: RecentCuts, **asked: Any) -> Cut | None:
        found = find(recent, **asked)
        kept = [cut.span for _, cut in recent._kept if cut.span.after.seq == asked["start"]]
        return None if found is None else replace(found, span=kept[0])

    return mock.patch.object(RecentCuts, "find", as_it_was)


@bug(
    "what was read for one peer is sent to another only at the same place",
    Directed(
        test_another_epoch_place_or_size_is_read_anew,
        {"asked": {"epoch": "the next", "start": 0, "size": SMALLEST}},
    ),
)
def share_across_epochs() -> AbstractContextManager[object]:
    """A batch of the life that ended is taken for one of the present life, which counts from one again."""
    find = RecentCuts.find

    def of_any_life(recent: RecentCuts, **asked: Any) -> Cut | None:
        epochs = [cut.span.epoch for _, cut in recent._kept] or [asked["epoch"]]
        return find(recent, **{**asked, "epoch": epochs[-1]})

    return mock.patch.object(RecentCuts, "find", of_any_life)


@bug("reading an outbox deletes nothing", Simulated())
def reading_deletes() -> AbstractContextManager[object]:
    """What was read for sending is taken out of the outbox, as from a queue."""
    deliver = ReplicaSynchronizer._deliver

    async def take_out(sender: ReplicaSynchronizer, peer: Peer, cut: Cut) -> None:
        span = cut.span
        await sender._database.write(
            lambda tx: tx.connection.execute(
                "DELETE FROM events WHERE epoch = ? AND seq > ? AND seq <= ?",
                (span.epoch, span.after.seq, span.through.seq),
            )
        )
        await deliver(sender, peer, cut)

    return mock.patch.object(ReplicaSynchronizer, "_deliver", take_out)


@bug("the log keeps what a peer lacks", Directed(test_what_a_cut_off_peer_lacks_stays_in_the_log))
def trim_beyond_the_slowest() -> AbstractContextManager[object]:
    """Events go as soon as one peer has them."""
    trim = outbox.trim

    def eager(tx: Transaction, lives: Sequence[Any], **options: Any) -> bool:
        fastest = max(lives, key=lambda life: outbox.backlog(tx.connection, *life).acknowledged)
        return trim(tx, [fastest], **options)

    return mock.patch.object(outbox, "trim", eager)


@bug("an attempt is repeated for ever", Directed(test_an_attempt_is_repeated_for_ever))
def retry_gives_up() -> AbstractContextManager[object]:
    """After five attempts in a row a peer is left alone until the next start."""
    serve = ReplicaSynchronizer._serve

    async def weary(sender: ReplicaSynchronizer, peer: Peer) -> None:
        with suppress(RetryError):
            await serve(sender, peer)

    stack = ExitStack()
    stack.enter_context(mock.patch.object(synchronizer, "stop_never", stop_after_attempt(5)))
    stack.enter_context(mock.patch.object(ReplicaSynchronizer, "_serve", weary))
    return stack


@bug("a peer is tried again soon", Directed(test_an_attempt_is_repeated_for_ever))
def pauses_grow_without_end() -> AbstractContextManager[object]:
    """Each failure doubles the pause, so that after a long outage nobody tries for hours."""

    def ever_longer(attempt: int, *, base: float, cap: float, chance: float) -> float:
        return pause_seconds(attempt, base=base, cap=math.inf if cap else cap, chance=max(chance, 0.5))

    return mock.patch.object(synchronizer, "pause_seconds", ever_longer)


@bug(
    "after a heal the queues drain at once",
    Directed(test_a_cut_is_felt_and_a_heal_drains_at_once_whatever_pause_the_sender_is_in),
)
def heal_does_not_wake_the_queue() -> AbstractContextManager[object]:
    """A sender sits out its pause of five seconds, though its peer can be reached again."""
    lift, hurry = FaultService.lift, Peers.hurry
    lifting = False

    async def unheard(service: FaultService, peer: str | None, *, actor: Actor) -> None:
        nonlocal lifting
        lifting = True
        await lift(service, peer, actor=actor)
        lifting = False

    def hurry_unless_lifting(peers: Peers, name: str) -> None:
        if not lifting:
            hurry(peers, name)

    stack = ExitStack()
    stack.enter_context(mock.patch.object(FaultService, "lift", unheard))
    stack.enter_context(mock.patch.object(Peers, "hurry", hurry_unless_lifting))
    stack.enter_context(mock.patch.object(synchronizer, "pause_seconds", return_value=5.0))
    return stack


@bug(
    "no order shows without its stock effect",
    Directed(test_a_batch_cut_by_its_size_shows_no_order_without_its_stock),
)
def coalesce_backwards() -> AbstractContextManager[object]:
    """A state that is superseded in a batch is sent where it is newest, behind orders that rest on it."""

    def at_its_last_place(rows: Sequence[sqlite3.Row]) -> list[sqlite3.Row]:
        newest = {(row["kind"], row["entity"]): row["seq"] for row in rows}
        return [
            row
            for row in rows
            if not KINDS[row["kind"]].coalesces or newest[row["kind"], row["entity"]] == row["seq"]
        ]

    return mock.patch.object(batches, "_not_superseded", at_its_last_place)


@bug(
    "a peer's position rules its cursor, also backwards",
    Directed(test_a_peer_that_was_rolled_back_moves_the_cursor_back_and_hears_it_all_again),
)
def hello_never_moves_a_cursor_back() -> AbstractContextManager[object]:
    """A peer that says hello is believed to be further, and never to have less."""
    meet, move = handshake.meet, acknowledgement.move

    def forward(cursor: Cursor, reported: Reported, log: Log) -> Cursor | None:
        return move(cursor, reported._replace(seq=max(reported.seq, cursor.acknowledged)), log)

    def optimistic(tx: Transaction, hello: Hello, **options: Any) -> Any:
        with mock.patch.object(acknowledgement, "move", forward):
            return meet(tx, hello, **options)

    return mock.patch.object(handshake, "meet", optimistic)


@bug(
    "an acknowledgement counts for the life it is for",
    Directed(test_a_late_acknowledgement_of_the_ended_life_moves_no_cursor_of_the_next),
)
def acknowledgement_of_a_dead_epoch_moves_a_cursor() -> AbstractContextManager[object]:
    """Whatever a peer has of this node, it has of its present life."""
    move = cursors.move

    def of_this_life(tx: Transaction, peer: str, peer_epoch: str, acknowledged: int, **_epoch: Any) -> None:
        move(tx, peer, peer_epoch, acknowledged, epoch=tx.identity.epoch)

    return mock.patch.object(cursors, "move", of_this_life)
