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
class ReplicaTokenRefused(Exception):
    """An X-Replica-Token is missing, or is not valid for this very request.

    `reason` is a stable snake_case word. `now` is this node's wall clock, so that a sender with a wrong clock
    can stamp its next token by it.
    """

    reason: str
    now: float
