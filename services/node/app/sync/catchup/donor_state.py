"""The state of a donor besides its rows: its position at every life, and the events it keeps parked.

A node's position at a life is a promise: every event up to there is in its rows, or is parked here. To keep
it, a node adopts a donor's position only together with the donor's rows and its parked events. A node that
has all of a donor's rows may drop its own parked copies of the events in them.
"""

import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from app.database import Actor, Transaction
from app.database.node_row import is_founded
from app.domain.life import Life
from app.domain.ranges import Ranges, common, holds
from app.domain.testimony import Word
from app.state.registry import replicated, unknown_rows
from app.state.tables import life_table, membership, stock_table
from app.sync.catchup import anti_entropy
from app.sync.catchup.taken import Taken
from app.sync.log import dead_letters, positions
from app.sync.log.outbox import EMPTY_LOG
from app.sync.wire import kinds
from app.sync.wire.messages import HandedEvent, Head, Hello, Page, TotalsReply, TotalsRequest, WireEvent

Lives = Callable[[Life], bool]


def _every(_life: Life) -> bool:
    return True


@dataclass(frozen=True)
class DonorState:
    """What a donor reported at one instant.

    - `life` is the donor's own life, and `heads` its position at every life that it knows, keyed
      "node@epoch".
    - `parked_seqs` are the events that it keeps parked, by life. None: it did not report them.
    - `before` are this node's heads before it imported the donor's parked events.
    - `canonical` are the revisions of the donor's rows, by relation.
    - `kept` are the relations whose rows the donor keeps without understanding them.
    - `taken` is what was taken over of its parked events since.
    - `over` are those of its lives that were over here before any of its rows were merged. None: they were
      not looked up.
    """

    life: Life
    heads: Mapping[str, Head]
    parked_seqs: Mapping[str, Ranges] | None
    before: Mapping[str, Head] = field(default_factory=dict)
    canonical: Mapping[str, int] = field(default_factory=dict)
    kept: Sequence[str] = ()
    taken: Taken = field(default_factory=Taken)
    over: Collection[Life] | None = None

    @property
    def relations(self) -> list[str]:
        """The relations the donor has rows of: first those this version has, in their fixed order, then the
        others."""
        known = replicated.relations()
        theirs = {*(self.canonical or known), *self.kept}
        return [*(relation for relation in known if relation in theirs), *sorted(theirs - set(known))]

    def has_applied(self, life: Life, seq: int) -> bool:
        """Whether it is certain that the donor has a life's event in its rows. A donor that did not report
        its parked events is certain only about its own life."""
        if life.key not in self.heads or seq > self.heads[life.key].seq:
            return False
        if life == self.life:
            return True  # nobody parks its own
        return self.parked_seqs is not None and not holds(self.parked_seqs.get(life.key, ()), seq)

    def had(self, handed: HandedEvent) -> bool:
        """Whether the donor had an event that it keeps parked at that instant already, and so in its rows, or
        parked, what its life wrote before."""
        key, seq = handed.life.key, handed.event.seq
        return seq <= self.heads.get(key, EMPTY_LOG).seq or holds((self.parked_seqs or {}).get(key, ()), seq)

    def is_sure_of(self, page: Page) -> bool:
        """Whether all is taken over that the donor kept parked, but for events of orders, of the branches
        whose orders a page shows, as it read the page. Nobody can tell of a donor that reports nothing of
        what it parks."""
        if page.parked_marks is None:
            return self.parked_seqs is None
        return not self.taken.unsure(page)


def over(connection: sqlite3.Connection, heads: Mapping[str, Head]) -> frozenset[Life]:
    """Those of the lives that a donor tells its heads of that are over here."""
    return membership.over_among(connection, map(Life.parse, heads))


def by_hello(hello: Hello) -> DonorState:
    """The donor state that a hello reports. It has no revisions and no kept relations."""
    return DonorState(hello.life, hello.heads, hello.parked_seqs)


