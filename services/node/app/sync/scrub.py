"""Reading every replicated row again from time to time, and mending by peers what is not what was written."""

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import suppress

from app.database import Database, StorageError, Transaction, seals
from app.database.digest import bucket_of
from app.runtime import Clock
from app.state import ledger, repair, replicated
from app.state.errors import Invalid
from app.state.repair import Given, Mended, Trouble
from app.sync import handshake
from app.sync.alarms import Alarms
from app.sync.events import BucketReply, BucketRequest, Head
from app.sync.link import Refusal, ReplicaLink
from app.sync.outbox import ORIGIN
from app.sync.peers import Peer, Peers

log = logging.getLogger("app.scrub")

BUCKET_TIMEOUT_SECONDS = 10.0
ROUNDS = 4
"""How often a bucket is asked for while a peer gave its rows and they prove nothing yet: events are under
way."""

ROUND_SECONDS = 1.0
FIRST_SECONDS = 3.0
"""How long after its start a node scrubs first: by then it has met the peers that can be reached."""

QUIET_SECONDS = 10.0
"""How long a row that was looked at is not looked at again because somebody met it."""

NAMED = 5  # buckets that one alarm names


class Scrub:
    """Compares the rows as they stand with their seals and with the digest kept up to date at each write.

    Rows that were changed by anything but this node's commands are mended as rows, one bucket at a time, by a
    peer that serves, writes them under the same revision and whose own rows of that bucket are sound. What no
    peer can confirm stays, is listed (`altered_rows`), and is an alarm that names table and bucket. No file
    is set aside and no life is ended here, whatever all members find at once.
    """

    def __init__(
        self,
        database: Database,
        *,
        peers: Peers,
        link: ReplicaLink,
        alarms: Alarms,
        clock: Clock,
        seconds: float,
    ) -> None:
        self._database = database
        self._peers = peers
        self._link = link
        self._alarms = alarms
        self._clock = clock
        self._seconds = seconds
        self._suspected = asyncio.Event()
        self._looked_at: dict[tuple[str, str], float] = {}

    def suspect(self, relation: str, key: str) -> None:
        """Say so and scrub at once: a row was met that is not what was written."""
        now = self._clock.monotonic()
        if now - self._looked_at.get((relation, key), -QUIET_SECONDS) >= QUIET_SECONDS:
            self._alarms.raise_("altered_rows", f"{relation}/{bucket_of(key)}: {key} was met in use")
            self._looked_at = {row: at for row, at in self._looked_at.items() if now - at < QUIET_SECONDS}
            self._looked_at[relation, key] = now
            self._suspected.set()

    async def run(self) -> None:
        """Scrub soon, then every `seconds`, and when a row is suspected, until cancelled."""
        pause = min(FIRST_SECONDS, self._seconds)
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._suspected.wait()
            pause = self._seconds
            self._suspected.clear()
            try:
                await self.once()
            except (StorageError, sqlite3.Error) as error:
                log.warning("scrubbing is put off: %s", error)

    async def once(self) -> None:
        """Read everything once, and mend what is not what was written."""
        if await self._database.read(repair.has_strange_totals):
            await self._database.write(repair.forget_strange_totals)
            self._alarms.raise_("repaired_rows", "the digest counted buckets that no version keeps")
        troubles = await self._database.read(repair.find_troubles)
        if await self._database.read(seals.listed):
            await self._database.write(repair.forget_sound)
        left = [words for trouble in troubles if (words := await self._mend(trouble)) is not None]
        if left:
            more = f" and {len(left) - NAMED} more buckets" if len(left) > NAMED else ""
            self._alarms.raise_("altered_rows", "; ".join(left[:NAMED]) + more)

    async def _mend(self, trouble: Trouble) -> str | None:
        """Mend a bucket; what is left of the trouble, in words, or None."""
        said: dict[str, str] = {}
        for number in range(ROUNDS):
            if number:
                await self._clock.sleep(ROUND_SECONDS)
            waits = False
            for peer in self._peers:
                mended = await self._mend_by(peer, trouble, said)
                if mended is not None and mended.settled:
                    return None
                waits = waits or mended is not None
            if not waits:
                break
        asked = sum(1 for words in said.values() if not words.startswith("gave no answer"))
        why = ", ".join(f"{name} {words}" for name, words in sorted(said.items())) or "there is no peer"
        await self._database.write(lambda tx: repair.list_altered(tx, trouble, asked=asked, why=why))
        return f"{trouble}; {why}"

    async def _mend_by(self, peer: Peer, trouble: Trouble, said: dict[str, str]) -> Mended | None:
        """Mend a bucket by one peer's rows; None if it gave none, and why in `said`."""
        if peer.epoch is None:
            said[peer.name] = "gave no answer"
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
            said[peer.name] = f"gave no answer ({refusal})"
            return None
        if (refused := _unfit(reply, trouble)) is not None:
            said[peer.name] = refused
            return None
        mended = await self._database.write(_mending(peer.name, trouble, reply))
        if mended.restored or mended.recounted:
            self._alarms.raise_("repaired_rows", f"{trouble}; by {peer.name}: {_words(mended)}")
        said[peer.name] = "has rows that prove nothing"
        return mended


def _unfit(reply: BucketReply, trouble: Trouble) -> str | None:
    """Why a peer's answer must not be used, in words."""
    if (reply.relation, reply.bucket) != (trouble.relation, trouble.bucket):
        return "answered for another bucket"
    if not reply.ready:
        return "does not serve"
    if trouble.relation not in replicated.revisions():
        return "knows another form of these rows"
    if reply.revisions.get(trouble.relation, 1) != replicated.revisions()[trouble.relation]:
        return "writes these rows under another revision"
    return None if reply.sound else "has rows there that are not what it wrote either"


def _mending(name: str, trouble: Trouble, reply: BucketReply) -> Callable[[Transaction], Mended]:
    def mend(tx: Transaction) -> Mended:
        entity = replicated.get(trouble.relation)
        try:
            rows = [entity.checked(tx, row) for row in reply.rows]
        except Invalid as invalid:
            log.warning("%s gave a row that no node could have written: %r", name, invalid)
            return Mended()
        if [entity.seal(row) for row in rows] != reply.seals:
            log.warning("%s gave rows of %s that do not fit their seals", name, trouble)
            return Mended()
        given = Given(rows=rows, life=(name, reply.epoch), dominates=_dominates(tx, reply))
        return repair.mend(tx, trouble, given)

    return mend


def _dominates(tx: Transaction, reply: BucketReply) -> bool:
    """Whether a peer has every event that is known here, this node's own included."""
    known = handshake.heads(tx.connection)
    own = "@".join(ledger.me(tx))
    return all(
        _is_as_far(reply.heads.get(life, ORIGIN), head) for life, head in known.items() if life != own
    ) and (own not in known or reply.heads.get(own) == known[own])


def _is_as_far(theirs: Head, ours: Head) -> bool:
    return theirs.seq > ours.seq or theirs == ours


def _words(mended: Mended) -> str:
    parts: Sequence[str] = [
        f"{mended.restored} rows restored" if mended.restored else "",
        f"{mended.missing} of them were missing" if mended.missing else "",
        "the digest counted anew from rows that are as written" if mended.recounted else "",
    ]
    return ", ".join(part for part in parts if part)
