"""What goes wrong with a machine's disk."""

from tests.simulation.machine import Machine
from tests.simulation.process_faults import MOST_COMMITS_TO_LIVE
from tests.simulation.scene import Scene


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


async def wipe(scene: Scene, machine: Machine) -> None:
    """Lose a disk, while every other branch serves: what all have lost nobody can bring back."""
    others = [other.process for other in scene.others(machine)]
    if machine.process is not None and all(process and process.node.ready for process in others):
        scene.journal.fault("wipe", machine.name)
        scene.observer.lose(machine)
        machine.wipe()
