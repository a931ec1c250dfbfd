"""Rows that are not what the node wrote, and what came of accepting them."""

from app.api.schemas.base import Answer, Time, shows


class AlteredRow(Answer):
    """A replicated row that something else than the node's commands changed, and what each peer that was
    asked said of it. `bucket` is its bucket of the digest."""

    model_config = shows(
        {
            "relation": "customers",
            "row_key": "5505cbfc-dda3-5b1d-b5d5-ba06d9db6d0e",
            "bucket": 137,
            "asked": 0,
            "why": "there is no peer",
            "since": "2026-11-23T22:01:00.250000+00:00",
        }
    )

    relation: str
    row_key: str
    bucket: int
    asked: int
    why: str
    since: Time


class AlteredRows(Answer):
    """All such rows."""

    items: list[AlteredRow]


class Accepted(Answer):
    """How many rows were taken for what they say, and how many could not: no node could have written them."""

    model_config = shows({"accepted": 1, "left": 0})

    accepted: int
    left: int
