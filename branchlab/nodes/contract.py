"""The nodes' JSON as the lab reads it: field names and shapes of the public API, kept verbatim.

These are dictionaries and not objects on purpose. A verdict compares the nodes' answers, so nothing may be
lost or defaulted between the wire and the comparison. `tests/test_lab_contract.py` compares them with the
nodes' OpenAPI document.
"""

from typing import Generic, Literal, NotRequired, TypedDict, TypeVar

Item = TypeVar("Item")

Role = Literal["admin", "operador"]
Share = Literal["equal", "keep", "demand"]


class Page(TypedDict, Generic[Item]):
    """One page of a list; `next` is the cursor for `?after=`, null on the last page."""

    items: list[Item]
    next: str | None


class Product(TypedDict):
    id: str
    sku: str
    name: str
    price_cents: int


class Customer(TypedDict):
    id: str
    code: str
    name: str
    contact: NotRequired[str | None]
    email: NotRequired[str | None]
    phone: NotRequired[str | None]
    city: NotRequired[str | None]
    country: NotRequired[str | None]


class NewCustomer(TypedDict):
    """The body of a creation: a customer that has no id yet."""

    code: str
    name: str
    contact: NotRequired[str | None]
    email: NotRequired[str | None]
    phone: NotRequired[str | None]
    city: NotRequired[str | None]
    country: NotRequired[str | None]


class User(TypedDict):
    id: str
    username: str
    role: Role
    active: bool


class WantedLine(TypedDict):
    sku: str
    quantity: int


class OrderLine(TypedDict):
    sku: str
    name: str
    quantity: int
    unit_price_cents: int


class OrderCustomer(TypedDict):
    id: str
    code: str
    name: str


class Order(TypedDict):
    """An order as a node shows it. `stored_by` differs from node to node, all else must be equal."""

    id: str
    number: str
    branch: str
    epoch: str
    status: str
    customer: OrderCustomer
    lines: list[OrderLine]
    total_cents: int
    note: str | None
    version: int
    created_at: str
    stored_by: list[str]
    possible_duplicates: list[str]


class StockRow(TypedDict):
    """What one epoch of one branch wrote about a product; every number only grows."""

    branch: str
    epoch: str
    received: int
    returned: int
    returned_frozen: int
    recovered: int
    written_off: int
    sold: int
    removed: int
    granted: dict[str, int]
    version: int


class Deficit(TypedDict):
    """Units of an order that the company has sold but does not have."""

    order: str
    branch: str
    quantity: int


class Stock(TypedDict):
    """`available` and `frozen` are the company's as known at this node; `here` are this node's rights.
    `oversold` is above 0 under the optimistic policy only; `deficits` then names the orders in want.
    `hearsay` names the rows (`branch@epoch`) that another branch told."""

    id: str
    sku: str
    available: int
    frozen: int
    oversold: int
    here: int
    deficits: list[Deficit]
    rows: list[StockRow]
    hearsay: list[str]


class ParkedEvent(TypedDict):
    """An event that a node could not apply, and why. A `waiting` one lacks something that may still come."""

    key: str
    origin: str
    epoch: str
    seq: int
    kind: str
    entity: str
    reason: str
    waiting: bool
    attempts: int
    parked_at: str


class PeerStatus(TypedDict):
    state: str
    epoch: NotRequired[str | None]
    pending: int | None
    oldest_pending_seconds: float | None
    acknowledged: int | None
    attempts: int | None
    next_retry_seconds: float | None
    last_success_at: str | None
    last_error: str | None
    schema: NotRequired[str | None]
    another_schema: NotRequired[bool | None]
    comparable: NotRequired[bool | None]


class Member(TypedDict):
    """A branch as a node knows it. The decommissioning of one that is `decommissioning` is not stored by the
    `needed` members yet; `known_by` are those besides the node that have stored it."""

    name: str
    state: Literal["member", "decommissioning", "decommissioned"]
    epoch: str | None
    known_by: list[str]
    needed: int


class AlteredRow(TypedDict):
    """A row that is not what the node wrote and that no peer could confirm; `why` says what each peer
    said."""

    relation: str
    row_key: str
    bucket: int
    asked: int
    why: str
    since: str


class Salvaged(TypedDict):
    """A damaged file that the node set aside, and what came back of it; `at` is the last look into it."""

    file: str
    at: str
    orders_back: int
    orders_lost: int
    complete: bool


class ActiveLinkFault(TypedDict):
    """A fault of the calls to `peer`. `calls` met it, `hits` of them it did not leave alone."""

    peer: str
    kind: str
    seed: int
    lease_seconds: float
    seconds_left: float
    calls: int
    hits: int


class ActiveFullDisk(TypedDict):
    max_bytes: int
    lease_seconds: float
    seconds_left: float


class ActiveKnob(TypedDict):
    """A clock that is shifted by `value` seconds, or batches of `value` events."""

    value: float
    lease_seconds: float
    seconds_left: float


class Faults(TypedDict):
    """The active faults of one node, with LAB_FAULTS only."""

    links: list[ActiveLinkFault]
    disk: ActiveFullDisk | None
    clock: NotRequired[ActiveKnob | None]
    batch: NotRequired[ActiveKnob | None]


class ForgedAnswer(TypedDict):
    """How often a peer answered so: `duplicate` (200) for events that it had, else why it refused."""

    status: int | None
    cause: str
    count: int


class Forged(TypedDict):
    """The answers to messages that no honest node sends."""

    sent: int
    answers: list[ForgedAnswer]


class LinkProbe(TypedDict):
    """How one call over a link fared; `error` is null when nothing failed."""

    answered: bool
    seconds: float
    error: str | None


class DiskProbe(TypedDict):
    """Whether the disk refused a write for want of room."""

    refused: bool


class Alarm(TypedDict):
    """A kind of trouble that must not happen: how often it was seen since the start, the last in words."""

    count: int
    last: str


class Status(TypedDict):
    """The node's state. Where its database cannot be read, `epoch` and all that rests on it is null."""

    node: str
    epoch: str | None
    policy: str
    ready: bool
    fenced: str | None
    sqlite: str
    now: NotRequired[str]
    counts: dict[str, int]
    stock: dict[str, int | None]
    heads: dict[str, int]
    digest: str | None
    canonical: NotRequired[dict[str, int]]
    digests: NotRequired[dict[str, str]]
    altered: NotRequired[list[AlteredRow]]
    salvage: NotRequired[list[Salvaged]]
    at_risk: int | None
    parked: int | None
    alarms: dict[str, Alarm]
    decommissioned: NotRequired[list[str]]
    pending: dict[str, int | None]
    peers: dict[str, PeerStatus]
    faults: NotRequired[Faults | None]  # with LAB_FAULTS only