def tell(connection: sqlite3.Connection, wanted: TotalsRequest) -> TotalsReply:
    """Answer a request for totals: bucket totals, heads and parked seqs of one instant.

    The reply also has the next parked events if `wanted.parked_after` is set.
    """
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
        parked_marks=dead_letters.marks(connection),
    )


def take(
    tx: Transaction,
    parked: Iterable[HandedEvent],
    heads: Mapping[str, Head],
    *,
    branch: str | None,
    adopting: bool = True,
) -> stock_table.Merged:
    """Import events that a donor keeps parked. `heads` are the donor's, `branch` limits the import to one
    branch's events, and `adopting` says that this node will adopt the donor's heads afterwards.

    Where the donor has more of a life than this node, its event is stored as parked here too. Where this node
    has as much, the event is already in its rows or parked. It is tried again all the same: a disk that went
    back may have sent two histories. Returns what merging the tried events found.

    An event beyond both positions was handed to the donor, which is still fetching the rest. It is stored
    unless it can be applied: the donor's rows may already show what it belongs to.
    """
    merged = stock_table.Merged()
    for handed in parked:
        life = handed.life
        if life == life_table.me(tx) or branch not in (None, handed.origin):
            continue
        if life_table.word_on(tx, life) is Word.REFUSED:
            continue  # it speaks for itself
        known = _known(tx, life)
        if _is_beyond(heads.get(life.key, EMPTY_LOG), known):
            counts = adopting and (branch is None or life_table.is_over(tx, life))
            dead_letters.take(tx, handed, donor=life_table.speaker(tx), further=counts)
            merged.kept = True
        elif (found := kinds.try_once(tx, handed.origin, handed.event)) is not None:
            merged.absorb(found)
        elif handed.event.seq > known.seq:
            dead_letters.take(tx, handed, donor=life_table.speaker(tx), further=False)
            merged.kept = True
    return merged


def refused(tx: Transaction, parked: Iterable[HandedEvent]) -> set[Life]:
    """The lives of which `take` passes events over, because they speak for themselves."""
    return {
        life for life in {handed.life for handed in parked} if life_table.word_on(tx, life) is Word.REFUSED
    }


def adopt(
    tx: Transaction, told: DonorState, *, left: Mapping[str, Ranges], lives: Lives
) -> stock_table.Merged:
    """Adopt the donor's heads of the lives chosen by `lives`, where they are beyond this node's positions.
    Then try the imported parked events again, also those of lives that are over that lie beyond the donor's
    heads, and return what merging them found.

    Call it after all rows and parked events of the donor are merged. `left` is what the donor still kept
    parked at the end of that import.

    Three kinds of heads are not adopted; the rest of such a life comes by events or by another fetch:

    - The life is another branch's and lives, or lived when the fetch began: it tells its events itself, and
      knows best where it is.

    - The donor parked events of the life when the fetch began, and not all of them are parked there now. The
      donor has applied the others, but its rows may have been read before that.
    - The donor parked events of the life, and this node applied events of it during the fetch. Those replaced
      the imported copies and may contain less, because a state that the donor parked can include later
      changes.
    """
    parked = told.parked_seqs or {}
    for key, head in sorted(told.heads.items()):
        life = Life.parse(key)
        moved = positions.at(tx.connection, life) != told.before.get(key, EMPTY_LOG)
        if moved and key in parked:
            continue
        if common(parked.get(key, ()), left.get(key, ())) != list(parked.get(key, ())):
            continue
        counts = head.seq and lives(life) and _may_tell(tx, told, life)
        if counts and _is_beyond(head, positions.at(tx.connection, life)):
            positions.store(tx, life, head)
    merged = dead_letters.retry(tx, "taken")
    # Its earlier life, whose disk is lost, may have handed over more; or it was handed that itself.
    merged.absorb(dead_letters.try_beyond(tx, told.heads, donor=told.life.branch, lives=lives))
    return merged


