"""The scrub: reads every replicated row again from time to time, and mends altered rows with those of
peers."""

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from app.database import StorageError, Transaction, seals
from app.database.digest import bucket_of
from app.database.file import are_indexes_sound
from app.domain.life import Life
from app.domain.ranges import common
from app.runtime import wait
from app.state.registry import replicated
from app.state.repair import altered_rows, buckets, checking, unwritten
from app.state.repair.buckets import Given, Mended
from app.state.repair.checking import NOT_WRITTEN, Trouble
from app.state.tables import life_table
from app.sync.context import NodeContext
from app.sync.damage.paced_reader import PacedReader
from app.sync.log import dead_letters, own_rows_repair, positions
from app.sync.log.outbox import EMPTY_LOG
from app.sync.peering.client import Refusal
from app.sync.peering.peers import Peer
from app.sync.wire.messages import BucketReply, BucketRequest, Head

log = logging.getLogger("app.damage")

BUCKET_TIMEOUT_SECONDS = 10.0
ROUNDS = 4
"""How often a bucket is asked for while the rows that peers send prove nothing yet. Events may be under
way."""

ROUND_SECONDS = 1.0
FIRST_SECONDS = 3.0
"""How long after its start a node scrubs first. By then it has met the peers that can be reached."""

QUIET_SECONDS = 10.0
"""How long a suspected row is not reported again."""

NAMED = 5  # buckets that one alarm names


@dataclass(frozen=True)
class Said:
    """A peer's answer about a bucket, in words. It `counts` unless asking again soon could bring another
    answer. Rows may be sent as they stand once an answer counts."""

    words: str
    counts: bool = True


class Scrub:
    """Compares every row with its seal, and with the digest that each write keeps up to date.

    A row that this node's commands did not write is mended with a peer's rows, one bucket at a time. That
    peer must serve, write such rows under the same revision, and have only sound rows in the bucket. A row
    that no peer can confirm stays, is listed (`altered_rows`), and raises an alarm that names table and
    bucket. The scrub never sets a file aside and never ends a life, even if all members find such rows at
    once. It reads in pieces and rests between them, but for a row that is suspected: orders may wait for it.
    """

    def __init__(self, context: NodeContext) -> None:
        self._database = context.database
        self._peers = context.peers
        self._link = context.link
        self._alarms = context.alarms
        self._clock = context.clock
        self._seconds = context.settings.scrub_seconds
        self._suspected = asyncio.Event()
        self._reader = PacedReader(context.database, clock=context.clock, hurry=self._suspected)
        self._looked_at: dict[tuple[str, str], float] = {}

    def suspect(self, relation: str, key: str) -> None:
        """Raise the alarm and scrub at once, because a read met a row that does not fit its seal."""
        now = self._clock.monotonic()
        if now - self._looked_at.get((relation, key), -QUIET_SECONDS) >= QUIET_SECONDS:
            where = f"{relation}/{bucket_of(key)}" if replicated.find(relation) else relation
            self._alarms.raise_("altered_rows", f"{where}: {key} differs from its seal")
            self._looked_at = {row: at for row, at in self._looked_at.items() if now - at < QUIET_SECONDS}
            self._looked_at[relation, key] = now
            self._suspected.set()

    async def run(self) -> None:
        """Scrub soon after the start, then every `seconds`, and when a row is suspected, until cancelled."""
        pause = min(FIRST_SECONDS, self._seconds)
        while True:
            self._reader.in_haste = await wait(self._suspected, pause)
            pause = self._seconds
            self._suspected.clear()
            try:
                await self.once()
            except (StorageError, sqlite3.Error) as error:
                log.warning("scrubbing is put off: %s", error)
            except Exception as error:
                # A mistake of ours must neither end the search for altered rows nor stay unseen.
                log.exception("scrubbing failed")
                self._alarms.raise_("stands_still", f"scrub: {error!r}; again in {self._seconds:g} s")

    async def once(self) -> None:
        """Read everything once, in pieces, and mend the rows that are not as written."""
        await self._repair_own_rows()
        await self._forget_strange_totals()
        has_broken_keys = await self._reader.read(unwritten.look_for_broken_keys())
        troubles = await self._reader.read(checking.look_for_troubles())
        if (has_broken_keys or troubles) and not await self._database.read(are_indexes_sound):
            # Rows are missing because what leads to them is damaged: putting them would make them twice.
            self._database.suspect_damage()
            return
        if has_broken_keys:
            if moved := await self._database.write(unwritten.move_out_broken_keys):
                self._alarms.raise_("unwritten_rows", f"{', '.join(moved)}: moved out, keys that are no text")
            troubles = await self._reader.read(checking.look_for_troubles())
        if await self._database.read(seals.listed):
            await self._database.write(altered_rows.forget_sound)
        left = [words for trouble in troubles if (words := await self._mend(trouble)) is not None]
        if left:
            more = f" and {len(left) - NAMED} more buckets" if len(left) > NAMED else ""
            self._alarms.raise_("altered_rows", "; ".join(left[:NAMED]) + more)

    async def _repair_own_rows(self) -> None:
        if not await self._reader.read(own_rows_repair.look_whether_needed()):
            return
        try:
            repaired = await self._database.write(own_rows_repair.repair)
        except sqlite3.IntegrityError:
            self._database.suspect_damage()
        else:
            self._alarms.raise_("repaired_rows", str(repaired))

    async def _forget_strange_totals(self) -> None:
        database = self._database
        if not await database.read(checking.has_strange_totals):
            return
        if removed := await database.write(checking.forget_strange_totals):
            self._alarms.raise_("repaired_rows", f"{removed} totals of the digest had a damaged name")
        else:  # only the index says so, or the writer remembers what the file says no more
            database.suspect_damage()

    async def _mend(self, trouble: Trouble) -> str | None:
        """Mend a bucket. Returns what is left of the trouble, in words, or None."""
        said: dict[str, Said] = {}
        for number in range(ROUNDS):
            if number:
                await self._clock.sleep(ROUND_SECONDS)
            waits = False
            for peer in self._peers:
                given = await self._mend_by(peer, trouble, said)
                if given is not None and given.settled:
                    return None
                waits = waits or given is not None
            if not waits:
                break
        if trouble.keys and not waits:  # what the total alone proves needs no peer's word
            alone = await self._mend_with(trouble, lambda tx: buckets.mend(tx, trouble, None))
            if alone.settled:
                return None
        asked = sum(1 for answer in said.values() if answer.counts)
        why = ", ".join(f"{name} {said[name].words}" for name in sorted(said)) or "there is no peer"
        await self._database.write(lambda tx: altered_rows.list_altered(tx, trouble, asked=asked, why=why))
        return f"{trouble}; {why}"

    async def _mend_by(self, peer: Peer, trouble: Trouble, said: dict[str, Said]) -> Mended | None:
        """Mend a bucket with one peer's rows. Returns None if the peer gave none, with the reason in
        `said`."""
        if peer.epoch is None:
            said[peer.name] = Said("gave no answer", counts=False)
            return None
        request = BucketRequest(
            to_epoch=peer.epoch,
            epoch=self._database.identity.epoch,
            relation=trouble.relation,
            bucket=trouble.bucket,
        )
        try:
            reply = await self._link.call(
                peer, "/replica/bucket", request, expect=BucketReply, patience=BUCKET_TIMEOUT_SECONDS
            )
        except Refusal as refusal:
            said[peer.name] = Said(f"gave no answer ({refusal})", counts=False)
            return None
        if (refused := unfit(reply, trouble, is_founded=peer.founded)) is not None:
            said[peer.name] = refused
            return None
        mended = await self._mend_with(trouble, mending(peer.name, trouble, reply))
        if mended.restored or mended.recounted:
            self._alarms.raise_("repaired_rows", f"{trouble}; by {peer.name}: {_words(mended)}")
        said[peer.name] = Said("has rows that prove nothing")
        return mended

    async def _mend_with(self, trouble: Trouble, mend: Callable[[Transaction], Mended]) -> Mended:
        mended = await self._database.write(mend)
        if mended.moved_out:
            words = f"{mended.moved_out} moved out that no command wrote"
            self._alarms.raise_("unwritten_rows", f"{trouble}; {words}")
        return mended


