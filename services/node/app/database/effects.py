"""What a group of commands changed, for the parts of a node that wait for it."""

from dataclasses import dataclass, field

from app.database import digest


@dataclass
class Effects:
    """The changes of a group that other parts may wait for. `decommissioned` are branches that newly are.
    `witnessed` says that a peer has stored one, too. `hearsay` says that a stock row is here by the word of
    others. `users` says that a user was written or taken out; `replaced`, that a row was removed, or written
    anew in the place of one with the same key; `recounted`, that a total of the digest was set."""

    emitted: bool = False
    acknowledged: bool = False
    witnessed: bool = False
    hearsay: bool = False
    users: bool = False
    replaced: bool = False
    recounted: bool = False
    decommissioned: set[str] = field(default_factory=set)
    stock: set[str] = field(default_factory=set)
    deltas: digest.Deltas = field(default_factory=dict)

    def absorb(self, other: "Effects") -> None:
        """Add what another command changed."""
        self.emitted = self.emitted or other.emitted
        self.acknowledged = self.acknowledged or other.acknowledged
        self.witnessed = self.witnessed or other.witnessed
        self.hearsay = self.hearsay or other.hearsay
        self.users = self.users or other.users
        self.replaced = self.replaced or other.replaced
        self.recounted = self.recounted or other.recounted
        if other.decommissioned:
            self.decommissioned |= other.decommissioned
        if other.stock:
            self.stock |= other.stock
        deltas = self.deltas
        for bucket, change in other.deltas.items():
            deltas[bucket] = deltas.get(bucket, 0) + change
