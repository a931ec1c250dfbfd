"""Every way a command can be refused, as data. None of them knows HTTP: `api/problems/table.py` has the
status, code and words of each.

    StateError
    ├── Definite: it did not happen and will not, whatever is retried unchanged
    │   ├── NotFound, AlreadyExists, Invalid, OtherBranch, KeyReused, UnknownReference, LastAdmin, OwnBranch
    │   ├── OutOfRights (this branch's rights do not cover it; other branches may still grant some)
    │   └── OutOfStock  (every peer was asked)
    ├── NotReady, PolicyMismatch, Fenced, BranchClosed: this node must not do it now
    └── Overloaded, CallerGone: nothing was begun; the same may be asked again

What storage itself can say (full, failed, unknown) is in `app.database.errors`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from app.domain.life import Life


class StateError(Exception):
    """Base of all refusals of a node."""


@dataclass(eq=False)
class NotFound(StateError):
    """There is no such {entity}."""

    entity: str
    key: str


@dataclass(eq=False)
class AlreadyExists(StateError):
    """A {entity} with this key exists; keys are immutable."""

    entity: str
    key: str


@dataclass(eq=False)
class Invalid(StateError):
    """The command's values do not fit; `field` names the one, `reason` is a stable snake_case word."""

    field: str
    reason: str


@dataclass(eq=False)
class BeyondBounds(Invalid):
    """A peer sent something that no honest node reaches (app.domain.bounds). It is not stored."""


@dataclass(eq=False)
class UnconfirmedDeath(StateError):
    """A peer calls a life dead that lives for all this node knows. Only its own branch ends a life."""

    branch: str
    epoch: str


@dataclass(eq=False)
class UnknownReference(StateError):
    """The command names a product or customer that this node does not know."""

    entity: str
    keys: Sequence[str]


@dataclass(eq=False)
class OtherBranch(StateError):
    """An order belongs to its branch; only that branch changes it."""

    branch: str


@dataclass(eq=False)
class EffectParked(StateError):
    """What the order took from stock may be in an event of an earlier life that is parked here."""

    order_id: str


@dataclass(eq=False)
class KeyReused(StateError):
    """The Idempotency-Key was used with another body."""

    key: str


@dataclass(eq=False)
class LastAdmin(StateError):
    """The last active admin known here cannot be demoted or deactivated: nobody could undo it."""

    user_id: str


@dataclass(frozen=True)
class Shortage:
    """One product an order is short of at this branch."""

    product_id: str
    sku: str
    wanted: int
    available_here: int
    available_company: int


@dataclass(eq=False)
class OutOfRights(StateError):
    """This branch's rights do not cover the order; peers may still grant some.

    `needs` is all it takes, by product id. `rights` are the units that each living life may sell, as known
    here, by product id. `lamport` is the logical time of the attempt: the order's age while it waits.
    `behind_older` says that the rights are here but older waiting orders need them.
    """

    shortages: Sequence[Shortage]
    needs: Mapping[str, int] = field(kw_only=True)
    rights: Mapping[str, Mapping[Life, int]] = field(kw_only=True)
    lamport: int = field(kw_only=True)
    behind_older: bool = field(kw_only=True)


@dataclass(eq=False)
class OutOfStock(StateError):
    """The order or removal cannot be covered: every peer was asked."""

    shortages: Sequence[Shortage]


@dataclass(eq=False)
class Overloaded(StateError):
    """More was asked of this node than it can do in time. Nothing was begun."""

    retry_after_seconds: float


class CallerGone(StateError):
    """The client hung up before its command began. Nothing was begun."""


@dataclass(eq=False)
class NotReady(StateError):
    """The node is not founded or still rebuilding; `reason` is a stable snake_case word."""

    reason: str


@dataclass(eq=False)
class DeadEpoch(StateError):
    """The sender's epoch is known to be over; nothing it says counts any more, but which lives are over.
    `living` are the epochs of its branch that are not known to be."""

    branch: str
    epoch: str
    living: Sequence[str] = ()


@dataclass(eq=False)
class Decommissioned(StateError):
    """The sender's branch was decommissioned: nothing it says counts any more, and it has to stop."""

    branch: str


@dataclass(eq=False)
class OwnBranch(StateError):
    """A branch does not decommission itself: another one has to know it, or nobody would."""

    branch: str


@dataclass(eq=False)
class BranchClosed(StateError):
    """This branch was decommissioned by another one: it serves reads and takes nothing."""


@dataclass(eq=False)
class NotTheCounter(StateError):
    """One branch counts the frozen stock for the company, and it is another one."""

    branch: str


@dataclass(eq=False)
class CountBlocked(StateError):
    """A stock count needs the word of every member, and `member` gave none; `reason` says why."""

    member: str
    reason: str


@dataclass(eq=False)
class PolicyMismatch(StateError):
    """A peer runs the network under another stock policy; nothing is sold until they agree."""

    peer: str
    policy: str


@dataclass(eq=False)
class Fenced(StateError):
    """A peer knows more of this epoch than this node does: its database was rolled back or cloned."""

    reason: str
