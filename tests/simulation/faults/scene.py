"""What every fault may use: the machines, the network and chance, and the mending of temporary faults."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from random import Random
from typing import Any

from tests.simulation.journal import Journal
from tests.simulation.machines.machine import Machine
from tests.simulation.machines.network import Network
from tests.simulation.watching.observer import Observer

LOOK_SECONDS = 0.05
MOST_LOOKS = 400
LONGEST_SECONDS = 3.0  # of a cut, a stall, or a machine that is down


@dataclass
class Scene:
    """A history's machines and network, with the random source that decides what breaks. `copies` are the
    machines that run on a copy of another one's disk now, and `scrapped` those that were thrown away. `gone`
    are branches lost for good; they are no longer among the `machines`."""

    machines: list[Machine]
    network: Network
    observer: Observer
    journal: Journal
    random: Random
    copies: list[Machine] = field(default_factory=list)
    scrapped: list[Machine] = field(default_factory=list)
    gone: list[Machine] = field(default_factory=list)
    _begun: dict[asyncio.Task[None], None] = field(default_factory=dict)
    _mending: dict[asyncio.Task[None], Callable[[], object]] = field(default_factory=dict)

    def others(self, machine: Machine) -> list[Machine]:
        return [other for other in self.machines if other.name != machine.name]

    def a_while(self) -> float:
        """Seconds until something broken works again."""
        return LONGEST_SECONDS * self.random.random()

    def mend(self, undo: Callable[[], object], *, after: float | None = None) -> None:
        """Undo something after a while, or when everything is mended."""
        seconds = self.a_while() if after is None else after

        async def later() -> None:
            await asyncio.sleep(seconds)
            undo()

        task = asyncio.get_running_loop().create_task(later())
        self._mending[task] = undo
        task.add_done_callback(lambda done: self._mending.pop(done, None))

    def begin(self, work: Coroutine[Any, Any, None]) -> None:
        """Start a task that takes its time. An error in it ends the history."""
        task = asyncio.get_running_loop().create_task(work)
        self._begun[task] = None
        task.add_done_callback(lambda done: self._begun.pop(done, None))

    async def done(self) -> None:
        """Return once everything begun is done."""
        await asyncio.gather(*list(self._begun))

    async def heal(self) -> None:
        """Undo everything that is still broken, and start all that is off."""
        self.mend_all()
        self.network.heal()
        for machine in list(self.machines):
            machine.spare()
            if machine.process is None:
                await machine.start()
        await self.done()

    async def all_ready(self) -> bool:
        """Wait a while until every branch serves; whether they do."""
        for _ in range(MOST_LOOKS):
            processes = [machine.process for machine in self.machines]
            if all(process and process.serves and process.node.ready for process in processes):
                return True
            await asyncio.sleep(LOOK_SECONDS)
        return False

    def mend_all(self) -> None:
        """Undo now what would be undone later."""
        for task, undo in list(self._mending.items()):
            task.cancel()
            undo()
        self._mending.clear()
