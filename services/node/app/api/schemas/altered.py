"""Rows that are not what the node wrote, and what came of accepting them."""

from app.api.schemas.base import Answer


class AlteredRow(Answer):
    """A replicated row that something else than the node's commands changed, and what each peer that was
    asked said of it. `bucket` is its bucket of the digest; `since` is in seconds since 1970."""

    relation: str
    row_key: str
    bucket: int
    asked: int
    why: str
    since: float


class AlteredRows(Answer):
    """All such rows."""

    items: list[AlteredRow]


class Accepted(Answer):
    """How many rows were taken for what they say, and how many could not: no node could have written them."""

    accepted: int
    left: int
