"""The images that this tool builds. Each network has one under its own name; an image that no network uses is
removed."""

from lab.errors import LabError
from lab.networks.drivers.docker import image_exists, run_docker

NODE_IMAGE = "acme-sa/branch-node"  # as compose.yaml names it, before the colon
CHAOS_IMAGE = "acme-sa/branch-chaos"
# As the Dockerfiles label what they end in, and what they build on and leave without a name.
_FINISHED = "label=sa.acme.image"
_STAGE = "label=sa.acme.stage"
_NAMELESS = "dangling=true"


def keep(project: str) -> None:
    """Gives the network's image the common name too, which only a newer build takes away. So the next build
    can reuse its layers, even after the network is removed."""
    run_docker("tag", f"{NODE_IMAGE}:{project}", NODE_IMAGE)


def forget(project: str) -> None:
    """Takes the network's name off its images, and removes those without a name or a container, also from
    earlier networks and builds. Images of other tools are not touched."""
    for image in (NODE_IMAGE, CHAOS_IMAGE):
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
