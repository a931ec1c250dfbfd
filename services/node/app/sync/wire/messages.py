"""The messages between nodes, as they are sent (docs/protocol.md). The OpenAPI document shows the docstrings
of these classes."""

from itertools import starmap
from typing import Annotated, Any

from pydantic import Field

from app.domain import bounds
from app.domain.life import Life
from app.domain.ranges import MOST_RANGES
from app.sync.wire.message import BulkyMessage, Message

PROTOCOL = (1, 1)
"""The lowest and the highest protocol version that this code supports."""

SCHEMA_VERSION = 1
"""The version of the layouts of event bodies. The rows in them have revisions of their own (`Revisions`)."""

ORDER_KINDS = "order_"
"""How the kinds of events of orders begin, in every version."""

Count = Annotated[int, Field(ge=0, le=2**62)]
Name = Annotated[str, Field(min_length=1, max_length=bounds.LONGEST_WORD)]
Word = Annotated[str, Field(max_length=bounds.LONGEST_WORD)]
"""An id, a kind, a hash or another word that may be empty."""
LifeKey = Annotated[str, Field(max_length=2 * bounds.LONGEST_WORD + 1)]
Lives = Annotated[list[tuple[Name, Name]], Field(max_length=bounds.MOST_LIVES_TOLD)]
Branches = Annotated[list[Name], Field(max_length=bounds.MOST_BRANCHES)]
Cells = Annotated[list[dict[str, Any]], Field(max_length=bounds.MOST_CELLS)]
Seqs = Annotated[list[tuple[Count, Count]], Field(max_length=MOST_RANGES)]
"""Seqs as closed ranges (app.domain.ranges)."""
Revisions = dict[Name, Annotated[int, Field(ge=1, le=2**31)]]
"""The revision of the form of each relation's rows (app.domain.forms). A relation that is not named has
revision 1."""


def common_version(ours: tuple[int, int], theirs: tuple[int, int]) -> int | None:
    """The highest protocol version in both ranges, or None."""
    highest = min(ours[1], theirs[1])
    return highest if highest >= max(ours[0], theirs[0]) else None


class Head(Message):
    """The last event known of one origin's epoch; two ids at one seq are a fork."""

    seq: Count
    event_id: Word


Heads = Annotated[dict[LifeKey, Head], Field(max_length=bounds.MOST_LIVES_TOLD)]
"""The last event known of each life, keyed "node@epoch"."""

Marks = Annotated[dict[LifeKey, Word], Field(max_length=bounds.MOST_LIVES_TOLD)]
"""What a node keeps parked of each life, keyed "node@epoch", as a hash: equal ones stand for equal events."""


class Incarnation(Message):
    """One run of one process: the start counter in the database, and a random number."""

    starts: Count
    random: Word


class Hello(Message):
    """Who a node is and how far it is. Sent at start, on reconnect and every few seconds when idle; the
    answer has the same form. `decommissioned` are the branches it knows to be gone for good; `has_set_aside`
    says that a damaged file of its own lies beside an empty one; `heads` is keyed "node@epoch"; `oldest` is
    the lowest position from which the sender can still tell its events; `own_rows` (product id -> version of
    the sender's own cell) comes at the first hello after a start; `ahead` answers it with the versions of
    those of which the answering node knows more. `parked_seqs` are the events that the sender keeps parked,
    by life like `heads`; None from a node that does not say. `canonical` says under which revisions the
    digests were made, `digests` is the digest of each relation that has rows: only those of like revisions
    are compared."""

    protocol: tuple[int, int]
    schema_hash: Word
    cluster_id: Word
    node: Name
    epoch: Name
    dead: Lives
    decommissioned: Branches = Field(default_factory=list)
    incarnation: Incarnation
    policy: Word
    founded: bool
    has_set_aside: bool = False
    heads: Heads
    oldest: Count = 0
    own_rows: dict[str, Count] | None = None
    ahead: dict[str, Count] = Field(default_factory=dict)
    parked_seqs: dict[LifeKey, Seqs] | None = None
    digest: Word
    canonical: Revisions = Field(default_factory=dict)
    digests: dict[Name, Word] = Field(default_factory=dict)
    now: Annotated[float, Field(allow_inf_nan=False)]

    @property
    def life(self) -> Life:
        """The sender's own life."""
        return Life(self.node, self.epoch)

    @property
    def dead_lives(self) -> list[Life]:
        """The lives that the sender knows to be over."""
        return list(starmap(Life, self.dead))


class WireEvent(Message):
    """One event of a batch. A superseded state inside the batch has no entry: its newest one stands at
    its first place. `revisions` are those of the rows in its body."""

    seq: Count
    event_id: Word
    kind: Word
    entity: Word
    schema_version: Count
    lamport: Count
    revisions: Revisions = Field(default_factory=dict)
    body: Any


class Span(Message):
    """A closed range of one origin's events: everything after `after` up to `through`."""

    origin: Name
    epoch: Name
    to_epoch: Name
    after: Head
    through: Head
    lamport: Count

    @property
    def life(self) -> Life:
        """The life whose events these are."""
        return Life(self.origin, self.epoch)


