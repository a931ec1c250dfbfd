"""What goes wrong in a history, and undoing it."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from random import Random

from tests.simulation.journal import Journal
from tests.simulation.machine import Machine
from tests.simulation.network import Network, Weather
from tests.simulation.observer import Observer
from tests.simulation.plan import Plan

LONGEST_SECONDS = 3.0  # of a cut, a stall, or a machine that is down
MOST_SKEW_SECONDS = 3600.0
MOST_COMMITS_TO_LIVE = 20
WEATHER = ("lose", "duplicate", "delay")


class Faults:
    """Breaks a history by the plan, until it is told to heal. What it breaks for a while it mends itself."""

    def __init__(
        self,
        plan: Plan,
        machines: Sequence[Machine],
        network: Network,
        *,
        observer: Observer,
        journal: Journal,
    ) -> None:
        self._plan = plan
        self._machines = machines
        self._network = network
        self._observer = observer
        self._journal = journal
        self._random: Random = plan.random("faults")
        self._mending: dict[asyncio.Task[None], None] = {}
        self._doings: dict[str, Callable[[Machine], Awaitable[None]]] = {
            "cut": self._cut,
            "isolate": self._isolate,
            "crash": self._crash,
            "crash_at_commit": self._crash_at_commit,
            "stop": self._stop,
            "stall": self._stall,
            "skew": self._skew,
            "wipe": self._wipe,
        }

    async def rage(self) -> None:
        """Break one thing after the other until cancelled."""
        kinds = [kind for kind in self._plan.faults if kind not in WEATHER]
        while True:
            await asyncio.sleep(self._random.expovariate(1.0 / self._plan.fault_every))
            chance = self._random.random()
            if chance < 0.2:
                self._change_weather()
            elif chance < 0.3 and "wipe" in kinds:
                await self._wipe(self._random.choice(self._machines))
            elif kinds:
                await self._doings[self._random.choice(kinds)](self._random.choice(self._machines))

    async def watch(self) -> None:
        """Switch on whatever is off, after a while, until cancelled: some crashes come unannounced."""
        off_since: dict[str, float] = {}
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(0.05)
            for machine in self._machines:
                if machine.process is not None:
                    off_since.pop(machine.name, None)
                elif loop.time() >= off_since.setdefault(machine.name, loop.time() + self._a_while()):
                    off_since.pop(machine.name)
                    await machine.start()

    async def heal(self) -> None:
        """Undo everything that is still broken, and start all that is off."""
        for task in list(self._mending):
            task.cancel()
        await asyncio.gather(*list(self._mending), return_exceptions=True)
        self._network.heal()
        for machine in self._machines:
            machine.spare()
            if machine.process is None:
                await machine.start()
            elif not machine.process.executor.running.is_set():
                machine.process.executor.running.set()
        self._journal.note("healed")

    def _change_weather(self) -> None:
        chances = {
            kind: self._random.choice((0.0, 0.05, 0.3)) for kind in WEATHER if kind in self._plan.faults
        }
        self._network.weather = Weather(**chances)
        self._journal.note("weather", self._network.weather)

    async def _cut(self, machine: Machine) -> None:
        """One direction between two machines; the messages vanish, or are refused at once."""
        others = [other.name for other in self._machines if other is not machine]
        self._cut_links([(machine.name, self._random.choice(others))])

    async def _isolate(self, machine: Machine) -> None:
        others = [other.name for other in self._machines if other is not machine]
        self._cut_links([link for other in others for link in ((machine.name, other), (other, machine.name))])

    def _cut_links(self, links: Sequence[tuple[str, str]]) -> None:
        refused = self._random.random() < 0.5
        self._journal.fault("cut" if len(links) == 1 else "isolate", *links[0], refused)
        for link in links:
            self._network.cut[link] = refused
        self._mend(lambda: [self._network.cut.pop(link, None) for link in links])

    async def _crash(self, machine: Machine) -> None:
        if machine.process is not None:
            self._journal.fault("crash", machine.name)
            machine.crash()

    async def _crash_at_commit(self, machine: Machine) -> None:
        commits = self._random.randint(1, MOST_COMMITS_TO_LIVE)
        self._journal.fault("crash_at_commit", machine.name, commits)
        machine.doom(commits)

    async def _wipe(self, machine: Machine) -> None:
        """Lose a disk, while every other branch serves: what all have lost nobody can bring back."""
        others = [other.process for other in self._machines if other is not machine]
        if machine.process is not None and all(process and process.node.ready for process in others):
            self._journal.fault("wipe", machine.name)
            self._observer.lose(machine)
            machine.wipe()

    async def _stop(self, machine: Machine) -> None:
        if machine.process is not None and machine.process.executor.running.is_set():
            self._journal.fault("stop", machine.name)
            await machine.stop()

    async def _stall(self, machine: Machine) -> None:
        """The disk answers nothing for a while."""
        if machine.process is not None:
            self._journal.fault("stall", machine.name)
            running = machine.process.executor.running
            running.clear()
            self._mend(running.set)

    async def _skew(self, machine: Machine) -> None:
        machine.clock.offset = self._random.uniform(-MOST_SKEW_SECONDS, MOST_SKEW_SECONDS)
        self._journal.fault("skew", machine.name, f"{machine.clock.offset:.3f}")

    def _mend(self, undo: Callable[[], object]) -> None:
        async def later() -> None:
            try:
                await asyncio.sleep(self._a_while())
            finally:
                undo()

        task = asyncio.get_running_loop().create_task(later())
        self._mending[task] = None
        task.add_done_callback(lambda done: self._mending.pop(done, None))

    def _a_while(self) -> float:
        return LONGEST_SECONDS * self._random.random()
