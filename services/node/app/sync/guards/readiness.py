"""Whether this node may serve and sell now, and if not, why."""

from app.domain.errors import BranchClosed, Fenced, NotReady, PolicyMismatch

CLOSED = "another branch decommissioned this one: what it has can be read, and it takes nothing any more"


class Readiness:
    """Whether the node serves. It starts as not ready and says the reason in a stable snake_case word."""

    def __init__(self, *, policy: str) -> None:
        self.policy = policy
        self._reason: str | None = "starting"
        self._reading = False
        self._fenced: str | None = None
        self._closed = False
        self._other_policies: dict[str, str] = {}

    @property
    def ready(self) -> bool:
        """Whether clients are served."""
        return self._reason is None and self._fenced is None

    @property
    def reason(self) -> str | None:
        """Why clients are not served, or None."""
        if self._closed:
            return "decommissioned"
        return "fenced" if self._fenced is not None else self._reason

    @property
    def fenced(self) -> str | None:
        """What a peer knows of this epoch that this node does not, in words, or None."""
        return self._fenced

    @property
    def closed(self) -> bool:
        """Whether this branch was decommissioned."""
        return self._closed

    @property
    def reading(self) -> bool:
        """Whether clients may read, though perhaps not write: what is here is true, if not yet all."""
        return self.ready or self._reading or self._fenced is not None

    def wait_for(self, reason: str, *, reading: bool = False) -> None:
        """Do not serve yet, for this reason; `reading` lets clients read meanwhile."""
        self._reason = reason
        self._reading = reading

    def admit(self) -> None:
        self._reason = None

    def fence(self, why: str) -> None:
        """Stop serving: this database was rolled back, cloned, or named dead. It lasts until a restart,
        where hello finds it again."""
        self._fenced = self._fenced or why

    def close(self) -> None:
        """Stop serving for good: this branch was decommissioned, and its disk knows it."""
        self._closed = True
        self._fenced = CLOSED

    def note_policy(self, peer: str, policy: str) -> None:
        """Remember which policy a peer runs; two policies in one network stop sales here."""
        if policy == self.policy:
            self._other_policies.pop(peer, None)
        else:
            self._other_policies[peer] = policy

    def forget_policy(self, peer: str) -> None:
        """Let a peer's policy stop nothing any more: it is no member."""
        self._other_policies.pop(peer, None)

    def require_selling(self) -> None:
        """Raise BranchClosed, NotReady, Fenced or PolicyMismatch unless this node may take units now."""
        if self._closed:
            raise BranchClosed
        if self._fenced is not None:
            raise Fenced(self._fenced)
        if self._reason is not None:
            raise NotReady(self._reason)
        for peer, policy in self._other_policies.items():
            raise PolicyMismatch(peer, policy)
