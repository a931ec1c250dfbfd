"""What the doors of a node say. None of them knows HTTP: `api/problems/table.py` has the words."""

from dataclasses import dataclass


@dataclass(eq=False)
class Unauthenticated(Exception):
    """Nobody valid asks: no token, a wrong one, an expired one, or wrong credentials.

    `reason` is a stable snake_case word. It never tells whether a user exists.
    """

    reason: str


@dataclass(eq=False)
class Forbidden(Exception):
    """Somebody valid asks for what their role may not do; `role` is the one it takes."""

    role: str


@dataclass(eq=False)
class Throttled(Exception):
    """Too many failed logins; the next one is heard after `retry_after` seconds."""

    retry_after: float


@dataclass(eq=False)
class ReplicaTokenRefused(Exception):
    """An X-Replica-Token is missing or not valid for this very request.

    `reason` is a stable snake_case word. `now` is this node's wall clock, so that a sender whose clock is
    off can stamp its next token in ours.
    """

    reason: str
    now: float
