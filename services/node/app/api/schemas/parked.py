"""Parked events, and what came of trying them again."""

from app.api.schemas.base import Answer


class ParkedEvent(Answer):
    """An event that could not be applied, and why. `waiting` ones lack something that may still come."""

    key: str
    origin: str
    epoch: str
    seq: int
    kind: str
    entity: str
    reason: str
    waiting: bool
    attempts: int
    parked_at: float


class Replayed(Answer):
    """How many parked events could be applied now, and how many could not."""

    applied: int
    left: int
