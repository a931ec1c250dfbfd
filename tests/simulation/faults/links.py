"""What goes wrong between machines."""

from collections.abc import Sequence

from tests.simulation.faults.scene import Scene
from tests.simulation.machines.machine import Machine


async def cut(scene: Scene, machine: Machine) -> None:
    """One direction between two machines; the messages vanish, or are refused at once."""
    _cut(scene, [(machine.name, scene.random.choice(scene.others(machine)).name)])


async def isolate(scene: Scene, machine: Machine) -> None:
    """A machine from all others, both ways."""
    others = [other.name for other in scene.others(machine)]
    _cut(scene, [link for other in others for link in ((machine.name, other), (other, machine.name))])


def _cut(scene: Scene, links: Sequence[tuple[str, str]]) -> None:
    refused = scene.random.random() < 0.5
    scene.journal.fault("cut" if len(links) == 1 else "isolate", *links[0], refused)
    for link in links:
        scene.network.cut[link] = refused
    scene.mend(lambda: [scene.network.cut.pop(link, None) for link in links])
