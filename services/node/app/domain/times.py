"""Times as people read them. Pure."""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

DAMAGED = "damaged"
"""What is shown in the place of a time that no node could have written."""


def shown(seconds: Any) -> str:
    """Seconds since 1970 in ISO 8601, or DAMAGED for what is no time."""
    try:
        return _shown(seconds)
    except (OverflowError, ValueError, TypeError, OSError):
        return DAMAGED


@lru_cache(maxsize=256)  # the orders of a group have one time
def _shown(seconds: Any) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()
