"""What goes wrong with a machine's disk."""

from tests.simulation.faults.processes import MOST_COMMITS_TO_LIVE
from tests.simulation.faults.scene import Scene
from tests.simulation.machines.machine import Machine

MOST_FREE_PAGES = (0, 1, 4)  # of a disk that is called full


async def lose_power(scene: Scene, machine: Machine) -> None:
    if machine.process is not None and machine.process.serves:
        scene.journal.fault("power", machine.name)
        machine.lose_power()


async def lose_power_at_commit(scene: Scene, machine: Machine) -> None:
    """In the middle of a commit: what was being written is there, or torn, or not."""
    if machine.process is not None and machine.process.serves:
        commits = scene.random.randint(1, MOST_COMMITS_TO_LIVE)
        scene.journal.fault("power_at_commit", machine.name, commits)
        machine.doom(commits, power=True)


async def fill(scene: Scene, machine: Machine) -> None:
    """The disk is full, or nearly, for a while."""
    if machine.process is not None and machine.process.serves:
        file = scene.observer.connection(machine)
        pages, size = (file.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "page_size"))
        scene.journal.fault("full", machine.name)
        scene.begin(machine.limit_bytes((pages + scene.random.choice(MOST_FREE_PAGES)) * size))
        scene.mend(lambda: scene.begin(machine.limit_bytes(None)))


async def wipe(scene: Scene, machine: Machine) -> None:
    """Lose a disk while some other one exists, reachable or not. What all disks have lost, no node can bring
    back."""
    if machine.process is not None and machine.process.serves and is_not_the_last(scene, machine):
        scene.journal.fault("wipe", machine.name)
        scene.observer.losses.lose(machine)
        machine.wipe()


async def restore(scene: Scene, machine: Machine) -> None:
    """Put an older copy of the disk in its place, or make a copy if there is none yet. In half of the cases
    every other branch is reachable, so that nothing excuses the branch's errors."""
    if machine.process is None or not machine.process.serves:
        return
    if machine.kept is None:
        machine.keep()
        return
    fenced = scene.random.random() < 0.5
    if fenced:
        await scene.heal()
        fenced = await scene.all_ready()
    if machine.process is not None and is_not_the_last(scene, machine):
        scene.journal.fault("restore_fenced" if fenced else "restore", machine.name)
        scene.observer.losses.lose(machine, kept=machine.kept, fenced=fenced)
        machine.restore()
        machine.kept = None
        if fenced:
            await machine.start()
            await scene.all_ready()


def is_not_the_last(scene: Scene, machine: Machine) -> bool:
    """Whether some other disk belongs to a network that serves."""
    return any(scene.observer.is_founded(other) for other in scene.others(machine))
