"""The Docker command line, and the containers of one Compose project found by their labels.

Names differ between Compose versions (p_a_1, p-a-1); labels do not.
"""

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from lab.errors import LabError

NODE_LABEL = "sa.acme.part=node"  # as compose.yaml puts it on every node
_PROJECT = "com.docker.compose.project"
_SERVICE = "com.docker.compose.service"
_VOLUME = "com.docker.compose.volume"
_ASK_SECONDS = 10.0
_ACT_SECONDS = 120.0
_NO_DAEMON = "no Docker daemon answers; start Docker, or use `make up DRIVER=process`"


class NoDaemonError(LabError):
    """No Docker daemon answers, or there is no command to ask it with."""


@dataclass(frozen=True)
class Container:
    """One container of the project. `state` is Docker's word: running, paused, exited, created…"""

    id: str
    service: str
    state: str

    @property
    def ended(self) -> bool:
        return self.state in ("exited", "created", "dead")


def docker_answers() -> bool:
    """Whether a Docker daemon answers on this machine."""
    try:
        run_docker("version", "--format", "{{.Server.Version}}", seconds=_ASK_SECONDS)
    except LabError:
        return False
    return True


def image_exists(tag: str) -> bool:
    """Whether the image is on this machine."""
    return bool(run_docker("images", "--quiet", tag))


def run_docker(*arguments: str, seconds: float = _ACT_SECONDS) -> str:
    """What `docker …` prints. LabError is the last line it complains with."""
    try:
        ended = subprocess.run(
            ["docker", *arguments], capture_output=True, text=True, timeout=seconds, check=False
        )
    except FileNotFoundError:
        raise NoDaemonError("there is no `docker` command here; use `make up DRIVER=process`") from None
    except subprocess.TimeoutExpired:
        raise LabError(f"`docker {arguments[0]}` does not end after {seconds:.0f} s") from None
    if ended.returncode == 0:
        return ended.stdout
    if "Cannot connect to the Docker daemon" in ended.stderr:
        raise NoDaemonError(_NO_DAEMON)
    raise LabError(f"`docker {arguments[0]}` failed: {_last_line(ended.stderr)}")


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it does not say why"


class Project:
    """The containers, networks and volumes that Compose made for one project, whichever version it was."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._filter = f"label={_PROJECT}={name}"

    def containers(self, service: str | None = None) -> list[Container]:
        """Those there are, ended ones included; of one service when it is given."""
        one = ["--filter", f"label={_SERVICE}={service}"] if service else []
        shape = '{{.ID}}\t{{.Label "' + _SERVICE + '"}}\t{{.State}}'
        listed = run_docker(
            "ps", "--all", "--filter", self._filter, *one, "--format", shape, seconds=_ASK_SECONDS
        )
        return [Container(*line.split("\t")) for line in listed.splitlines()]

    def act(self, verb: str, containers: Sequence[Container], *options: str) -> None:
        """`docker VERB` on all the given containers at once; nothing for none."""
        if containers:
            run_docker(verb, *options, *(container.id for container in containers))

    def last_words(self, container: Container) -> str:
        """The last line it wrote that is not empty."""
        said = subprocess.run(
            ["docker", "logs", "--tail", "20", container.id],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_ASK_SECONDS,
            check=False,
        )
        return _last_line(said.stdout)

    def remove_networks(self) -> None:
        self._remove("network")

    def remove_volumes(self) -> None:
        self._remove("volume")

    def remove_volume(self, name: str) -> None:
        """The one that the Compose file calls `name`; nothing when it is not there."""
        self._remove("volume", "--filter", f"label={_VOLUME}={name}")

    def _remove(self, kind: str, *narrowed: str) -> None:
        found = run_docker(kind, "ls", "--quiet", "--filter", self._filter, *narrowed).split()
        if found:
            run_docker(kind, "rm", *found)
