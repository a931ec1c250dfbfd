"""The tables that belong to one node only, as SQLModel tables: its identity, its log and positions, the rows
it keeps aside, and its audit. `checksum` is a row's seal (app.database.own_rows)."""

from typing import ClassVar

from sqlalchemy import REAL, CheckConstraint, Index, LargeBinary
from sqlmodel import Field, SQLModel

from app.database.columns import strict, text


class OwnSealed(SQLModel):
    """The seal of an own row. Only rows whose false content could mislead peers have one."""

    checksum: int = Field(default=0, sa_column_kwargs={"server_default": "0"})


class Node(OwnSealed, table=True):
    """One row: this node's identity, and its counters. `groups` counts commits. After an error of COMMIT
    itself, the reopened file shows by it whether the group is stored. `founding` is blank where nobody gave
    one."""

    __tablename__: ClassVar[str] = "node"
    __table_args__ = strict(CheckConstraint("id = 1"))
    id: int = Field(primary_key=True)
    cluster_id: str = text()
    name: str = text()
    epoch: str = text()
    starts: int
    founded: int
    lamport: int
    seq: int
    order_counter: int
    groups: int
    founding: str = text(default="", sa_column_kwargs={"server_default": ""})


class Epoch(SQLModel, table=True):
    """Every life of every branch that this node has heard of, and which of them are over."""

    __tablename__: ClassVar[str] = "epochs"
    __table_args__ = strict(CheckConstraint("dead IN (0, 1)"))
    branch: str = text(primary_key=True)
    epoch: str = text(primary_key=True)
    dead: int


class Decommissioned(SQLModel, table=True):
    """Every branch known to be decommissioned. A row is never removed."""

    __tablename__: ClassVar[str] = "decommissioned"
    __table_args__ = strict()
    branch: str = text(primary_key=True)


class DecommissionWitness(SQLModel, table=True):
    """The lives of peers that have stored that `branch` is decommissioned."""

    __tablename__: ClassVar[str] = "decommission_witnesses"
    __table_args__ = strict()
    branch: str = text(primary_key=True)
    peer: str = text(primary_key=True)
    peer_epoch: str = text(primary_key=True)


class DecommissionWord(SQLModel, table=True):
    """The decommissioned branches that an admin wants to count at this node without a majority."""

    __tablename__: ClassVar[str] = "decommission_words"
    __table_args__ = strict()
    branch: str = text(primary_key=True)


class Event(OwnSealed, table=True):
    """The outbox: one append-only log of this node's events. Bodies are read when they are sent.
    `command_end` marks the last event of a command; a batch ends only there."""

    __tablename__: ClassVar[str] = "events"
    __table_args__ = strict(CheckConstraint("seq >= 1"), CheckConstraint("command_end IN (0, 1)"))
    epoch: str = text(primary_key=True)
    seq: int = Field(primary_key=True)
    event_id: str = text()
    kind: str = text()
    entity: str = text()
    lamport: int
    created_at: float = Field(sa_type=REAL)
    command_end: int


class Cursor(OwnSealed, table=True):
    """How far one life of a peer has durably acknowledged this epoch's events."""

    __tablename__: ClassVar[str] = "cursors"
    __table_args__ = strict(CheckConstraint("acknowledged >= 0"))
    peer: str = text(primary_key=True)
    peer_epoch: str = text(primary_key=True)
    epoch: str = text(primary_key=True)
    acknowledged: int
    updated_at: float = Field(sa_type=REAL)


class ParkedElsewhere(SQLModel, table=True):
    """The events of an epoch of this node that one life of a peer keeps parked, as ranges, as it last
    reported. It acknowledged them, but they are not in its rows."""

    __tablename__: ClassVar[str] = "parked_elsewhere"
    __table_args__ = strict(CheckConstraint("first_seq >= 1 AND last_seq >= first_seq"))
    peer: str = text(primary_key=True)
    peer_epoch: str = text(primary_key=True)
    epoch: str = text(primary_key=True)
    first_seq: int = Field(primary_key=True)
    last_seq: int


class Position(OwnSealed, table=True):
    """This node's position at a life (origin, epoch), and the id of the event there."""

    __tablename__: ClassVar[str] = "positions"
    __table_args__ = strict()
    origin: str = text(primary_key=True)
    epoch: str = text(primary_key=True)
    seq: int
    event_id: str = text()


class Parked(OwnSealed, table=True):
    """An event that could not be applied, kept whole. A `waiting` one refers to a row that may still arrive.
    `donor` names who handed it over ("branch@epoch"); it is empty where its own life sent it. Two processes
    of one life may each have written an event with the same seq."""

    __tablename__: ClassVar[str] = "parked"
    __table_args__ = strict(CheckConstraint("waiting IN (0, 1)"), Index("parked_entity", "kind", "entity"))
    origin: str = text(primary_key=True)
    epoch: str = text(primary_key=True)
    seq: int = Field(primary_key=True)
    event_id: str = text(primary_key=True)
    kind: str = text()
    entity: str = text()
    body: str = text()
    reason: str = text()
    waiting: int
    attempts: int
    parked_at: float = Field(sa_type=REAL)
    donor: str = text(default="", sa_column_kwargs={"server_default": ""})


