"""The images that this tool builds. Each network has one under its own name; an image that no network uses is
removed."""

from branchlab.errors import LabError
from branchlab.networks.drivers.docker import image_exists, run_docker
from branchlab.networks.implementation import PLAIN
from branchlab.networks.network import LAB

NODE_IMAGE = "acme-sa/branch-node"  # as compose.yaml names it, before the colon
PLAIN_IMAGE = "acme-sa/plain-node"
OWN_IMAGE = "acme-sa/own-node"  # of a folder that somebody brought
CHAOS_IMAGE = "acme-sa/branch-chaos"
# As the Dockerfiles label what they end in, and what they build on and leave without a name.
_FINISHED = "label=sa.acme.image"
_STAGE = "label=sa.acme.stage"
_NAMELESS = "dangling=true"


def name_of(implementation: str) -> str:
    """The image of nodes of that implementation, before the colon."""
    return {LAB: NODE_IMAGE, PLAIN: PLAIN_IMAGE}.get(implementation, OWN_IMAGE)


def keep(project: str, implementation: str = LAB) -> None:
    """Gives the network's image the common name too, which only a newer build takes away. So the next build
    can reuse its layers, even after the network is removed."""
    image = name_of(implementation)
    run_docker("tag", f"{image}:{project}", image)


def forget(project: str) -> None:
    """Takes the network's name off its images, and removes those without a name or a container, also from
    earlier networks and builds. Images of other tools are not touched."""
    for image in (NODE_IMAGE, PLAIN_IMAGE, OWN_IMAGE, CHAOS_IMAGE):
        if image_exists(f"{image}:{project}"):
            run_docker("rmi", f"{image}:{project}")
    run_docker("image", "prune", "--force", "--filter", _FINISHED)
    for stage in _stages()[1:]:  # the newest one is what the next build goes on from
        _remove(stage)


def _stages() -> list[str]:
    return run_docker("images", "--quiet", "--filter", _NAMELESS, "--filter", _STAGE).split()


def _remove(image: str) -> None:
    try:
        run_docker("rmi", image)
    except LabError:
        return  # a build that goes on elsewhere may need it; a later one removes it
