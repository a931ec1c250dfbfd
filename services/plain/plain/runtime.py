"""Time and chance. Tests bring a clock of their own."""

import asyncio
from datetime import UTC, datetime
from uuid import uuid4


class Clock:
    """The machine's clock, and waiting by it."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


def new_id() -> str:
    """An id that no other node makes."""
    return str(uuid4())