class HearsayCell(SQLModel, table=True):
    """A stock row that holds more than its own life has said here. Of the units that it grants to this node's
    present life, `confirmed` count: the life itself said those, or they were given back to it."""

    __tablename__: ClassVar[str] = "hearsay_cells"
    __table_args__ = strict(CheckConstraint("confirmed >= 0"))
    product_id: str = text(primary_key=True)
    branch: str = text(primary_key=True)
    epoch: str = text(primary_key=True)
    confirmed: int


class HearsayDeath(SQLModel, table=True):
    """A life that is over by the word of other branches only. Its own hello takes that back."""

    __tablename__: ClassVar[str] = "hearsay_deaths"
    __table_args__ = strict()
    branch: str = text(primary_key=True)
    epoch: str = text(primary_key=True)


class Recovery(SQLModel, table=True):
    """A stock count of this node whose outcome may not be sold yet. Until all `members` (JSON list) have
    acknowledged the event `seq` of `epoch`, only `usable` of the cell's `recovered` may be sold."""

    __tablename__: ClassVar[str] = "recoveries"
    __table_args__ = strict(CheckConstraint("usable >= 0"))
    product_id: str = text(primary_key=True)
    epoch: str = text()
    usable: int
    seq: int
    members: str = text()


class Audit(SQLModel, table=True):
    """Every change with its author, before and after, origin and version. It stays at the node that made the
    change."""

    __tablename__: ClassVar[str] = "audit"
    __table_args__ = strict(Index("audit_entity", "entity", "entity_id"), Index("audit_actor", "actor"))
    id: int | None = Field(default=None, primary_key=True)
    at: float = Field(sa_type=REAL)
    actor: str = text()
    action: str = text()
    entity: str = text()
    entity_id: str = text()
    before: str | None = text(default=None)
    after: str | None = text(default=None)
    origin: str = text()
    epoch: str = text()
    version: int
    request_id: str = text()


class DigestBucket(SQLModel, table=True):
    """Sum modulo 2^256 of the SHA-256 of every canonical row of one bucket of one replicated table."""

    __tablename__: ClassVar[str] = "digest_buckets"
    __table_args__ = strict()
    relation: str = text(primary_key=True)
    bucket: int = Field(primary_key=True)
    total: bytes = Field(sa_type=LargeBinary)


class CanonicalForm(SQLModel, table=True):
    """The revision of a relation's canonical form that this file's digest and seals were made under."""

    __tablename__: ClassVar[str] = "canonical_forms"
    __table_args__ = strict(CheckConstraint("revision >= 1"))
    relation: str = text(primary_key=True)
    revision: int


class AlteredRow(SQLModel, table=True):
    """A replicated row that does not fit its seal and that no peer could confirm; `asked` counts the peers.
    `found` is the seal of its present content, `valid` says whether a node could have written that."""

    __tablename__: ClassVar[str] = "altered_rows"
    __table_args__ = strict(CheckConstraint("asked >= 0"), CheckConstraint("valid IN (0, 1)"))
    relation: str = text(primary_key=True)
    row_key: str = text(primary_key=True)
    bucket: int
    found: int
    valid: int
    asked: int
    why: str = text()
    since: float = Field(sa_type=REAL)


class OwnCell(SQLModel, table=True):
    """The last version that this node wrote of a cell of its present life. A stock row that is missing, or is
    an earlier version of itself, fits every seal; units spent by it would be spent twice."""

    __tablename__: ClassVar[str] = "own_cells"
    __table_args__ = strict()
    product_id: str = text(primary_key=True)
    branch: str = text(primary_key=True)
    epoch: str = text(primary_key=True)
    version: int


class UnknownRow(SQLModel, table=True):
    """A row of a relation that only newer versions know, kept whole until this node is upgraded. All contents
    that arrived for one key are kept, because only the newer version knows how they merge."""

    __tablename__: ClassVar[str] = "unknown_rows"
    __table_args__ = strict()
    relation: str = text(primary_key=True)
    sha256: str = text(primary_key=True)
    revision: int
    origin: str = text()
    row: str = text()


class SchemaStep(SQLModel, table=True):
    """How to undo a migration: the SQL by which code that does not know `revision` returns to the one before
    it (JSON list)."""

    __tablename__: ClassVar[str] = "schema_steps"
    __table_args__ = strict()
    revision: str = text(primary_key=True)
    down_revision: str = text()
    statements: str = text()


class Salvaged(SQLModel, table=True):
    """A damaged file that was set aside, and what was brought back from it (JSON)."""

    __tablename__: ClassVar[str] = "salvaged"
    __table_args__ = strict()
    file: str = text(primary_key=True)
    at: float = Field(sa_type=REAL)
    report: str = text()
