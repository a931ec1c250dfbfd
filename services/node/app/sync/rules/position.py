"""A position: where an event stands in the log of one life. Pure."""

from typing import NamedTuple


class Position(NamedTuple):
    """An event's seq and its id. Two ids at one seq mean two histories. Messages have it as a
    `Head` (app.sync.wire.messages)."""

    seq: int
    event_id: str


ORIGIN = Position(0, "")
"""The position before a log's first event."""
