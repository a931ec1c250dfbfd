"""Hello: what a node reports of itself, and what it stores from a peer's hello. Both sides do the same."""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from app.database import AlteredRow, Transaction
from app.database.digest import read_digests
from app.domain.life import Life
from app.state.registry import replicated
from app.state.tables import life_table, membership, stock_table
from app.sync.log import cursors, dead_letters, outbox, positions
from app.sync.rules import acknowledgement, hello_rules
from app.sync.rules.acknowledgement import Finding, Reported
from app.sync.rules.hello_rules import Accepted, Behind, NoMember, Over, Sender
from app.sync.wire.errors import ANOTHER_CLUSTER, NO_COMMON_PROTOCOL, Incompatible
from app.sync.wire.messages import PROTOCOL, Head, Hello, Incarnation, common_version


@dataclass(frozen=True)
class Self:
    """What a hello reports that does not change while the process runs."""

    schema_hash: str
    policy: str
    incarnation: str
    protocol: tuple[int, int] = PROTOCOL


@dataclass(frozen=True)
class Learned:
    """What an accepted hello changed. `epoch` is this node's epoch. `behind` is the evidence that the peer
    has more of this epoch than this disk has, or None. `ahead` are the versions of the peer's own stock rows
    where this node's copy is newer, by product id."""

    epoch: str
    behind: str | None
    ahead: Mapping[str, int]


class Known(NamedTuple):
    """What a node knows of another's life: its position in that log, and the versions of the stock rows that
    are newer than the hello said, by product id."""

    position: Head
    ahead: Mapping[str, int]


def say(
    connection: sqlite3.Connection, this: Self, *, now: float, first: bool, ahead: Mapping[str, int]
) -> Hello:
    """Build this node's hello from one read transaction. `first` adds the versions of its own stock rows, so
    that the peer can compare them. `ahead` is what `Learned.ahead` had for this peer."""
    node = connection.execute("SELECT * FROM node").fetchone()
    digest, digests = read_digests(connection)
    return Hello(
        protocol=this.protocol,
        schema_hash=this.schema_hash,
        cluster_id=node["cluster_id"],
        node=node["name"],
        epoch=node["epoch"],
        dead=[*life_table.deaths_to_tell(connection)],
        decommissioned=membership.decommissioned(connection),
        incarnation=Incarnation(starts=node["starts"], random=this.incarnation),
        policy=this.policy,
        founded=bool(node["founded"]),
        heads=positions.heads(connection),
        oldest=outbox.oldest(connection),
        own_rows=stock_table.versions(connection, Life(node["name"], node["epoch"])) if first else None,
        ahead=dict(ahead),
        parked_seqs=dead_letters.seqs(connection),
        digest=digest,
        canonical=replicated.revisions(),
        digests=digests,
        now=now,
    )


def check(hello: Hello, *, cluster_id: str, protocol: tuple[int, int] = PROTOCOL) -> int:
    """Return the highest protocol version that both nodes support. Raises Incompatible for a peer of another
    network, or with no version in common."""
    if hello.cluster_id != cluster_id:
        raise Incompatible(ANOTHER_CLUSTER)
    common = common_version(protocol, hello.protocol)
    if common is None:
        raise Incompatible(NO_COMMON_PROTOCOL)
    return common


def ends_itself(hello: Hello) -> bool:
    """Whether a hello names its sender's own life as dead."""
    return hello_rules.ends_itself(hello.life, hello.dead_lives)


def meet(tx: Transaction, hello: Hello, *, answers: str | None = None) -> Learned | Over | NoMember:
    """Store what a peer's hello reports: its life, the dead lives and decommissioned branches it knows, and
    its position in this node's log.

    The hello of a dead life or of a decommissioned branch is refused (Over, NoMember). Then only dead lives
    and decommissioned branches that it names are stored. `answers` is the epoch of this node's hello that
    this one answers, or None. Raises AlteredRow where this node's own event at the peer's position is missing
    or altered.
    """
    life = hello.life
    membership.learn(tx, hello.decommissioned)
    if not ends_itself(hello):
        life_table.believe_living(tx, life)
    verdict = hello_rules.judge(
        life, hello.dead_lives, known=_sender(tx, life), me=life_table.me(tx), answers=answers is not None
    )
    match verdict:
        case NoMember():
            life_table.learn_deaths(tx, [life, *hello.dead_lives], by=life)
            return verdict
        case Over():
            life_table.learn_deaths(tx, hello.dead_lives, by=life)
            return verdict
    with tx.hearing(life):
        life_table.learn_life(tx, life)
        for named in map(Life.parse, hello.heads):
            if named.branch == tx.identity.name:  # every other life of this branch is over: it has to say so
                life_table.learn_life(tx, named)
    membership.witness(tx, life, hello.decommissioned)
    life_table.learn_deaths(tx, hello.dead_lives, by=life)
    if isinstance(verdict, Accepted):
        verdict = _judge_own(tx, hello, answers)
    return Learned(
        epoch=tx.identity.epoch,
        behind=verdict.why if isinstance(verdict, Behind) else None,
        ahead=_ahead(tx.connection, life, hello.own_rows),
    )


