"""Sends the outbox: one task per peer, strictly in order, repeated until the peer has every event."""

import asyncio
import logging
import sqlite3
from typing import Any

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, stop_never

from app.database import AlteredRow, StorageError
from app.domain.errors import BeyondBounds, DeadEpoch, Decommissioned
from app.domain.life import Life
from app.domain.ranges import Ranges
from app.runtime import wait
from app.services.stock_service import StockService
from app.sync.context import NodeContext
from app.sync.lifecycle.hello_handler import HelloHandler
from app.sync.log import outbox
from app.sync.log.outbox_reader import OutboxReader
from app.sync.log.recent_cuts import Cut
from app.sync.peering.client import Refusal
from app.sync.peering.peers import Peer, process_of
from app.sync.rules.batch_size import after_failure, after_success
from app.sync.rules.retry import Advance, Answer, Retry, decide, pause_seconds
from app.sync.upkeep import Upkeep
from app.sync.wire.errors import Incompatible, Trimmed
from app.sync.wire.messages import BatchReceipt, Hello, Span

log = logging.getLogger("app.sync")

HEARTBEAT_SECONDS = 3.0  # an idle pair says hello this often, so that "heard from lately" stays true
HELLO_TIMEOUT_SECONDS = 2.0
EVENT_TIMEOUT_SECONDS = 5.0
LONGEST_PAUSE_RETRIES = 10.0  # the cap of the pause, in multiples of its base
FAREWELL_SECONDS = 30.0  # how often a decommissioned branch is told so, until it answers that it knows

_OTHER_LIFE = Answer(409, "wrong_epoch")
_REFUSED_ANSWERS = ("unproven_answer", "200 unreadable_answer")


class _Undelivered(Exception):
    """One attempt failed; `retry` says how to go on."""

    def __init__(self, retry: Retry, detail: str) -> None:
        super().__init__(detail)
        self.retry = retry
        self.detail = detail


