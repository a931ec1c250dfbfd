"""Hello: what a node says of itself, and what it learns when a peer says it. The same on both sides."""

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.database import AlteredRow, Transaction, own_rows
from app.database.digest import read_digests
from app.database.identity import present_life
from app.life import Life
from app.state import ledger, membership, replicated
from app.state.errors import DeadEpoch, Decommissioned
from app.sync import outbox, parking
from app.sync.errors import Incompatible
from app.sync.events import PROTOCOL, Head, Hello, Incarnation, common_version


@dataclass(frozen=True)
class Self:
    """What does not change while the process runs."""

    schema_hash: str
    policy: str
    incarnation: str
    protocol: tuple[int, int] = PROTOCOL


@dataclass(frozen=True)
class Learned:
    """What a peer's hello told: how this node's own life (`epoch`) is behind what the peer knows of it, if
    it is, and the versions of the peer's own cells of which this node knows more, by product."""

    epoch: str
    behind: str | None
    ahead: Mapping[str, int]


@dataclass(frozen=True)
class Over:
    """A hello of a life that is over. It is refused (`refusal`), but the deaths it names are learnt. If there
    were epochs of its own branch among them that lived for all that was known (`contested`), two processes
    claim the branch: an epoch is drawn at random, so who names it has lived after it began."""

    refusal: DeadEpoch
    contested: Sequence[str]


@dataclass(frozen=True)
class Gone:
    """A hello of a decommissioned branch. It is refused, but what it names dead or gone is learnt."""

    refusal: Decommissioned


def say(
    connection: sqlite3.Connection, this: Self, *, now: float, first: bool, ahead: Mapping[str, int]
) -> Hello:
    """This node's hello, heads and digest from one read transaction."""
    node = connection.execute("SELECT * FROM node").fetchone()
    digest, digests = read_digests(connection)
    return Hello(
        protocol=this.protocol,
        schema_hash=this.schema_hash,
        cluster_id=node["cluster_id"],
        node=node["name"],
        epoch=node["epoch"],
        dead=[*sorted(ledger.dead_lives(connection))],
        decommissioned=membership.gone(connection),
        incarnation=Incarnation(starts=node["starts"], random=this.incarnation),
        policy=this.policy,
        founded=bool(node["founded"]),
        heads=heads(connection),
        oldest=outbox.oldest(connection),
        own_rows=ledger.versions(connection, Life(node["name"], node["epoch"])) if first else None,
        ahead=dict(ahead),
        parked_seqs=parking.seqs(connection),
        digest=digest,
        canonical=replicated.revisions(),
        digests=digests,
        now=now,
    )


def heads(connection: sqlite3.Connection) -> dict[str, Head]:
    """The last event known of every (origin, epoch) that has any, this node's own included, keyed
    "node@epoch"."""
    me = present_life(connection)
    known = {
        Life(row["origin"], row["epoch"]).key: Head(seq=row["seq"], event_id=row["event_id"])
        for row in own_rows.every_sound(connection, "positions")
    }
    own = outbox.head(connection)
    return {**known, me.key: own} if own.seq else known


def is_founded(connection: sqlite3.Connection) -> bool:
    """Whether this database ever belonged to a network that serves."""
    return bool(connection.execute("SELECT founded FROM node").fetchone()[0])


def check(hello: Hello, *, cluster_id: str, protocol: tuple[int, int] = PROTOCOL) -> int:
    """The protocol version to speak with a peer: the highest that both know. Raises Incompatible for a peer
    of another network or with no common protocol."""
    if hello.cluster_id != cluster_id:
        raise Incompatible("another_cluster")
    common = common_version(protocol, hello.protocol)
    if common is None:
        raise Incompatible("no_common_protocol")
    return common


def ends_itself(hello: Hello) -> bool:
    """Whether a process says that its own life is over. That holds whoever says it and when: its disk keeps
    it, and nobody goes on with that life."""
    return hello.life in hello.dead


def meet(tx: Transaction, hello: Hello, *, answers: str | None = None) -> Learned | Over | Gone:
    """Take in a peer's hello: its life, the deaths and decommissionings it knows, and where it stands in this
    node's events. Of a life that is over, by the peer's own word or another's, nothing counts but the deaths
    and decommissionings. `answers` is the epoch in which this node said the hello that this one answers, if
    it is an answer. Raises AlteredRow where this node's own event there is gone or altered."""
    life = hello.life
    membership.learn(tx, hello.decommissioned)
    if hello.node in tx.gone:
        ledger.learn_deaths(tx, [life, *hello.dead_lives])
        return Gone(refusal=Decommissioned(hello.node))
    if ends_itself(hello) or ledger.is_over(tx, life):
        before = ledger.living_epochs(tx.connection, hello.node)
        ledger.learn_deaths(tx, hello.dead_lives)
        after = ledger.living_epochs(tx.connection, hello.node)
        contested = [epoch for epoch in before if epoch not in (*after, hello.epoch)]
        return Over(refusal=DeadEpoch(*life, living=after), contested=contested)
    ledger.learn_life(tx, life)
    membership.witness(tx, life, hello.decommissioned)
    ledger.learn_deaths(tx, hello.dead_lives)
    for key in hello.heads:
        ledger.learn_life(tx, Life.parse(key))
    me = ledger.me(tx).key
    mine = hello.heads.get(me, outbox.ORIGIN)
    behind = _behind(tx, hello, mine, answers)
    if behind is None:
        parked = (hello.parked_seqs or {}).get(me, ())
        outbox.move_cursor(tx, *life, mine.seq, epoch=tx.identity.epoch, parked=parked)
    return Learned(epoch=tx.identity.epoch, behind=behind, ahead=_ahead(tx.connection, life, hello.own_rows))


def _behind(tx: Transaction, hello: Hello, mine: Head, answers: str | None) -> str | None:
    if ledger.me(tx) in hello.dead:
        return f"{hello.node} names this epoch dead"
    if mine.seq > tx.counters.seq:
        return f"{hello.node} has event {mine.seq} of this epoch, which ends at {tx.counters.seq}"
    trimmed = mine.seq < outbox.oldest(tx.connection)
    if not trimmed:
        written = outbox.event_at(tx.connection, tx.identity.epoch, mine.seq)
        if written is None:
            raise AlteredRow("events", f"{tx.identity.epoch}/{mine.seq}")
        if written != mine:
            return f"{hello.node} has another event {mine.seq} of this epoch"
    # Of the life that was asked about, which may be over by now; and compared as of now, since a row may have
    # reached the peer after this node's hello had been written.
    ahead = hello.ahead if answers == tx.identity.epoch else {}
    own = ledger.versions(tx.connection, ledger.me(tx)) if ahead else {}
    newer = sorted(product for product, version in ahead.items() if version > own.get(product, 0))
    newer = ledger.without_altered(tx.connection, ledger.me(tx), newer)
    if newer:
        return f"{hello.node} has newer rows of this epoch: {', '.join(newer[:3])}"
    return None


def _ahead(connection: sqlite3.Connection, life: Life, said: Mapping[str, int] | None) -> dict[str, int]:
    if said is None:
        return {}
    known = ledger.versions(connection, life)
    newer = [product for product, version in known.items() if version > said.get(product, 0)]
    return {product: known[product] for product in ledger.without_altered(connection, life, newer)}
