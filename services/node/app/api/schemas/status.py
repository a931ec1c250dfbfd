"""How the node is: `GET /status`. What is unknown is null, never 0."""

from dataclasses import fields
from typing import Any, Literal, Self

from pydantic import Field

from app.api.schemas.altered import AlteredRow
from app.api.schemas.base import NULL, Answer, Time, shows
from app.api.schemas.faults import Faults
from app.domain.stock import Policy
from app.status import NodeStatus
from app.sync.rules.retry import State

_PEER: dict[str, Any] = {
    "state": "ok",
    "epoch": "0f8e7d6c5b4a39281706f5e4d3c2b1a0",
    "protocol": 1,
    "schema": "0010",
    "another_schema": False,
    "comparable": True,
    "pending": 0,
    "oldest_pending_seconds": NULL,
    "acknowledged": 214,
    "attempts": 0,
    "next_retry_seconds": NULL,
    "last_success_at": "2026-11-23T22:00:59.750000+00:00",
    "last_error": NULL,
}


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
    """A damaged file that was set aside, and what came back of it; `at` is the time of the last look into
    it. Only where it is `complete` are the numbers the last word."""

    file: str
    at: Time
    orders_back: int
    orders_lost: int
    complete: bool


class PeerStatus(Answer):
    """What this node knows of a peer, and what it owes it. `another_schema` says whether its database schema
    is another one, `comparable` whether its digest is made alike."""

    model_config = shows(_PEER)

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
    last_success_at: Time | None
    last_error: str | None


class Status(Answer):
    """The node's state, its backlog per peer, and what it knows of each peer. While the database is damaged,
    what only the database could say is null or empty. `heads` are keyed "node@epoch"; `stock` counts units
    over all products. `faults` is there only in a lab."""

    model_config = shows(
        {
            "node": "matriz",
            "epoch": "5b16613c32a08ea89d4f20d4e32bb794",
            "policy": "escrow",
            "ready": True,
            "reason": NULL,
            "fenced": NULL,
            "sqlite": "3.46.1",
            "schema": "0010",
            "now": "2026-11-23T22:01:00.250000+00:00",
            "counts": {
                "users": 2,
                "customers": 91,
                "products": 77,
                "stock": 231,
                "orders": 830,
                "order_lines": 2155,
            },
            "stock": {"available": 3119, "frozen": 0, "here": 1040, "oversold": 0},
            "heads": {"matriz@5b16613c32a08ea89d4f20d4e32bb794": 1214},
            "digest": "9d1c5e0f8a7b6c3d2e1f0a9b8c7d6e5f",
            "canonical": {"customers": 1, "orders": 1},
            "digests": {"customers": "0a1b2c3d4e5f60718293a4b5c6d7e8f9"},
            "altered": [],
            "at_risk": 0,
            "parked": 0,
            "possible_duplicates": 0,
            "alarms": {},
            "fetching": [],
            "decommissioned": [],
            "salvage": [],
            "pending": {"filial-norte": 0, "filial-sul": 12},
            "peers": {"filial-sul": _PEER},
        }
    )

    node: str
    epoch: str | None
    policy: Policy
    ready: bool
    reason: str | None
    fenced: str | None
    sqlite: str
    schema_revision: str = Field(alias="schema")
    now: Time
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

    @classmethod
    def of(cls, status: NodeStatus) -> Self:
        """What clients see of a node's status."""
        shown = {
            field.name: getattr(status, field.name) for field in fields(status) if field.name != "faults"
        }
        if status.faults is not None:
            shown["faults"] = Faults.of(status.faults)
        return cls.model_validate(shown)
