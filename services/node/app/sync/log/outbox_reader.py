"""Reads the outbox for all senders of a node, each part once where several peers lack it."""

import asyncio
from functools import partial

from app.database import Database
from app.sync.log import batches
from app.sync.log.recent_cuts import Cut, RecentCuts
from app.sync.rules.batch_size import BatchSize
from app.sync.wire.messages import Span


class OutboxReader:
    """Reads as `batches.next_cut` does.

    With `shares`, what was read for one peer is given to the others that lack the same. Whoever asks while
    the same place is being read waits for that.
    """

    def __init__(self, database: Database, *, shares: bool) -> None:
        self._database = database
        self._recent = RecentCuts() if shares else None
        self._under_way: dict[int | None, asyncio.Event] = {}

    async def read(
        self, peer: str, peer_epoch: str, *, size: BatchSize, behind: Span | None, reported: int | None
    ) -> Cut | None:
        """The next batch for a peer's life, which `reported` that place last. Raises as `next_cut` does."""
        query = partial(
            batches.next_cut,
            peer=peer,
            peer_epoch=peer_epoch,
            size=size,
            behind=behind,
            recent=self._recent,
        )
        start = reported if behind is None else behind.through.seq  # a guess: the cursor in the file decides
        while (other := self._under_way.get(start)) is not None:
            await other.wait()
        self._under_way[start] = done = asyncio.Event()
        try:
            return await self._database.read(query, exact=True)
        finally:
            del self._under_way[start]
            done.set()
