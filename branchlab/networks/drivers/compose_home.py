"""Which folder a Compose project belongs to, kept where its volumes are: as labels of an empty volume.

Containers and volumes outlive the folder that made them. By this volume others can tell whose they are, and
the folder itself, or one that adopts them, gets the network's description back.
"""

import hashlib
import json
import socket
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from branchlab import settings
from branchlab.errors import LabError
from branchlab.language import _
from branchlab.networks import network
from branchlab.networks.drivers.docker import run_docker
from branchlab.networks.network import Network

_PART = "sa.acme.part=home"
_LABEL = "sa.acme.home"
_MACHINE_ID = Path("/etc/machine-id")
_ASK_SECONDS = 10.0


@dataclass(frozen=True)
class ProjectHome:
    """The home of one Compose project: its folder and secrets' file on one `machine`, and its network."""

    project: str
    machine: str
    run_dir: str
    env_file: str
    cluster: str
    network: Mapping[str, Any]

    @property
    def described(self) -> Network:
        """The network as its folder described it at the last `up`."""
        return network.from_json(self.network)

    @property
    def is_held(self) -> bool:
        """Whether its folder is still there and knows the project, or nobody can tell from this machine."""
        if self.machine != machine():
            return True
        try:
            return self._has_network() or self._has_secrets()
        except OSError:  # nobody here may look
            return True

    def _has_network(self) -> bool:
        with suppress(LabError):
            current = network.find(Path(self.run_dir))
            return current is not None and current.founding == self.network["founding"]
        return True  # a description that cannot be read is one

    def _has_secrets(self) -> bool:
        with suppress(LabError):
            return settings.cluster_in(Path(self.env_file)) == self.cluster
        return False


def machine() -> str:
    """A short text for this machine, since several may share one Docker daemon."""
    known = _MACHINE_ID.read_text(encoding="utf-8") if _MACHINE_ID.is_file() else ""
    return hashlib.sha256(f"branchlab {known}{socket.gethostname()}".encode()).hexdigest()[:16]


def home_of(project: str, run_dir: Path, env_file: Path, current: Network, cluster: str) -> ProjectHome:
    """The home that the folder at hand is for its project."""
    return ProjectHome(
        project=project,
        machine=machine(),
        run_dir=str(run_dir.resolve()),
        env_file=str(env_file.resolve()),
        cluster=cluster,
        network=json.loads(json.dumps(asdict(current))),
    )


def write(home: ProjectHome) -> None:
    """Makes the volume that says so, in the place of an earlier one."""
    if find(home.project) != home:
        remove(home.project)
        label = f"{_LABEL}={json.dumps(asdict(home))}"
        run_docker("volume", "create", "--label", _PART, "--label", label, _name(home.project))


def find(project: str) -> ProjectHome | None:
    """The home of that project, as far as it is known."""
    return next((home for home in find_all() if home.project == project), None)


def find_all(*, seconds: float = _ASK_SECONDS) -> list[ProjectHome]:
    """The home of every project that has one. NoDaemonError where no daemon answers."""
    shape = '{{.Label "' + _LABEL + '"}}'
    listed = run_docker("volume", "ls", "--filter", f"label={_PART}", "--format", shape, seconds=seconds)
    found = []
    for line in listed.splitlines():
        with suppress(ValueError, TypeError):  # another version's
            found.append(ProjectHome(**json.loads(line)))
    return found


def remove(project: str) -> None:
    """Removes the volume that says so; nothing where there is none."""
    listed = run_docker("volume", "ls", "--quiet", "--filter", f"label={_PART}").split()
    if _name(project) in listed:
        run_docker("volume", "rm", _name(project))


def require_ours(project: str, run_dir: Path, env_file: Path, *, described: bool) -> ProjectHome | None:
    """The home of the project, when it is the folder at hand, or none yet. `described` says that the folder
    at hand describes the network, so that a home that is gone was this one before it was moved.

    LabError where containers and volumes of that name are another folder's.
    """
    home = find(project)
    if home is None or Path(home.run_dir) == run_dir.resolve():
        return home
    if home.is_held:
        raise LabError(
            _(
                "the containers and volumes of {project} belong to {run_dir}, and are left alone; give"
                " COMPOSE_PROJECT_NAME in {env_file} another value",
                project=project,
                run_dir=home.run_dir,
                env_file=env_file,
            )
        )
    if not described:
        raise LabError(
            _(
                "the containers and volumes of {project} are left over from {run_dir}, which is gone:"
                " `./lab adopt {project}` goes on with them here, `./lab sweep` removes them",
                project=project,
                run_dir=home.run_dir,
            )
        )
    return home


def _name(project: str) -> str:
    return f"{project}_home"