def unfit(reply: BucketReply, trouble: Trouble, *, is_founded: bool | None) -> Said | None:
    """Why a peer's answer must not be used, or None. A founded peer that does not serve yet may have the row,
    so it is asked again; an empty one has none."""
    if (reply.relation, reply.bucket) != (trouble.relation, trouble.bucket):
        return Said("answered for another bucket", counts=False)
    if not reply.ready:
        return Said("does not serve", counts=not is_founded)
    if reply.revisions.get(trouble.relation, 1) != replicated.revisions()[trouble.relation]:
        return Said("writes these rows under another revision")
    return None if reply.sound else Said("has rows there that are not what it wrote either")


def mending(name: str, trouble: Trouble, reply: BucketReply) -> Callable[[Transaction], Mended]:
    """The command that mends a bucket with the rows that the peer `name` gave. It changes nothing where a row
    of the reply could not have been written by any node, or does not fit its seal."""

    def mend(tx: Transaction) -> Mended:
        entity = replicated.get(trouble.relation)
        try:
            rows = [entity.checked(tx, row) for row in reply.rows]
        except NOT_WRITTEN as error:
            log.warning("%s gave a row that no node could have written: %r", name, error)
            return Mended()
        if [entity.seal(row) for row in rows] != reply.seals:
            log.warning("%s gave rows of %s that do not fit their seals", name, trouble)
            return Mended()
        given = Given(rows=rows, life=Life(name, reply.epoch), dominates=_dominates(tx, reply))
        return buckets.mend(tx, trouble, given)

    return mend


def _dominates(tx: Transaction, reply: BucketReply) -> bool:
    """Whether a peer has in its rows every event that is known here, this node's own included. An event that
    the peer parked is not in its rows; it is ignored only if it is parked here too."""
    known, parked = positions.heads(tx.connection), dead_letters.seqs(tx.connection)
    own = life_table.me(tx).key
    return (
        all(_is_as_far(reply.heads.get(life, EMPTY_LOG), head) for life, head in known.items() if life != own)
        and (own not in known or reply.heads.get(own) == known[own])
        and all(common(seqs, parked.get(life, ())) == seqs for life, seqs in reply.parked_seqs.items())
    )


def _is_as_far(theirs: Head, ours: Head) -> bool:
    return theirs.seq > ours.seq or theirs == ours


def _words(mended: Mended) -> str:
    parts: Sequence[str] = [
        f"{mended.restored} rows restored" if mended.restored else "",
        f"{mended.missing} of them were missing" if mended.missing else "",
        "the digest counted anew from rows that are as written" if mended.recounted else "",
    ]
    return ", ".join(part for part in parts if part)