class Batch(BulkyMessage, Span):
    """A span of events, and what they say."""

    events: list[WireEvent]


class BatchReceipt(Message):
    """The receiver's durable position for the sender's epoch after this batch, which rules the sender's
    cursor, also backwards. `parked` of the batch's events could not be applied; `parked_seqs` are all events
    of the sender's epoch that the receiver keeps parked by now."""

    epoch: Name
    position: Head
    parked: Count
    parked_seqs: Seqs | None = None


class Wish(Message):
    """What a peer asks of one life of this node: `epoch` is the sender's, `to_epoch` the receiver's."""

    to_epoch: Name
    epoch: Name


class TransferRequest(Wish):
    """A wish for rights (see app.state.commands.grants.Request)."""

    product_id: Name
    wanted: Count
    age: tuple[Count, Word, Word] | None
    lamport: Count
    revisions: Revisions = Field(default_factory=dict)
    cells: Cells


class TransferReply(Message):
    """What was granted, and all the giver knows of the product."""

    epoch: Name
    granted: Count
    lamport: Count
    revisions: Revisions = Field(default_factory=dict)
    cells: Cells


class PageRequest(Wish):
    """A wish for the rows of one relation beyond the key `after`, of one branch if it is named, and of some
    digest buckets if they are."""

    relation: Name
    after: LifeKey
    branch: Word | None = None
    buckets: Annotated[list[int], Field(max_length=256)] = Field(default_factory=list)


class SealRequest(Wish):
    """A counter's word that these lives are over and these branches decommissioned, and its wish for all that
    is known of a product."""

    product_id: Name
    dead: Lives
    decommissioned: Branches = Field(default_factory=list)

    @property
    def dead_lives(self) -> list[Life]:
        """The lives that the counter knows to be over."""
        return list(starmap(Life, self.dead))


class SealReply(Message):
    """Every dead life and decommissioned branch the member knows, and its view of the product. It has stored
    the counter's."""

    epoch: Name
    dead: Lives
    decommissioned: Branches = Field(default_factory=list)
    revisions: Revisions = Field(default_factory=dict)
    cells: Cells

    @property
    def dead_lives(self) -> list[Life]:
        """The lives that the member knows to be over."""
        return list(starmap(Life, self.dead))


class TotalsRequest(Wish):
    """A wish for the bucket totals of all replicated tables; and, if `parked_after` names a key ("" is before
    the first), for the events beyond it that the receiver keeps parked."""

    parked_after: str | None = None


class HandedEvent(Message):
    """An event of some life that could not be applied where it is handed over from, whole, and why."""

    origin: Name
    epoch: Name
    event: WireEvent
    reason: Annotated[str, Field(max_length=bounds.LONGEST_REASON)]

    @property
    def life(self) -> Life:
        """The life whose event it is."""
        return Life(self.origin, self.epoch)

    @property
    def is_of_order(self) -> bool:
        """Whether it is an event of an order, in any version."""
        return self.event.kind.startswith(ORDER_KINDS)


class TotalsReply(Message):
    """Bucket totals in hex, keyed "relation/bucket", the revisions under which they were made, and of the
    same instant the heads and the seqs parked here, by life; with the next parked events if they were asked
    for, and the key to go on from (None at the end). `parked_marks` are marks of the parked events, as those
    of a page. `kept` are relations unknown to this version of which it keeps rows."""

    epoch: Name
    totals: dict[str, str]
    canonical: Revisions = Field(default_factory=dict)
    kept: list[Name] = Field(default_factory=list)
    heads: Heads | None = None
    parked_seqs: dict[LifeKey, Seqs] | None = None
    parked: list[HandedEvent] = Field(default_factory=list)
    parked_next: str | None = None
    parked_marks: Marks | None = None


class Page(BulkyMessage):
    """Rows in canonical form, the key to go on from (None at the end), and the donor's heads at that
    instant. `before` has rows of other relations that come first, by relation: what orders refer to, and
    the stock they took. `parked_marks` come with orders: a mark of what the donor keeps parked, but for
    events of orders, of each life of which there is any; None from a node that does not say. The stock that
    an order took may be in such an event."""

    epoch: Name
    relation: Word
    revisions: Revisions = Field(default_factory=dict)
    before: dict[str, list[dict[str, Any]]] = Field(default_factory=dict)
    rows: list[dict[str, Any]]
    next: str | None
    sha256: Word
    heads: Heads
    parked_marks: Marks | None = None


class BucketRequest(Wish):
    """A wish for one digest bucket's rows, by who found rows of it that are not what was written."""

    relation: Name
    bucket: Annotated[int, Field(ge=0, le=255)]


class BucketReply(Message):
    """Every row of a digest bucket as this node wrote it, its heads at that instant, and which events up to
    there it keeps parked: those are not in its rows. `sound` says that every row fits its seal (`seals`, in
    the order of `rows`); of another bucket no rows are given. `ready` says that the node is founded and
    serves."""

    epoch: Name
    relation: Name
    bucket: Count
    revisions: Revisions
    ready: bool
    sound: bool
    rows: list[dict[str, Any]]
    seals: list[int]
    heads: Heads
    parked_seqs: dict[LifeKey, Seqs]
