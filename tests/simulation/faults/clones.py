"""The fault of a copied volume: two processes run on two copies of one disk."""

import asyncio

from tests.simulation.faults.scene import LOOK_SECONDS, MOST_LOOKS, Scene
from tests.simulation.machines.machine import Machine

BOTH_REFUSED_WITHIN_SECONDS = 30.0
LONGEST_SECONDS = (0.5, 3.0, 15.0)
"""The longest time with two processes of a branch: sometimes less than a start or a hello of idle nodes
takes, sometimes more."""
TOLD = "another process lives on a copy"


async def clone(scene: Scene, machine: Machine) -> None:
    """Start a second process of a branch on a copy of its disk, while the first runs. After a while throw one
    of the two disks away, and start the branch on the other.

    In half of the cases all peers receive messages of both, and both must be refused. At the branch's
    address, peers reach the first, the copy, or some peers one and some the other.
    """
    if machine.process is None or not machine.process.serves or not scene.observer.is_founded(machine):
        return
    heard = scene.random.random() < 0.5
    if heard:
        await scene.heal()
        heard = await scene.all_ready() and await _all_have_met(scene, machine)
    if machine.process is None or machine.twin is not None or scene.observer.is_one_of_two(machine):
        return
    scene.journal.fault("clone_heard" if heard else "clone", machine.name)
    led_away = _lead_away(scene, machine)
    twin = machine.copy()
    scene.copies.append(twin)
    scene.network.leads_to.update({(other, machine.name): twin for other in led_away})
    scene.observer.losses.copy(machine, twin, heard=heard and not led_away)
    if not heard:
        scene.begin(twin.start())
        keep = scene.random.random() < 0.5
        seconds = scene.random.choice(LONGEST_SECONDS) * scene.random.random()
        scene.mend(lambda: _part(scene, machine, twin, keep=keep), after=seconds)
        return
    await twin.start()
    if not await _both_are_refused(machine, twin):
        reasons = [_why_refused(one) for one in (machine, twin)]
        scene.journal.violation("unnoticed", f"two processes of {machine.name} are there: {reasons}")
    _part(scene, machine, twin, keep=scene.random.random() < 0.5)


async def _all_have_met(scene: Scene, machine: Machine) -> bool:
    """Wait a while until every peer has met the branch's present life. Returns whether they have."""
    for _ in range(MOST_LOOKS):
        processes = [other.process for other in (machine, *scene.others(machine))]
        if None in processes:
            return False
        first, *peers = (process.node for process in processes if process is not None)
        met = [peer.peers.get(machine.name) for peer in peers]
        if all(known is not None and known.epoch == first.database.identity.epoch for known in met):
            return True
        await asyncio.sleep(LOOK_SECONDS)
    return False


def _lead_away(scene: Scene, machine: Machine) -> list[str]:
    """The peers whose calls to the branch's address will reach the copy: none, all, or some."""
    names = [other.name for other in scene.others(machine)]
    return scene.random.choice(([], names, scene.random.sample(names, k=len(names) // 2)))


async def _both_are_refused(machine: Machine, twin: Machine) -> bool:
    """Wait until both processes show why they stopped. Returns whether they do. A process that was killed
    meanwhile, as a crash announced before may do, shows nothing."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + BOTH_REFUSED_WITHIN_SECONDS
    while loop.time() < deadline:
        if machine.process is None or twin.process is None:
            return True
        if all(TOLD in _why_refused(one) for one in (machine, twin)):
            return True
        await asyncio.sleep(LOOK_SECONDS)
    return False


def _why_refused(machine: Machine) -> str:
    return (machine.process and machine.process.node.readiness.fenced) or "goes on"


def _part(scene: Scene, machine: Machine, twin: Machine, *, keep: bool) -> None:
    """Kill both and throw one disk away. The watch starts the branch again on the other."""
    scene.journal.note(machine.name, "keeps", "the copy" if keep else "the first")
    machine.part(twin, keep=keep)
    scene.observer.losses.part(machine, twin, keep=keep)
    scene.copies.remove(twin)
    scene.scrapped.append(twin)
    for link in [link for link, other in scene.network.leads_to.items() if other is twin]:
        del scene.network.leads_to[link]
