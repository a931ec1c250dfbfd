"""The lane of password checks: a few run at once, a bounded number waits, and the best known go first."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from enum import IntEnum

from app.security.errors import LoginsBusy

AT_ONCE = 2  # as many as the crypto lane of `app.runtime` has threads
KEPT = 1  # of them, for pairs that are known
RETRY_AFTER_SECONDS = 2.0  # a full lane is empty by then, on a slow machine too

Abandoned = Callable[[], Awaitable[bool]]


class Standing(IntEnum):
    """What is known of whoever tries to log in. The lower one goes first."""

    PAIR_KNOWN = 0  # this name logged in well from this address lately
    ADDRESS_KNOWN = 1  # somebody did from this address
    UNKNOWN = 2


class LoginLane:
    """Lets two password checks run at once and at most `waiting` wait. One of the two places is kept for
    known pairs: they wait for nobody else. A full lane refuses at once, but a login of better standing takes
    the place of the newest one of the worst standing."""

    def __init__(self, *, waiting: int) -> None:
        self._most = waiting
        self._running = dict.fromkeys(Standing, 0)
        self._queues: dict[Standing, deque[asyncio.Future[None]]] = {each: deque() for each in Standing}

    @property
    def waiting(self) -> int:
        """How many logins wait now."""
        return sum(len(queue) for queue in self._queues.values())

    @asynccontextmanager
    async def turn(self, standing: Standing, *, abandoned: Abandoned) -> AsyncIterator[None]:
        """Wait for a turn and hold it. Raises LoginsBusy where there is no place, where a login of better
        standing takes the place, and when the turn comes to a client that has gone."""
        await self._enter(standing)
        try:
            if await abandoned():
                raise LoginsBusy(RETRY_AFTER_SECONDS)
            yield
        finally:
            self._leave(standing)

    async def _enter(self, standing: Standing) -> None:
        if self._has_place(standing):
            self._running[standing] += 1
            return
        if self.waiting >= self._most:
            self._make_room(standing)
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        queue = self._queues[standing]
        queue.append(place)
        try:
            await place
        except asyncio.CancelledError:
            if place in queue:
                queue.remove(place)
            elif place.done() and not place.cancelled() and place.exception() is None:
                self._leave(standing)  # the turn had just been given
            raise

    def _has_place(self, standing: Standing) -> bool:
        running = sum(self._running.values())
        if standing == Standing.PAIR_KNOWN:
            return running < AT_ONCE
        return running < AT_ONCE and running - self._running[Standing.PAIR_KNOWN] < AT_ONCE - KEPT

    def _make_room(self, standing: Standing) -> None:
        worst = max((each for each, queue in self._queues.items() if queue), default=standing)
        if worst <= standing:
            raise LoginsBusy(RETRY_AFTER_SECONDS)
        self._queues[worst].pop().set_exception(LoginsBusy(RETRY_AFTER_SECONDS))

    def _leave(self, standing: Standing) -> None:
        self._running[standing] -= 1
        for each, queue in self._queues.items():  # the best standing first
            while queue and self._has_place(each):
                self._running[each] += 1
                queue.popleft().set_result(None)
