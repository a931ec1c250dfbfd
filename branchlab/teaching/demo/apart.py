"""The heart of the demonstration: a branch is away, the others sell at a steady rate, it comes back."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Literal

from branchlab.checking.operations import Operations, Patience
from branchlab.language import _
from branchlab.networks.drivers import STATE_WORDS, NodeState
from branchlab.networks.pace import Pace
from branchlab.networks.running import Running
from branchlab.networks.status import StatusReader
from branchlab.nodes import convergence
from branchlab.nodes.contract import Status
from branchlab.nodes.convergence import NotConvergedError, Statuses
from branchlab.nodes.settling import keeps_no_log
from branchlab.teaching.demo.parts import events_of_all
from branchlab.teaching.demo.screen import Curve, Expectation, Screen
from branchlab.teaching.replay.history import HistoryOrder
from branchlab.teaching.replay.player import Played, play_one

Fault = Literal["pause", "stop"]

STATE_IN: Mapping[Fault, NodeState] = {"pause": "paused", "stop": "stopped"}
"""The state in which a fault leaves its node."""

_READ_EVERY_SECONDS = 0.5
_SETTLE_SECONDS = 20.0  # for the branches that stay to deliver to each other
_DRAIN_SECONDS = 60.0
# A branch that is short of units asks its peers, the silent one too; few retries keep the rate steady.
_PATIENCE = Patience(conflicts=2, hiccups=2)


Settled = Mapping[str, Status]
"""The nodes that stay: NODE → a `/status` in which nothing is pending to another of them."""


@dataclass(frozen=True)
class Absence:
    """What came of it. `seconds` is how long the branch was away, `pending` what all others together held for
    it at the end (None: not known) and `expected` how much of that the accepted orders must have written: the
    rest are rights that moved in the background. `drained_seconds` runs from the heal until nothing was
    pending anywhere (None: not in time). What was not there in time is `unjudged`, not a failure."""

    seconds: float
    played: list[Played]
    pending: int | None
    expected: int
    drained_seconds: float | None
    failures: tuple[str, ...]
    unjudged: tuple[str, ...] = ()


class Partition:
    """Takes `victim` off the network by `fault`, sells `orders` at the other nodes in `seconds`, heals.

    The caller undoes the fault when `play` does not return.
    """

    def __init__(
        self,
        *,
        victim: str,
        fault: Fault,
        orders: Sequence[HistoryOrder],
        node_of: Mapping[str, str],
        seconds: float,
        run: str,
    ) -> None:
        self._victim = victim
        self._fault = fault
        self._orders = orders
        self._node_of = node_of
        self._seconds = seconds
        self._run = run
        self._failures: list[str] = []
        self._unjudged: list[str] = []
        self._machine = Pace()
        self._played: list[Played] = []

    async def play(
        self, operations: Operations, reader: StatusReader, running: Running, screen: Screen
    ) -> Absence:
        """Returns when nothing is pending any more, or after a minute of waiting for that, longer where this
        machine is slow."""
        log, driver = operations.log, running.driver
        self._machine = running.pace
        fault_id = log.fault_requested(self._fault, self._victim)
        await asyncio.to_thread(driver.pause if self._fault == "pause" else driver.stop, self._victim)
        log.fault_active(fault_id)
        before = await self._settled(reader)
        began = time.monotonic()
        curve = Curve(self._expectation(before))
        with screen.live(curve) as draw:
            async with _running_beside(self._sample(operations, reader, curve, draw, began)):
                await self._sell(operations, began)
                pending = await self._check(reader, before)
                healing_from = time.monotonic()
                screen.step(_("4/6 Heal: {victim} comes back and gets what it missed", victim=self._victim))
                curve.heal(seconds=healing_from - began)
                await asyncio.to_thread(driver.heal)
                log.fault_healed(fault_id)
                drained = await self._drain(reader, healing_from)
            await self._read_into(curve, operations, reader, began)
        if drained is not None:
            screen.say(
                _(
                    "  {victim} had everything {seconds:,.1f} s after it began to come back",
                    victim=self._victim,
                    seconds=drained,
                )
            )
        return Absence(
            seconds=healing_from - began,
            played=self._played,
            pending=pending,
            expected=self._events_of(
                [one.order for one in self._played if one.placed.order is not None], [*before.values()]
            ),
            drained_seconds=drained,
            failures=tuple(self._failures),
            unjudged=tuple(self._unjudged),
        )

    def _expectation(self, before: Settled) -> Expectation:
        return Expectation(
            victim=self._victim,
            fault=_(STATE_WORDS[STATE_IN[self._fault]]),
            start=sum(self._pending(status) for status in before.values()),
            orders=len(self._orders) / self._seconds,
            events=self._events_of(self._orders, [*before.values()]) / max(len(self._orders), 1),
            seconds=self._seconds,
        )

    def _events_of(self, orders: Sequence[HistoryOrder], statuses: Sequence[Status]) -> int:
        """How many events the orders make: one for each where nodes keep no log, as far as one can tell."""
        return len(orders) if any(map(keeps_no_log, statuses)) else events_of_all(orders)

    async def _sell(self, operations: Operations, began: float) -> None:
        """Each branch places its orders one after the other, each when it is due, and waits out the time."""
        due = {order.order: began + self._pace * place for place, order in enumerate(self._orders)}

        async def sell_at(node: str) -> None:
            for order in self._orders:
                if self._node_of[order.branch] == node:
                    await asyncio.sleep(due[order.order] - time.monotonic())
                    self._played.append(
                        await play_one(operations, order, node, run=self._run, patience=_PATIENCE)
                    )

        async with asyncio.TaskGroup() as group:
            for node in {self._node_of[order.branch] for order in self._orders}:
                group.create_task(sell_at(node))
        await asyncio.sleep(began + self._seconds - time.monotonic())

    @property
    def _pace(self) -> float:
        """Seconds from one order to the next, over all branches."""
        return self._seconds / max(len(self._orders), 1)

    async def _sample(
        self,
        operations: Operations,
        reader: StatusReader,
        curve: Curve,
        draw: Callable[[], None],
        began: float,
    ) -> None:
        while True:
            await self._read_into(curve, operations, reader, began)
            draw()
            await asyncio.sleep(_READ_EVERY_SECONDS)

    async def _read_into(
        self, curve: Curve, operations: Operations, reader: StatusReader, began: float
    ) -> None:
        reading = await reader.read()
        curve.add(reading, seconds=time.monotonic() - began)
        for name, status in reading.statuses.items():
            operations.log.sample(name, status)

    async def _settled(self, reader: StatusReader) -> Settled:
        """A reading of the nodes that stay, all known, with nothing pending between them. NotConvergedError
        when there is none in time."""

        async def read() -> dict[str, Status | None]:
            statuses = (await reader.read()).statuses
            return {name: status for name, status in statuses.items() if name != self._victim}

        deadline = self._machine.patience(_SETTLE_SECONDS)
        found = await convergence.wait_clear(read, self._open_between, deadline_seconds=deadline)
        return {name: status for name, status in found.items() if status is not None}

    def _open_between(self, statuses: Statuses) -> list[str]:
        lines = []
        for name, status in statuses.items():
            if status is None:
                lines.append(_("{name} gives no status", name=name))
                continue
            for peer, pending in status["pending"].items():
                if pending is None or (pending != 0 and peer != self._victim):
                    lines.append(f"{name} → {peer}: {pending}")
        return lines

    async def _check(self, reader: StatusReader, before: Settled) -> int | None:
        """What is pending for the victim at the end; notes it as a failure unless it is exactly what each
        node wrote since the fault, with nothing left between the others."""
        try:
            after = await self._settled(reader)
        except NotConvergedError:
            self._unjudged.append(
                _(
                    "the other branches did not deliver everything among themselves within {seconds:,.0f} s",
                    seconds=self._machine.patience(_SETTLE_SECONDS),
                )
            )
            return None
        for name, now in after.items():
            if keeps_no_log(now):  # it does not say how much it wrote
                continue
            grown = self._pending(now) - self._pending(before[name])
            written = _head(now) - _head(before[name])
            if grown != written:
                self._failures.append(
                    _(
                        "{node} has {pending} more pending for {victim}, but wrote {written}",
                        node=name,
                        pending=grown,
                        victim=self._victim,
                        written=written,
                    )
                )
        return sum(self._pending(status) for status in after.values())

    def _pending(self, status: Status) -> int:
        pending = status["pending"][self._victim]
        assert pending is not None, "a settled reading knows what is pending"
        return pending

    async def _drain(self, reader: StatusReader, healing_from: float) -> float | None:
        async def read() -> dict[str, Status | None]:
            return (await reader.read()).statuses

        try:
            deadline = self._machine.patience(_DRAIN_SECONDS)
            await convergence.wait_clear(read, convergence.pending_obstacles, deadline_seconds=deadline)
        except NotConvergedError:
            self._unjudged.append(
                _(
                    "{victim} did not get everything within {seconds:,.0f} s",
                    victim=self._victim,
                    seconds=deadline,
                )
            )
            return None
        return time.monotonic() - healing_from


def _head(status: Status) -> int:
    """How many events the node itself has written."""
    return status["heads"].get(f"{status['node']}@{status['epoch']}", 0)


@asynccontextmanager
async def _running_beside(work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Runs `work` until the block ends."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
