"""The errors of authentication and authorisation. None of them knows HTTP: `api/problems/table.py` has the
words."""

from dataclasses import dataclass


@dataclass(eq=False)
class Unauthenticated(Exception):
    """The request has no valid credentials: no token, a wrong one, an expired one, or a wrong password.

    `reason` is a stable snake_case word. It never shows whether a user exists.
    """

    reason: str


@dataclass(eq=False)
class Forbidden(Exception):
    """The user's role does not allow the request. `role` is the one that does."""

    role: str


@dataclass(eq=False)
class Throttled(Exception):
    """Too many logins failed. The next one is checked after `retry_after` seconds."""

    retry_after: float


@dataclass(eq=False)
class LoginsBusy(Exception):
    """Too many logins wait for their turn; this one was not checked. A place is likely free after
    `retry_after` seconds."""

    retry_after: float


@dataclass(eq=False)
class TooManyRequests(Exception):
    """An address sent too many requests without a valid token. The next one is judged after `retry_after`
    seconds."""

    retry_after: float


@dataclass(eq=False)
class BodiesFull(Exception):
    """The bodies of other requests fill the memory that there is for bodies: `limit` bytes."""

    limit: int


@dataclass(eq=False)
class BodyTooLarge(Exception):
    """A body is longer than its `limit`, in bytes."""

    limit: int


@dataclass(eq=False)
class SlowBody(Exception):
    """A body did not arrive in the time that its length allows."""


@dataclass(eq=False)
class ReplicaTokenRefused(Exception):
    """An X-Replica-Token is missing, or is not valid for this very request.

    `reason` is a stable snake_case word. `now` is this node's wall clock, so that a sender with a wrong clock
    can stamp its next token by it.
    """

    reason: str
    now: float


@dataclass(eq=False)
class ReplicaTokenUsed(ReplicaTokenRefused):
    """An X-Replica-Token came a second time, or was issued before this process began to remember them."""