def _may_tell(tx: Transaction, told: DonorState, life: Life) -> bool:
    """Whether the donor's position at a life counts: at its own, and at those that are over. A life that
    cannot be asked now tells its events itself, once it can. Of one that ended meanwhile, some of the donor's
    rows were passed over: they come with another fetch."""
    if life == life_table.me(tx):
        return False
    counted = told.over is None or life in told.over
    return life == told.life or (counted and life_table.is_over(tx, life)) or life_table.speaker(tx) is None


def forget_applied(tx: Transaction, told: DonorState, *, lives: Lives = _every) -> stock_table.Merged:
    """Try this node's parked events, of the chosen lives, that the donor has in its rows. Then drop them,
    applied or not.

    Call it when all rows are here that the donor had when it reported its state. The donor's position at the
    life must not be behind this node's, because one event may hold a state that includes the events after it.
    Events of a newer version stay parked: rows of this version may not hold what they contain.
    """
    merged = stock_table.Merged()
    for life, event in _applied(tx.connection, told):
        if lives(life):
            with tx.hearing(told.life):  # it may have handed the event over itself
                merged.absorb(kinds.try_once(tx, life.branch, event) or stock_table.Merged())
            dead_letters.forget(tx, life, event)
    return merged


def forget_compared(tx: Transaction, told: DonorState) -> stock_table.Merged:
    """`forget_applied` after all of the donor's rows were merged that it may tell."""
    return forget_applied(tx, told, lives=lambda life: _may_tell(tx, told, life))


def has_applied_any(connection: sqlite3.Connection, told: DonorState) -> bool:
    """Whether `forget_applied` would drop any event."""
    return any(True for _ in _applied(connection, told))


def _applied(connection: sqlite3.Connection, told: DonorState) -> Iterator[tuple[Life, WireEvent]]:
    for life, event in dead_letters.readable(connection):
        head = told.heads.get(life.key, EMPTY_LOG)
        behind = _is_beyond(positions.at(connection, life), head)
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
    """Complete a fetch: adopt the donor's heads and record the fetch in the audit.

    With `branch` None, the heads of all lives are adopted; otherwise only those of this branch's dead lives.
    `complete` says that no row was left out; only then are parked events dropped as `forget_applied` does.
    The audit records the donor's position at each earlier life of this node.
    """
    dead = life_table.dead_lives(tx.connection)

    def chosen(life: Life) -> bool:
        return branch is None or (life in dead and life.branch == branch)

    merged = adopt(tx, told, left=left, lives=chosen)
    if complete:
        merged.absorb(
            forget_applied(
                tx, told, lives=lambda life: branch in (None, life.branch) and _may_tell(tx, told, life)
            )
        )
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
    """What to fetch from the sender of a hello: None stands for everything, a name for the rows of one
    branch.

    The list is empty where this node is not founded yet, because bootstrap fetches everything.
    """
    if not is_founded(connection):
        return []
    applied = positions.at(connection, hello.life)
    everything: list[str | None] = [None] if applied.seq < hello.oldest else []
    return [*everything, *_missing(connection, hello.heads)]


def _missing(connection: sqlite3.Connection, heads: Mapping[str, Head]) -> list[str]:
    known = positions.heads(connection)
    behind: set[str] = set()
    for life in life_table.dead_lives(connection):
        if _is_beyond(heads.get(life.key, EMPTY_LOG), known.get(life.key, EMPTY_LOG)):
            behind.add(life.branch)
    return sorted(behind)


def _known(tx: Transaction, life: Life) -> Head:
    """This disk's position at a life. For an earlier life of this branch it is the last event that this disk
    wrote itself, if that is further."""
    known = positions.at(tx.connection, life)
    if life.branch != tx.identity.name:
        return known
    row = tx.connection.execute(
        "SELECT seq, event_id FROM events WHERE epoch = ? ORDER BY seq DESC LIMIT 1", (life.epoch,)
    ).fetchone()
    written = Head(seq=row["seq"], event_id=row["event_id"]) if row else EMPTY_LOG
    return written if _is_beyond(written, known) else known


def _is_beyond(one: Head, other: Head) -> bool:
    return (one.seq, one.event_id) > (other.seq, other.event_id)
