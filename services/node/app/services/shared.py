"""One reading for all who wait for the same."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Shared(Generic[T]):
    """Makes one value at a time, and gives each to all who asked before it was begun.

    So a caller never gets what was read before its call, and however many ask, one reading is under way and
    one waits. A caller that goes away takes the reading from nobody.
    """

    def __init__(self, make: Callable[[], Awaitable[T]], *, name: str) -> None:
        self._make = make
        self._name = name
        self._turn = asyncio.Lock()
        self._next: asyncio.Task[T] | None = None

    async def get(self) -> T:
        """A value that is made from now on. Raises what making it raises."""
        if self._next is None or self._next.done():
            self._next = asyncio.create_task(self._made(), name=self._name)
        return await asyncio.shield(self._next)

    async def _made(self) -> T:
        async with self._turn:
            self._next = None
            return await self._make()
