"""What is handed over besides rows: how far a donor is, and what it keeps parked.

A node's position at a life stands for: every event up to there is in its rows, or parked here. Whoever takes
a donor's position over takes its rows and what is parked there, so that this stays true; and whoever has all
of a donor's rows may forget what it keeps parked of events that the donor has in its rows.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from app.database import Actor, Transaction
from app.domain.life import Life
from app.domain.ranges import Ranges, common, holds
from app.state.registry import replicated, unknown_rows
from app.state.tables import life_table, stock_table
from app.sync.catchup import anti_entropy
from app.sync.log import dead_letters, positions, receiver
from app.sync.log.outbox import ORIGIN
from app.sync.wire import kinds
from app.sync.wire.messages import Head, Hello, ParkedEvent, TotalsReply, TotalsRequest, WireEvent

Lives = Callable[[Life], bool]


def _every(_life: Life) -> bool:
    return True


@dataclass(frozen=True)
class DonorState:
    """What a donor said of itself at one instant: its heads, and what it keeps parked (None: it does not
    say). `life` is the donor's own; `before` are this node's heads before it took what is parked there.
    `canonical` are the revisions of its rows, `kept` the relations it keeps rows of without knowing them."""

    life: Life
    heads: Mapping[str, Head]
    parked_seqs: Mapping[str, Ranges] | None
    before: Mapping[str, Head] = field(default_factory=dict)
    canonical: Mapping[str, int] = field(default_factory=dict)
    kept: Sequence[str] = ()

    @property
    def relations(self) -> list[str]:
        """The relations it has rows of: those that this version knows in their order, then the others."""
        known = replicated.relations()
        theirs = {*(self.canonical or known), *self.kept}
        return [*(relation for relation in known if relation in theirs), *sorted(theirs - set(known))]

    def has_applied(self, life: Life, seq: int) -> bool:
        """Whether the donor surely has a life's event in its rows."""
        if life.key not in self.heads or seq > self.heads[life.key].seq:
            return False
        if life == self.life:
            return True  # nobody parks its own
        return self.parked_seqs is not None and not holds(self.parked_seqs.get(life.key, ()), seq)


def by_hello(hello: Hello) -> DonorState:
    """What a hello says."""
    return DonorState(hello.life, hello.heads, hello.parked_seqs)


def tell(connection: sqlite3.Connection, wanted: TotalsRequest) -> TotalsReply:
    """This node's bucket totals, heads and parked seqs of one instant, and the next parked events if they are
    wanted."""
    after = wanted.parked_after
    parked, following = ([], None) if after is None else dead_letters.handed(connection, after)
    return TotalsReply(
        epoch=wanted.to_epoch,
        totals=anti_entropy.recorded_totals(connection),
        canonical=replicated.revisions(),
        kept=unknown_rows.relations(connection),
        heads=positions.heads(connection),
        parked_seqs=dead_letters.seqs(connection),
        parked=parked,
        parked_next=following,
    )


def take(
    tx: Transaction,
    parked: Iterable[ParkedEvent],
    heads: Mapping[str, Head],
    *,
    branch: str | None,
    adopting: bool = True,
) -> stock_table.Merged:
    """Keep what is parked at a donor of lives of which it has more (`heads`) than this node, of one branch if
    one is named. `adopting` says that its heads will count here.

    Of lives of which this node has as much, it is in this node's rows or parked here too. If it can be
    applied it is all the same, since a disk that went back may have told two histories.
    """
    merged = stock_table.Merged()
    for handed in parked:
        life = handed.life
        if life == life_table.me(tx) or branch not in (None, handed.origin):
            continue
        if _is_beyond(heads.get(life.key, ORIGIN), _known(tx, life)):
            counts = adopting and (branch is None or life_table.is_over(tx, life))
            dead_letters.take(tx, handed, further=counts)
        else:
            merged.absorb(kinds.try_once(tx, handed.origin, handed.event) or stock_table.Merged())
    return merged


