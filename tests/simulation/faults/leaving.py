"""A branch that is lost for good: its disk is taken away, and it is decommissioned."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from app.database import StorageError
from app.domain.errors import StateError
from tests.simulation.faults.disks import is_not_the_last
from tests.simulation.faults.scene import Scene
from tests.simulation.journal import Journal
from tests.simulation.machines.machine import Machine
from tests.simulation.machines.process import Down, Unknown
from tests.simulation.people.clients import ACTOR
from tests.simulation.plan import FEWEST_TO_LEAVE

AGAIN_SECONDS = 0.5
PATIENCE_SECONDS = 5.0
KNOWN_WITHIN_SECONDS = 60.0  # in a healed network, whatever pauses its nodes are in
MOST_LOOKS = 120


async def leave(scene: Scene, machine: Machine) -> None:
    """Lose a branch for good, at most one in a history. Serving nodes are asked to decommission it, until one
    answers that another member stores it too."""
    enough = len(scene.machines) >= FEWEST_TO_LEAVE and not scene.gone
    if machine.process is None or not machine.process.serves or not enough:
        return
    if not is_not_the_last(scene, machine):
        return
    scene.journal.fault("leave", machine.name)
    scene.observer.losses.lose(machine)
    machine.wipe()
    scene.machines.remove(machine)
    scene.gone.append(machine)
    scene.observer.losses.leave(machine)
    await machine.reaped()
    scene.begin(_until_it_counts(scene, machine))


async def _until_it_counts(scene: Scene, gone: Machine) -> None:
    while True:
        if await _say(scene.random.choice(scene.machines), gone) == "decommissioned":
            return
        await asyncio.sleep(AGAIN_SECONDS)


async def say_again(machines: Sequence[Machine], gone: Sequence[Machine], journal: Journal) -> None:
    """Decommission the lost branch again at the end, as an admin does who sees that nodes still wait for it.
    All nodes that stored it may have lost their disks."""
    deadline = asyncio.get_running_loop().time() + KNOWN_WITHIN_SECONDS
    for one in gone:
        while await _say(machines[0], one, insist=len(machines) == 1) != "decommissioned":
            if asyncio.get_running_loop().time() >= deadline:
                journal.violation("stalled", f"nobody but {machines[0].name} knows that {one.name} is gone")
                return
            await asyncio.sleep(AGAIN_SECONDS)


async def say(machines: Sequence[Machine], gone: Machine) -> bool:
    """Decommission a branch at every node that answers. Returns whether that counts at one of them."""
    alone = len(machines) == 1
    return "decommissioned" in [await _say(machine, gone, insist=alone) for machine in machines]


async def _say(machine: Machine, gone: Machine, *, insist: bool = False) -> str | None:
    """Decommission a branch at a node; where no majority is left, `insist`. Returns how far that is, or None
    if the node does not answer."""
    process = machine.process
    if process is None or not process.serves or not process.node.ready:
        return None
    with suppress(Down, Unknown, StateError, StorageError):
        said = await process.do(
            process.node.members.decommission(gone.name, insist=insist, actor=ACTOR),
            patience=PATIENCE_SECONDS,
        )
        return str(said.state)
    return None


async def come_back(machine: Machine, journal: Journal) -> None:
    """Start a decommissioned branch on another disk. It learns that it is decommissioned, and never
    serves."""
    await machine.start()
    assert machine.process is not None, "nothing breaks any more"
    readiness = machine.process.node.readiness
    for _ in range(MOST_LOOKS):
        if readiness.closed:
            break
        await asyncio.sleep(AGAIN_SECONDS)
    if not readiness.closed or readiness.ready:
        journal.violation("unnoticed", f"{machine.name} is decommissioned, and is {readiness.reason}")
    machine.crash()
    await machine.reaped()
