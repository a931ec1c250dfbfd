"""Waiting until a healed network is quiet: nothing pending, all nodes alike."""

import asyncio
from collections.abc import Callable, Sequence

from app.status import NodeStatus
from tests.simulation.ending import files
from tests.simulation.journal import Journal
from tests.simulation.machines.machine import Machine
from tests.simulation.machines.network import Network
from tests.simulation.people.clients import PATIENCE_SECONDS, replay_parked
from tests.simulation.people.record import Record
from tests.simulation.watching import parked
from tests.simulation.watching.observer import Observer

QUIET_WITHIN_SECONDS = 90.0  # virtual, after healing: hours of back-off would be a stall
LOOK_SECONDS = 0.2
MOST_READINGS = 50
_COMPARED = ("digest", "heads", "parked")
MOST_MESSAGES = 1_000  # of a direction in a whole history; more is somebody repeating itself like mad


class Quiet:
    """The waiting for a quiet network, which is part of every end. Where a member lied, what is `left_out` of
    the verdict may differ, and so may all sums of it."""

    def __init__(
        self,
        machines: Sequence[Machine],
        network: Network,
        observer: Observer,
        record: Record,
        journal: Journal,
        *,
        left_out: Callable[[], files.LeftOut],
    ) -> None:
        self._machines = machines
        self._network = network
        self._observer = observer
        self._record = record
        self._journal = journal
        self._left_out = left_out

    def connections(self) -> files.Files:
        """A reading connection to every node's file, by name."""
        return {machine.name: self._observer.connection(machine) for machine in self._machines}

    async def grow(self) -> None:
        """Wait until no node has anything to send to another, with no help from outside."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + QUIET_WITHIN_SECONDS
        most = MOST_MESSAGES * len(self._machines) * (len(self._machines) - 1)
        if self._left_out().branch is not None:
            most = self._network.sent + MOST_MESSAGES * len(self._machines) ** 2
        while loop.time() < deadline and self._network.sent < most:
            await asyncio.sleep(LOOK_SECONDS)
            if self._journal.violations or await self._is_quiet():
                return
            await self._replay_parked()
        for machine in self._machines:
            status = await status_of(machine) if machine.process else None
            self._journal.violation("stalled", f"{machine.name} is not quiet: {status}")

    async def read_all(self) -> None:
        """Put into the run log what every node shows while no client writes. Rights may still move in the
        background; if they never stop, the last reading stays."""
        before = self._record.length
        for _ in range(MOST_READINGS):
            self._record.cut(before)
            ends = files.ends(self.connections())
            for machine in self._machines:
                await self._record.read(machine)
            if ends == files.ends(self.connections()) and files.is_quiet(self.connections()):
                return
            await asyncio.sleep(LOOK_SECONDS)

    async def _replay_parked(self) -> None:
        """Replay parked events, as an admin does who sees some."""
        for machine in self._machines:
            process = machine.process
            if process is None or not process.node.ready or not (await status_of(machine)).parked:
                continue
            if not parked.is_only_of(self._observer.connection(machine), self._left_out().branch):
                await process.do(replay_parked(process.node), patience=PATIENCE_SECONDS)

    async def _is_quiet(self) -> bool:
        if not all(m.process is not None and m.process.node.ready for m in self._machines):
            return False
        left_out = self._left_out()
        if not files.is_quiet(self.connections(), left_out):
            return False
        ends = files.ends(self.connections())
        said = [await status_of(machine) for machine in self._machines]
        compared = _COMPARED if left_out.branch is None else ()
        settled = all(_is_settled(status, said[0], compared) for status in said)
        settled = settled and parked.is_all_lost(self.connections(), left_out.branch)
        if left_out.branch is not None:  # what a liar told of others is found by comparing with them, later
            settled = settled and files.are_alike(self.connections(), left_out)
        quiet = settled and ends == files.ends(self.connections())
        if quiet:
            self._journal.note("quiet", said[0].digest)
            for machine, status in zip(self._machines, said, strict=True):
                self._record.said(machine.name, status)
        return quiet


async def status_of(machine: Machine) -> NodeStatus:
    """The status of a machine's node, which must run."""
    assert machine.process is not None, "everything was switched on"
    return await machine.process.do(machine.process.node.status(), patience=PATIENCE_SECONDS)


def _is_settled(status: NodeStatus, other: NodeStatus, compared: Sequence[str]) -> bool:
    """Whether a node reports nothing pending, and the same as another one where it is `compared`. If anything
    is, the company's stock is, too."""
    same = all(getattr(status, name) == getattr(other, name) for name in compared)
    stock = ("available", "frozen") if compared else ()
    same = same and all(status.stock[name] == other.stock[name] for name in stock)
    return same and not any(status.pending.values())