class ReplicaSynchronizer:
    """Keeps every peer's cursor moving.

    - Events are sent in their order; the head of a queue is never skipped.
    - A failed attempt is repeated for ever. The pauses grow from `retry_seconds`, are capped, and have full
      jitter.
    - A sign of life from the peer ends a pause; a commit does not. After a refusal a pause lasts at least
      `retry_seconds`.
    - A slow or dead peer delays no other.
    - A decommissioned peer gets no events. It gets a hello now and then, after each start of this node too,
      until it has stored that it is decommissioned.
    """

    def __init__(self, context: NodeContext, *, hello_handler: HelloHandler, stock: StockService) -> None:
        self._database = context.database
        self._peers = context.peers
        self._link = context.link
        self._fencer = context.fencer
        self._clock = context.clock
        self._random = context.random
        self._retry_seconds = context.settings.replication_retry_seconds
        self._hello_handler = hello_handler
        self._outbox = OutboxReader(context.database, shares=len(self._peers.configured) > 1)
        self._upkeep = Upkeep(context, stock=stock)

    async def run(self) -> None:
        """Send until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for peer in self._peers.configured:  # also who is decommissioned: it may live, and not know
                tasks.create_task(self._serve(peer), name=f"to {peer.name}")
            self._upkeep.start(tasks)

    async def _serve(self, peer: Peer) -> None:
        def pause(state: RetryCallState) -> float:
            return pause_seconds(
                state.attempt_number,
                base=self._retry_seconds,
                cap=self._retry_seconds * LONGEST_PAUSE_RETRIES,
                chance=self._random.random(),
            )

        async def rest(seconds: float) -> None:
            # Each hello that comes meanwhile is a sign of life: two nodes that take each other's hellos and
            # refuse the answers would greet each other as fast as they can.
            least = self._retry_seconds if peer.refused else 0.0
            peer.next_retry_at = self._clock.monotonic() + max(seconds, least)
            peer.alive.clear()
            if least:
                await self._clock.sleep(least)
            await wait(peer.alive, max(seconds - least, 0.0))
            peer.next_retry_at = None

        retrying = AsyncRetrying(
            sleep=rest,
            wait=pause,
            stop=stop_never,
            retry=retry_if_exception_type(_Undelivered),
            before_sleep=lambda state: _note_failure(peer, state),
        )
        while not peer.decommissioned:
            async for attempt in retrying:
                with attempt:
                    await self._step(peer)
                    # What fails after a success fails for the first time, too: the same count will do.
                    while attempt.retry_state.attempt_number == 1 and not peer.decommissioned:
                        await self._step(peer)
        while not await self._farewell(peer):
            await self._clock.sleep(FAREWELL_SECONDS)

    async def _farewell(self, peer: Peer) -> bool:
        try:
            return await self._hello_handler.say_farewell(peer)
        except (Refusal, StorageError, sqlite3.Error) as error:
            log.info("%s is decommissioned and was not told so: %s", peer.name, error)
        except Exception:
            log.exception("telling %s that it is decommissioned failed", peer.name)  # as in `_step`
        return False

    async def _step(self, peer: Peer) -> None:
        """Do the next thing for a peer: hello if due, else the next batch, else wait until there is one. For
        a decommissioned peer do nothing."""
        if peer.decommissioned:
            return
        try:
            if peer.needs_hello:
                await self._hello(peer)
            peer.work.clear()
            cut = await self._read(peer)
            if cut is not None:
                await self._drain(peer, cut)
                return
            self._succeeded(peer)
            if not await wait(peer.work, HEARTBEAT_SECONDS):
                peer.needs_hello = True
        except Trimmed as error:
            raise _Undelivered(Retry("needs_snapshot", "trimmed", hello_first=True), _why(error)) from error
        except (Incompatible, DeadEpoch, Decommissioned, BeyondBounds) as error:
            raise _Undelivered(Retry("blocked", str(error), hello_first=True), _why(error)) from error
        except (StorageError, sqlite3.Error) as error:
            raise _Undelivered(Retry("backing_off", "own_storage"), f"own storage: {error}") from error
        except _Undelivered:
            raise
        except Exception as error:
            # A mistake of ours must neither end every sender nor stay unseen: it is logged, shown as this
            # peer's last error, and the queue is tried again.
            log.exception("sending to %s failed", peer.name)
            raise _Undelivered(Retry("blocked", "internal"), f"internal: {error!r}") from error

    async def _hello(self, peer: Peer) -> None:
        noted = peer.latest
        mine = await self._hello_handler.say(first=not peer.said_first_hello)
        try:
            theirs = await self._link.call(
                peer, "/replica/hello", mine, expect=Hello, patience=HELLO_TIMEOUT_SECONDS
            )
        except Refusal as refusal:
            await self._hello_handler.heed(peer, refusal, asked=mine.epoch)
            raise _undelivered(refusal) from refusal
        if theirs.node != peer.name:
            raise _Undelivered(
                Retry("blocked", "wrong_node"), f"{peer.url} is {theirs.node}, not {peer.name}"
            )
        if noted.is_after(process_of(theirs)):
            await self._hello_handler.end_cloned(peer, theirs.epoch)
        await self._hello_handler.take_in(peer, theirs, answers=mine.epoch)
        self._peers.note_latest(peer, theirs)
        peer.needs_hello = False
        peer.said_first_hello = True

    async def _read(self, peer: Peer, *, behind: Span | None = None) -> Cut | None:
        assert peer.epoch is not None, "hello tells the peer's epoch"
        size = peer.batch_size.at_most(self._peers.batch_limit())
        return await self._outbox.read(
            peer.name, peer.epoch, size=size, behind=behind, reported=peer.reported
        )

    async def _drain(self, peer: Peer, cut: Cut | None) -> None:
        """Deliver this batch and those behind it, while the peer takes each whole. One is on its way at a
        time; the next is read meanwhile."""
        while cut is not None:
            ahead = asyncio.create_task(self._read_ahead(peer, cut), name=f"read ahead for {peer.name}")
            try:
                began = self._clock.monotonic()
                await self._deliver(peer, cut)
                seconds = self._clock.monotonic() - began
                peer.batch_size = after_success(peer.batch_size, seconds=seconds, full=cut.more)
                following = await ahead
            finally:
                ahead.cancel()
            cut = following if following is not None and self._continues(peer, cut, following) else None

    async def _read_ahead(self, peer: Peer, cut: Cut) -> Cut | None:
        """The batch behind one that is under way. None where there is none, or it cannot be read: then it is
        read, and what is wrong is shown, when its turn has come."""
        try:
            return await self._read(peer, behind=cut.span) if cut.more else None
        except (Trimmed, AlteredRow, StorageError, sqlite3.Error):
            return None

    def _continues(self, peer: Peer, cut: Cut, following: Cut) -> bool:
        """Whether a batch that was read ahead is the next one: nothing moved or ended since."""
        span = following.span
        same_lives = (span.epoch, span.to_epoch) == (self._database.identity.epoch, peer.epoch)
        stays = not (peer.needs_hello or peer.decommissioned)
        return stays and same_lives and peer.reported == cut.span.through.seq

    async def _deliver(self, peer: Peer, cut: Cut) -> None:
        span = cut.span
        try:
            receipt = await self._link.call(
                peer, "/replica/event", cut, expect=BatchReceipt, patience=EVENT_TIMEOUT_SECONDS
            )
        except Refusal as refusal:
            # One that tells a position does not tell what is parked below it.
            answer, detail, parked = refusal.answer, str(refusal), None
        else:
            parked = receipt.parked_seqs or []
            head = receipt.position
            same_life = receipt.epoch == span.to_epoch
            answer = Answer(200, position=head.seq, event_id=head.event_id) if same_life else _OTHER_LIFE
            detail = "the answer comes from another life of the peer"
        if span.to_epoch != peer.epoch:  # whose hello overtook the answer, whether a receipt or a gap
            answer, detail = _OTHER_LIFE, "the peer began another life before it answered"
        decision = decide(answer)
        if isinstance(decision, Retry):
            raise _Undelivered(decision, detail)
        await self._advance(peer, span, decision, event_id=answer.event_id, parked=parked)
        peer.needs_hello = peer.needs_hello or parked is None

    async def _advance(
        self, peer: Peer, span: Span, decision: Advance, *, event_id: str | None, parked: Ranges | None
    ) -> None:
        life = Life(peer.name, span.to_epoch)
        possible = await self._database.write(
            lambda tx: outbox.acknowledge(
                tx, life, decision.position, event_id, epoch=span.epoch, parked=parked
            )
        )
        if not possible:
            event = f"event {decision.position} of this epoch"
            why = f"{peer.name} acknowledges {event}, which is none of this disk"
            await self._fencer.begin(span.epoch, why, witness=peer.name)
            raise _Undelivered(Retry("backing_off", "another history", hello_first=True), why)
        if decision.position == span.after.seq:
            # Reported without progress: pausing keeps two nodes from repeating it as fast as they can.
            raise _Undelivered(Retry("backing_off", "no progress"), "the peer did not move on")
        peer.reported = decision.position
        self._succeeded(peer)

    def _succeeded(self, peer: Peer) -> None:
        """Note that the peer moved on, or lacks nothing. A hello alone is no success: the peer would refuse
        the same batch again, and the reason must stay visible meanwhile."""
        peer.state = "ok"
        peer.attempts = 0
        peer.last_error = None
        peer.last_success_at = self._clock.wall()


def _undelivered(refusal: Refusal) -> _Undelivered:
    decision = decide(refusal.answer)
    retry = decision if isinstance(decision, Retry) else Retry("backing_off", "unexpected", hello_first=True)
    return _Undelivered(retry, str(refusal))


def _why(error: Exception) -> str:
    """A refusal of this node itself, in words about the peer."""
    match error:
        case Trimmed():
            return "lacks what the log here no longer has"
        case Incompatible(reason=reason):
            return f"does not fit this node: {reason}"
        case DeadEpoch(epoch=epoch):
            return f"lives on in epoch {epoch}, which is over"
        case Decommissioned():
            return "is decommissioned"
    return f"sent what no honest node sends: {error}"


def _note_failure(peer: Peer, state: RetryCallState) -> None:
    error: Any = state.outcome.exception() if state.outcome else None
    if isinstance(error, _Undelivered):
        peer.state = error.retry.state
        peer.batch_size = after_failure()
        peer.attempts += 1
        peer.last_error = error.detail
        peer.refused = error.retry.state == "blocked" or error.retry.reason in _REFUSED_ANSWERS
        peer.needs_hello = peer.needs_hello or error.retry.hello_first
