"""A node's executor in virtual time: work takes a little while, may stall, and a crash can hit any commit."""

import asyncio
from collections.abc import Callable
from random import Random
from typing import TypeVar

from app.runtime import Lane

T = TypeVar("T")

USUAL_SECONDS = {"writer": 0.002, "reader": 0.0005, "crypto": 0.2}
SLOW_CHANCE = 0.02
TIMELY_CHANCE = 0.5  # work that takes no time at all is done as soon as those who are ready had their turn
SLOW_SECONDS = 0.05  # what an fsync takes now and then on a busy disk


class SimExecutor:
    """Runs a node's blocking work on the loop, each piece at one virtual instant.

    Before and after it, seeded moments pass in which other tasks run, so that all orders of events occur that
    threads could produce. After the writer's work, no task has its result yet.

    - while `running` is not set, all work is held up;
    - `on_commit` is called at the instant after the writer's work, before any task gets the result; it may
      kill the node.
    """

    def __init__(self, random: Random, *, on_commit: Callable[[], None]) -> None:
        self._random = random
        self._on_commit = on_commit
        self._writer = asyncio.Lock()
        self._dead = False
        self.running = asyncio.Event()
        self.running.set()

    async def run(self, lane: Lane, work: Callable[[], T]) -> T:
        if lane != "writer":
            return await self._work(lane, work)
        async with self._writer:
            return await self._work(lane, work)

    async def _work(self, lane: Lane, work: Callable[[], T]) -> T:
        await asyncio.sleep(self._moment(lane))
        await self.running.wait()
        if self._dead:
            raise asyncio.CancelledError("the process was killed")
        try:
            return work()
        finally:
            if lane == "writer":
                self._on_commit()
                await asyncio.sleep(self._moment(lane))

    def die(self) -> None:
        """Let no more work begin. The process was killed, and the clean-up of its tasks must not reach the
        disk."""
        self._dead = True
        self.running.set()

    def close(self) -> None:
        pass

    def _moment(self, lane: Lane) -> float:
        draw = self._random.random()
        if draw < SLOW_CHANCE:
            return SLOW_SECONDS * self._random.random()
        return USUAL_SECONDS[lane] * draw if draw < TIMELY_CHANCE else 0.0