def adopt(
    tx: Transaction, told: DonorState, *, left: Mapping[str, Ranges], lives: Lives
) -> stock_table.Merged:
    """After everything a donor had was merged, and what it keeps parked was taken: count its heads of the
    chosen lives as applied here, where they are beyond what is known, and try what was taken. `left` is what
    it still kept parked after the last of that.

    What it had parked when its rows were first read and has not any more is in its rows by now, and was not
    when they were read. Events of a life that came here meanwhile took the place of what was taken of it, and
    may say less: a state that the donor parked can hold what came later. Of such lives the rest comes by
    events, or is fetched again.
    """
    parked = told.parked_seqs or {}
    for key, head in sorted(told.heads.items()):
        life = Life.parse(key)
        moved = receiver.position(tx.connection, life) != told.before.get(key, ORIGIN)
        if moved and key in parked:
            continue
        if common(parked.get(key, ()), left.get(key, ())) != list(parked.get(key, ())):
            continue
        counts = head.seq and lives(life) and life != life_table.me(tx)
        if counts and _is_beyond(head, receiver.position(tx.connection, life)):
            receiver.set_position(tx, life, head)
    return dead_letters.retry(tx, "taken")


def forget_applied(tx: Transaction, told: DonorState, *, lives: Lives = _every) -> stock_table.Merged:
    """When all rows that a donor had when it `told` this are here: keep no event of the chosen lives parked
    that was in them.

    A state in one event may hold those that followed it in its batch, so the donor must be as far as this
    node. What a newer version wrote stays until it can be applied: rows of this version need not hold it.
    """
    merged = stock_table.Merged()
    for life, event in _applied(tx.connection, told):
        if lives(life):
            merged.absorb(kinds.try_once(tx, life.branch, event) or stock_table.Merged())
            dead_letters.forget(tx, life, event)
    return merged


def has_applied_any(connection: sqlite3.Connection, told: DonorState) -> bool:
    """Whether there is anything that `forget_applied` would not keep."""
    return any(True for _ in _applied(connection, told))


def _applied(connection: sqlite3.Connection, told: DonorState) -> Iterator[tuple[Life, WireEvent]]:
    for life, event in dead_letters.readable(connection):
        head = told.heads.get(life.key, ORIGIN)
        behind = _is_beyond(receiver.position(connection, life), head)
        if not behind and told.has_applied(life, event.seq):
            yield life, event


def finish_fetch(
    tx: Transaction,
    told: DonorState,
    *,
    left: Mapping[str, Ranges],
    branch: str | None,
    rows: int,
    complete: bool,
) -> stock_table.Merged:
    """Take over the donor's heads: all of them after a whole fetch, those of the branch's dead lives after a
    narrow one. `complete` says that no row was left out. The audit keeps up to which event the donor had this
    node's earlier lives."""
    dead = life_table.dead_lives(tx.connection)

    def chosen(life: Life) -> bool:
        return branch is None or (life in dead and life.branch == branch)

    merged = adopt(tx, told, left=left, lives=chosen)
    if complete:
        merged.absorb(forget_applied(tx, told, lives=lambda life: branch in (None, life.branch)))
    own = {k: head.seq for k, head in told.heads.items() if Life.parse(k).branch == tx.identity.name}
    tx.audit(
        Actor(user_id=f"node:{told.life.branch}", request_id=""),
        action="fetched",
        entity="node",
        entity_id=branch or tx.identity.name,
        before=None,
        after={"rows": rows, "had_this_branch_up_to": own},
        version=tx.lamport,
    )
    return merged


def lacking(connection: sqlite3.Connection, hello: Hello) -> list[str | None]:
    """What to fetch from who said this hello: None stands for everything, a name for one branch's."""
    if not positions.is_founded(connection):
        return []
    applied = receiver.position(connection, hello.life)
    everything: list[str | None] = [None] if applied.seq < hello.oldest else []
    return [*everything, *_missing(connection, hello.heads)]


def _missing(connection: sqlite3.Connection, heads: Mapping[str, Head]) -> list[str]:
    known = positions.heads(connection)
    behind: set[str] = set()
    for life in life_table.dead_lives(connection):
        if _is_beyond(heads.get(life.key, ORIGIN), known.get(life.key, ORIGIN)):
            behind.add(life.branch)
    return sorted(behind)


def _known(tx: Transaction, life: Life) -> Head:
    """How far this disk has a life's events: of an earlier one of its own, as far as it wrote them itself."""
    known = receiver.position(tx.connection, life)
    if life.branch != tx.identity.name:
        return known
    row = tx.connection.execute(
        "SELECT seq, event_id FROM events WHERE epoch = ? ORDER BY seq DESC LIMIT 1", (life.epoch,)
    ).fetchone()
    written = Head(seq=row["seq"], event_id=row["event_id"]) if row else ORIGIN
    return written if _is_beyond(written, known) else known


def _is_beyond(one: Head, other: Head) -> bool:
    return (one.seq, one.event_id) > (other.seq, other.event_id)
