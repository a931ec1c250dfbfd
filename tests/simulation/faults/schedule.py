"""Which faults happen in a history, when, and their undoing.

`links`, `processes`, `disks`, `clones` and `leaving` have one function for each kind.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from tests.simulation.faults import clones, disks, leaving, links, processes
from tests.simulation.faults.scene import Scene
from tests.simulation.machines.machine import Machine
from tests.simulation.machines.network import Weather
from tests.simulation.plan import LEAVE, Plan

LONGEST_STORM_SECONDS = 40.0
WEATHER = ("lose", "duplicate", "delay", "damage", "poison")
DOINGS: Mapping[str, Callable[[Scene, Machine], Coroutine[Any, Any, None]]] = {
    "cut": links.cut,
    "isolate": links.isolate,
    "crash": processes.crash,
    "crash_at_commit": processes.crash_at_commit,
    "stop": processes.stop,
    "stall": processes.stall,
    "upgrade": processes.upgrade,
    "go_back": processes.go_back,
    "pause": processes.pause,
    "skew": processes.skew,
    "jump": processes.jump,
    "power": disks.lose_power,
    "power_at_commit": disks.lose_power_at_commit,
    "full": disks.fill,
    "wipe": disks.wipe,
    "restore": disks.restore,
    "clone": clones.clone,
    "leave": leaving.leave,
}
LOSSES = ("wipe", "restore", "clone")


class Faults:
    """Breaks a history by the plan, until it is told to heal. Temporary faults are undone by themselves.

    `shop_is_open` is set once the network was founded and has something to sell.
    """

    def __init__(self, plan: Plan, scene: Scene) -> None:
        self._plan = plan
        self._scene = scene
        self._random = scene.random
        self.shop_is_open = asyncio.Event()
        self._begun: dict[asyncio.Task[None], None] = {}

    async def rage(self) -> None:
        """Break one thing after the other until cancelled. A storm before the shop is open pauses now and
        then: a network whose nodes are killed again and again need not be founded, nor one whose nodes have
        no protocol in common."""
        kinds = [kind for kind in self._plan.faults if kind in DOINGS]
        losses = [kind for kind in kinds if kind in LOSSES]
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(self._random.expovariate(1.0 / self._plan.fault_every))
            if loop.time() > LONGEST_STORM_SECONDS and not self.shop_is_open.is_set():
                self._scene.network.weather = Weather()
                await self._finish(processes.finish_upgrade(self._scene))
                await self.shop_is_open.wait()
            chance = self._random.random()
            if chance < 0.2:
                self._change_weather()
            elif chance < 0.3 and losses:
                await self._break(self._random.choice(losses))
            elif kinds:
                await self._break(self._random.choice(kinds))

    async def _break(self, kind: str) -> None:
        machine = self._random.choice([*self._scene.machines, *self._scene.copies])
        if kind in LOSSES and (machine.twin is not None or machine in self._scene.copies):
            return  # one of two disks goes when their branch has one again
        if kind == LEAVE and not self.shop_is_open.is_set():
            return  # who opens the shop has to be there
        await self._finish(DOINGS[kind](self._scene, machine))

    async def _finish(self, work: Coroutine[Any, Any, None]) -> None:
        """Finish some work even if this task is cancelled meanwhile: a machine must be on or off, nothing
        else."""
        task = asyncio.get_running_loop().create_task(work)
        self._begun[task] = None
        task.add_done_callback(lambda done: self._begun.pop(done, None))
        await asyncio.shield(task)

    async def watch(self) -> None:
        """Start every machine that is off, after a while, until cancelled: some crashes are not announced."""
        off_since: dict[str, float] = {}
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(0.05)
            for machine in [*self._scene.machines, *self._scene.copies]:
                if machine.process is not None:
                    off_since.pop(machine.label, None)
                elif loop.time() >= off_since.setdefault(machine.label, loop.time() + self._scene.a_while()):
                    off_since.pop(machine.label)
                    await self._finish(machine.start())

    async def heal(self) -> None:
        """Undo everything that is still broken, and start all that is off."""
        await asyncio.gather(*list(self._begun))
        await self._scene.heal()
        self._scene.journal.note("healed")

    def _change_weather(self) -> None:
        chances = {
            kind: self._random.choice((0.0, 0.05, 0.3)) for kind in WEATHER if kind in self._plan.faults
        }
        self._scene.network.weather = Weather(**chances)
        self._scene.journal.note("weather", self._scene.network.weather)
