"""The disk of a node in a container: a volume, reached by a short-lived container beside the node's own."""

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from branchlab.networks.drivers import damage
from branchlab.networks.drivers.disk import RunAtDisk, run_at_disk
from branchlab.networks.drivers.docker import Container, run_docker

_DATABASE = "/data/node.db"  # as the image sets it
_CONFINED = ("--network=none", "--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges")


def beside(container: Container, given: Mapping[str, str] | None = None) -> RunAtDisk:
    """Runs commands at the volumes of a container, with its image and settings, whether or not it runs. What
    is `given` goes before the settings that it was made with."""

    def run(words: Sequence[str], source: IO[bytes] | int, target: IO[bytes] | int) -> None:
        described: Any = json.loads(run_docker("inspect", container.id))[0]
        variables = dict(pair.split("=", 1) for pair in described["Config"]["Env"])
        variables |= given or {}
        del variables["PATH"]  # the image's own, which it has anyway; `docker` needs the one here
        # By name, so that no secret shows in the list of processes.
        named = [word for name in variables for word in ("--env", name)]
        options = ("--rm", "--interactive", *_CONFINED, "--volumes-from", container.id, *named)
        command = ["docker", "run", *options, described["Image"], *words]
        run_at_disk(command, source, target, environment={**os.environ, **variables})

    return run


def corrupt(container: Container) -> None:
    """Ruins the database on the container's volume."""
    with Path(damage.__file__).open("rb") as script:
        beside(container)(("python", "-", _DATABASE), script, subprocess.DEVNULL)
