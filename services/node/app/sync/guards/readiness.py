"""Whether this node may serve and sell now, and the reason when it may not."""

from app.domain.errors import BranchClosed, CountBlocked, Fenced, NotReady, PolicyMismatch, StateError
from app.domain.stock import Policy

SALVAGING = "salvaging"
"""The reason of CountBlocked where a member brings rows back."""

CLOSED = "another branch decommissioned this one: what it has can be read, and it takes nothing any more"


class Readiness:
    """Keeps whether the node serves. At first it does not. Each reason is a stable snake_case word.

    While it is `salvaging`, rows of a damaged file may come back for the first time. It serves, but no stock
    is counted: what came back afterwards would be missing twice.
    """

    def __init__(self, *, policy: Policy) -> None:
        self.policy = policy
        self.salvaging = False
        self._reason: str | None = "starting"
        self._reading = False
        self._fenced: str | None = None
        self._closed = False
        self._other_policies: dict[str, str] = {}

    @property
    def ready(self) -> bool:
        """Whether clients are served, for reads and writes."""
        return self._reason is None and self._fenced is None

    @property
    def reason(self) -> str | None:
        """The word that says why clients are not served, or None."""
        if self._closed:
            return "decommissioned"
        return "fenced" if self._fenced is not None else self._reason

    @property
    def fenced(self) -> str | None:
        """The evidence against this epoch that fenced the node, in words, or None."""
        return self._fenced

    @property
    def closed(self) -> bool:
        """Whether this branch is decommissioned."""
        return self._closed

    @property
    def reading(self) -> bool:
        """Whether clients may read, even if they may not write. What they read is true, but may be
        incomplete."""
        return self.ready or self._reading or self._fenced is not None

    def wait_for(self, reason: str, *, reading: bool = False) -> None:
        """Stop serving for this reason, until `admit`. With `reading`, clients may still read."""
        self._reason = reason
        self._reading = reading

    def admit(self) -> None:
        self._reason = None

    def fence(self, why: str) -> None:
        """Stop serving: this database was rolled back, cloned, or named dead. It lasts until a restart; the
        next hello finds the evidence again."""
        self._fenced = self._fenced or why

    def close(self) -> None:
        """Stop serving for good: this branch is decommissioned, and its disk stores that."""
        self._closed = True
        self._fenced = CLOSED

    def note_policy(self, peer: str, policy: str) -> None:
        """Store the stock policy that a peer runs. While two policies run in one network, this node does not
        sell."""
        if policy == self.policy:
            self._other_policies.pop(peer, None)
        else:
            self._other_policies[peer] = policy

    def forget_policy(self, peer: str) -> None:
        """Ignore this peer's policy from now on: it is no longer a member."""
        self._other_policies.pop(peer, None)

    @property
    def selling(self) -> bool:
        """Whether this node may sell and move units now."""
        try:
            self.require_selling()
        except StateError:
            return False
        return True

    def require_all_back(self, node: str) -> None:
        """Raise CountBlocked while rows that a stock count has to know may still come back at this `node`.
        One that is fenced or closed brings none back, and blocks nothing."""
        if self.salvaging and self._fenced is None:
            raise CountBlocked(node, SALVAGING)

    def require_selling(self) -> None:
        """Raise BranchClosed, NotReady, Fenced or PolicyMismatch unless this node may sell units now."""
        if self._closed:
            raise BranchClosed
        if self._fenced is not None:
            raise Fenced(self._fenced)
        if self._reason is not None:
            raise NotReady(self._reason)
        for peer, policy in self._other_policies.items():
            raise PolicyMismatch(peer, policy)