def judge_unread(tx: Transaction, hello: Hello) -> Over | NoMember | Known:
    """Whether a peer with no protocol version in common has to stop selling; else what is known of its life,
    for it to compare with its own file.

    Nothing that it says of others is stored. Of itself, its life is believed to live, as after any hello of
    its own.
    """
    life = hello.life
    life_table.believe_living(tx, life)
    verdict = hello_rules.judge(life, (), known=_sender(tx, life), me=life_table.me(tx))
    if isinstance(verdict, NoMember | Over):
        return verdict
    return Known(positions.at(tx.connection, life), _ahead(tx.connection, life, hello.own_rows))


def lacks(
    tx: Transaction, branch: str, reported: Reported, ahead: Mapping[str, int] | None = None
) -> str | None:
    """The evidence that a peer of `branch` has more of the `reported` epoch than this disk has now; None
    where it has not, or this node lives another epoch by now. `ahead` are the versions of the rows that were
    newer there than in the hello."""
    if reported.epoch != tx.identity.epoch:
        return None
    verdict = _compare_own(tx, branch, reported, ahead or {})
    return verdict.why if isinstance(verdict, Behind) else None


def _sender(tx: Transaction, life: Life) -> Sender:
    return Sender(
        is_decommissioned=life.branch in tx.decommissioned,
        is_over=life_table.is_over(tx, life),
        living=life_table.living_epochs(tx.connection, life.branch),
    )


def _judge_own(tx: Transaction, hello: Hello, answers: str | None) -> Accepted | Behind:
    """Compare this node's log and rows with the peer's copy of them. The peer's cursor moves if this node's
    epoch goes on."""
    me = life_table.me(tx).key
    head = hello.heads.get(me, outbox.EMPTY_LOG)
    parked = (hello.parked_seqs or {}).get(me, ())
    reported = Reported(tx.identity.epoch, head.seq, head.event_id, parked)
    # The rows are of the life that was asked about, which may be over by now.
    ahead = hello.ahead if answers == tx.identity.epoch else {}
    verdict = _compare_own(tx, hello.node, reported, ahead)
    if isinstance(verdict, Accepted):
        cursors.move(tx, hello.node, hello.epoch, head.seq, epoch=tx.identity.epoch, parked=parked)
    return verdict


def _compare_own(
    tx: Transaction, branch: str, reported: Reported, ahead: Mapping[str, int]
) -> Accepted | Behind:
    """Whether this node's epoch goes on, after a peer of `branch` reported its position and newer rows
    (`ahead`). They are compared as of now: more of this life may have reached the peer since this node's
    hello had been written."""
    log = outbox.log_at(tx, reported, oldest=outbox.oldest(tx.connection))
    finding = acknowledgement.compare(reported, log)
    if finding is Finding.MISSING:
        raise AlteredRow("events", f"{reported.epoch}/{reported.seq}")
    newer = _newer_rows(tx.connection, life_table.me(tx), ahead)
    return hello_rules.judge_own(branch, reported.seq, finding, end=log.end, newer=newer)


def _newer_rows(connection: sqlite3.Connection, life: Life, said: Mapping[str, int]) -> list[str]:
    """The products where a peer's version (`said`) of a life's stock row is newer than this node's."""
    known = stock_table.versions(connection, life) if said else {}
    return stock_table.without_altered(connection, life, hello_rules.newer_rows(said, known))


def _ahead(connection: sqlite3.Connection, life: Life, said: Mapping[str, int] | None) -> dict[str, int]:
    """The versions of a life's stock rows that are newer here than what the peer reported (`said`), by
    product id."""
    if said is None:
        return {}
    known = stock_table.versions(connection, life)
    newer = stock_table.without_hearsay(connection, life, hello_rules.newer_rows(known, said))
    return {product: known[product] for product in stock_table.without_altered(connection, life, newer)}
