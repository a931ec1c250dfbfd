"""What goes wrong with a machine's process and its clock."""

from tests.simulation.faults.scene import Scene
from tests.simulation.machines import versions
from tests.simulation.machines.machine import Machine
from tests.support.virtual import BEGAN_AT

MOST_SKEW_SECONDS = 3600.0
MOST_COMMITS_TO_LIVE = 20
LONGEST_PAUSES = (0.5, 3.0, 15.0)  # seconds: within time-outs, beyond them, beyond "heard from lately"
TEN_YEARS = 10 * 365 * 86_400.0
JUMPS = (-BEGAN_AT, -TEN_YEARS, -86_400.0, -3600.0, 3600.0, 86_400.0, TEN_YEARS)
"""Seconds by which a wall clock is suddenly wrong; the first makes it 1970."""


async def crash(scene: Scene, machine: Machine) -> None:
    if machine.process is not None:
        scene.journal.fault("crash", machine.name)
        machine.crash()


async def crash_at_commit(scene: Scene, machine: Machine) -> None:
    commits = scene.random.randint(1, MOST_COMMITS_TO_LIVE)
    scene.journal.fault("crash_at_commit", machine.name, commits)
    machine.doom(commits)


async def stop(scene: Scene, machine: Machine) -> None:
    if _works(machine):
        scene.journal.fault("stop", machine.name)
        await machine.stop()


async def upgrade(scene: Scene, machine: Machine) -> None:
    """Stop the node, so that the next version of it is started in its place."""
    if _works(machine) and machine.version == versions.THIS:
        scene.journal.fault("upgrade", machine.name)
        machine.version = versions.NEXT
        await machine.stop()


async def go_back(scene: Scene, machine: Machine) -> None:
    """Stop a node of the next version, so that this one is started in its place, on the file as it is."""
    if _works(machine) and machine.version == versions.NEXT:
        scene.journal.fault("go_back", machine.name)
        machine.version = versions.THIS
        await machine.stop()


async def finish_upgrade(scene: Scene) -> None:
    """Where some nodes are of the next version, end the others, so that it is started everywhere."""
    if all(machine.version == versions.THIS for machine in scene.machines):
        return
    for machine in scene.machines:
        if machine.version == versions.THIS:
            machine.version = versions.NEXT
            await crash(scene, machine)


async def pause(scene: Scene, machine: Machine) -> None:
    """The process is paused for a while, as by SIGSTOP: its address accepts calls and answers none."""
    process = machine.process
    if process is not None and not process.halted:
        scene.journal.fault("pause", machine.name)
        process.halt()
        longest = scene.random.choice(LONGEST_PAUSES)
        scene.mend(process.resume, after=longest * scene.random.random())


async def stall(scene: Scene, machine: Machine) -> None:
    """The disk answers nothing for a while."""
    if machine.process is not None:
        scene.journal.fault("stall", machine.name)
        running = machine.process.executor.running
        running.clear()
        scene.mend(running.set)


async def skew(scene: Scene, machine: Machine) -> None:
    machine.clock.offset = scene.random.uniform(-MOST_SKEW_SECONDS, MOST_SKEW_SECONDS)
    scene.journal.fault("skew", machine.name, f"{machine.clock.offset:.3f}")


async def jump(scene: Scene, machine: Machine) -> None:
    """The wall clock is suddenly hours or years off, and in most cases right again after a while."""
    before = machine.clock.offset
    machine.clock.offset = scene.random.choice(JUMPS)
    scene.journal.fault("jump", machine.name, f"{machine.clock.offset:.3f}")
    if scene.random.random() < 0.7:
        scene.mend(lambda: setattr(machine.clock, "offset", before))


def _works(machine: Machine) -> bool:
    """Whether a process of the machine runs that is neither paused nor halted."""
    process = machine.process
    return process is not None and process.executor.running.is_set() and not process.halted
