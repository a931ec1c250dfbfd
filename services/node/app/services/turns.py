"""Turns: of those who ask under one name, one after the other goes on."""

import asyncio
from collections import deque


class Turns:
    """Who goes on, by name, in the order of arrival. Where nobody else asks, it costs next to nothing."""

    def __init__(self) -> None:
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    def is_free(self, name: str) -> bool:
        """Whether nobody goes on under this name."""
        return name not in self._waiting

    async def begin(self, name: str) -> None:
        """Return when it is the caller's turn, who then calls `end`. Whoever is cancelled has none."""
        waiting = self._waiting.get(name)
        if waiting is None:
            self._waiting[name] = deque()
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # it came at the same moment: the next one has it
                self.end(name)
            raise

    def end(self, name: str) -> None:
        """Let the next one go on."""
        waiting = self._waiting[name]
        while waiting:
            turn = waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        del self._waiting[name]
