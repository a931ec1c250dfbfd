"""Long reads that leave most of the time to orders, which need the same processor."""

import asyncio
from typing import Any, TypeVar

from app.database import Database
from app.database.pieces import Pieces
from app.runtime import Clock, wait

T = TypeVar("T")

SHARE = 0.1
"""The part of the time in which pieces are read; in the rest the reader rests."""

LONGEST_REST_SECONDS = 5.0  # a piece that took so long was not read all the time: the machine stood still


class PacedReader:
    """Reads in pieces and rests after each of them, `SHARE` of the time at most. While it is `in_haste` it
    takes no rest; `hurry` makes it so, in the middle of a rest too."""

    def __init__(self, database: Database, *, clock: Clock, hurry: asyncio.Event) -> None:
        self._database = database
        self._clock = clock
        self._hurry = hurry
        self.in_haste = False

    async def read(self, pieces: Pieces[T]) -> T:
        """What the pieces find. Raises as `Database.read` does, and what they raise."""
        answer: Any = None
        while True:
            try:
                query = pieces.send(answer)
            except StopIteration as end:
                found: T = end.value
                return found
            began = self._clock.monotonic()
            answer = await self._database.read(query)
            await self._rest_after(self._clock.monotonic() - began)

    async def _rest_after(self, seconds: float) -> None:
        rest = min(seconds * (1 / SHARE - 1), LONGEST_REST_SECONDS)
        if rest > 0 and not self.in_haste:
            self.in_haste = await wait(self._hurry, rest)
