"""How the node is: `GET /status`. What is unknown is null, never 0."""

from typing import Literal

from pydantic import Field

from app.api.schemas.altered import AlteredRow
from app.api.schemas.base import Answer
from app.api.schemas.faults import Faults
from app.sync.rules.retry import State


class Alarm(Answer):
    """A kind of trouble that must not happen: how often it was seen since the start, and the last instance in
    words."""

    count: int
    last: str


class Fetch(Answer):
    """What is or was fetched from a peer since the start, of one branch's rows or (null) of all. `through` is
    the last key of the `relation` that was merged, `left_out` counts rows that could not be applied."""

    peer: str
    branch: str | None
    peer_epoch: str | None
    relation: str | None
    rows: int
    left_out: int
    through: str
    done: bool


class Salvaged(Answer):
    """A damaged file that was set aside, and what came back of it; `at` is the last look into it, in seconds
    since 1970. Only where it is `complete` are the numbers the last word."""

    file: str
    at: float
    orders_back: int
    orders_lost: int
    complete: bool


class PeerStatus(Answer):
    """What this node knows of a peer, and what it owes it. `another_schema` says whether its database schema
    is another one, `comparable` whether its digest is made alike. Times are in seconds, those that end with
    `_at` since 1970."""

    state: State | Literal["decommissioned"]
    epoch: str | None
    protocol: int | None
    schema_revision: str | None = Field(alias="schema")
    another_schema: bool | None
    comparable: bool | None
    pending: int | None
    oldest_pending_seconds: float | None
    acknowledged: int | None
    attempts: int
    next_retry_seconds: float | None
    last_success_at: float | None
    last_error: str | None


class Status(Answer):
    """The node's state, its backlog per peer, and what it knows of each peer. While the database is damaged,
    what only the database could say is null or empty. `heads` are keyed "node@epoch"; `stock` counts units
    over all products. `faults` is there only in a lab."""

    node: str
    epoch: str | None
    policy: Literal["escrow", "optimistic"]
    ready: bool
    reason: str | None
    fenced: str | None
    sqlite: str
    schema_revision: str = Field(alias="schema")
    now: float
    counts: dict[str, int]
    stock: dict[str, int | None]
    heads: dict[str, int]
    digest: str | None
    canonical: dict[str, int]
    digests: dict[str, str]
    altered: list[AlteredRow]
    at_risk: int | None
    parked: int | None
    possible_duplicates: int | None
    alarms: dict[str, Alarm]
    fetching: list[Fetch]
    decommissioned: list[str]
    salvage: list[Salvaged]
    pending: dict[str, int | None]
    peers: dict[str, PeerStatus]
    faults: Faults | None = None
