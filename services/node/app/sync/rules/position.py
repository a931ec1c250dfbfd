"""A position: where an event stands in the log of one life. Pure."""

from typing import NamedTuple


class Position(NamedTuple):
    """An event's seq, and its id: two ids at one seq are two histories."""

    seq: int
    event_id: str


ORIGIN = Position(0, "")
"""Where a log begins: before its first event."""
