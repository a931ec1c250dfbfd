"""What folders left over that were removed without `make down`: processes, and containers with their volumes.

Nothing is kept in a list that could grow old. A node's process carries its network's id in its environment,
and has its files open. A Compose project has its home on a volume of its own.
"""

import os
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from branchlab.errors import LabError
from branchlab.language import _
from branchlab.networks.drivers import compose_home, images
from branchlab.networks.drivers.compose_home import ProjectHome
from branchlab.networks.drivers.docker import Project, run_docker
from branchlab.networks.drivers.node_process import NodeProcess
from branchlab.networks.drivers.process import OWNER

_NODE_LABEL = "label=sa.acme.part=node"
_WORKING_DIR = "com.docker.compose.project.working_dir"
_PROJECT = "com.docker.compose.project"
_END_SECONDS = 10.0
_RECORDED_SECONDS = 5.0  # another command that starts nodes now records each a moment later
_ASK_SECONDS = 3.0  # `status` does not wait for a daemon that hangs


@dataclass(frozen=True)
class LeftProcesses:
    """Node processes of one network whose folder is gone, or knows them no more."""

    name: str
    folder: str
    processes: tuple[psutil.Process, ...]
    ports: tuple[int, ...]

    @property
    def words(self) -> str:
        ports = ", ".join(map(str, self.ports)) or "unknown"
        return _(
            "{count} processes of {folder} (ports {ports})",
            count=len(self.processes),
            folder=self.folder,
            ports=ports,
        )

    def remove(self) -> None:
        """Ends them: in an orderly way, and at once where that does not help."""
        for process in self.processes:
            with suppress(psutil.NoSuchProcess):
                process.terminate()
                process.resume()  # a paused one heeds the request now
        _, left = psutil.wait_procs(self.processes, timeout=_END_SECONDS)
        for process in left:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(left, timeout=_END_SECONDS)


@dataclass(frozen=True)
class LeftProject:
    """A Compose project whose folder is gone. `home` is None where nothing describes its network."""

    name: str
    folder: str
    containers: int
    volumes: int
    home: ProjectHome | None

    @property
    def words(self) -> str:
        parts = [_("{containers} containers", containers=self.containers)] if self.containers else []
        parts += [_("{volumes} volumes with data", volumes=self.volumes)] if self.volumes else []
        return _(
            "{parts} of {folder} ({name})",
            parts=_(" and ").join(parts) or _("a name"),
            folder=self.folder,
            name=self.name,
        )

    def remove(self) -> None:
        """Removes its containers, networks, volumes and images."""
        project = Project(self.name)
        project.act("rm", project.containers(), "--force", "--volumes")
        project.remove_networks()
        project.remove_volumes()
        compose_home.remove(self.name)
        images.forget(self.name)


Leftover = LeftProcesses | LeftProject


def find() -> list[Leftover]:
    """Everything that is left over on this machine, of this user and of the Docker daemon that answers."""
    return [*_left_processes(), *_left_projects()]


def lines(left: Sequence[Leftover]) -> list[str]:
    """One line for each, and one that says what to do; nothing for none."""
    if not left:
        return []
    adopt = _("; `./lab adopt NAME` goes on with containers") if _adoptable(left) else ""
    return [
        *(_("left over by a folder that is gone: {words}", words=one.words) for one in left),
        _("`./lab sweep` removes what is left over{adopt}", adopt=adopt),
    ]


def _adoptable(left: Sequence[Leftover]) -> bool:
    return any(isinstance(one, LeftProject) and one.home is not None for one in left)


def _left_processes() -> Iterator[LeftProcesses]:
    found: dict[tuple[str, str], list[psutil.Process]] = defaultdict(list)
    for process in psutil.process_iter(["environ"]):
        environment = process.info["environ"] or {}
        if OWNER not in environment or "DATABASE_PATH" not in environment or not _is_here(process):
            continue
        directory = Path(environment["DATABASE_PATH"]).parent
        if _is_left(process, directory):
            found[environment[OWNER], str(directory.parent)].append(process)
    for (owner, folder), processes in found.items():
        yield LeftProcesses(
            name=owner[:8],
            folder=folder,
            processes=tuple(processes),
            ports=tuple(sorted(port for process in processes for port in _ports(process))),
        )


def _is_here(process: psutil.Process) -> bool:
    """Whether it is this user's, and sees the same folders: one in a container has its folder there."""
    try:
        if process.uids().real != os.getuid():
            return False
        return _mounts(str(process.pid)) == _mounts("self")
    except (psutil.Error, OSError):
        return False


def _mounts(process: str) -> int | None:
    """The number of its view of the file system; None where the system has one view for all."""
    path = Path("/proc") / process / "ns" / "mnt"
    return path.stat().st_ino if Path("/proc/self/ns/mnt").exists() else None


def _ports(process: psutil.Process) -> set[int]:
    try:
        sockets = process.net_connections(kind="tcp")
    except psutil.Error:
        return set()
    return {socket.laddr.port for socket in sockets if socket.status == psutil.CONN_LISTEN}


def _is_left(process: psutil.Process, directory: Path) -> bool:
    """Whether no folder records the process: neither the one it was started in, nor the one where its open
    files are, which is another one after a move."""
    try:
        is_new = time.time() - process.create_time() < _RECORDED_SECONDS
        if is_new or process.status() == psutil.STATUS_ZOMBIE:
            return False
        places = {directory, *(Path(file.path).parent for file in process.open_files())}
        return not any(NodeProcess(place).is_of(process) for place in places)
    except (psutil.Error, OSError):  # it ended, or nobody here may look
        return False


def _left_projects() -> list[LeftProject]:
    try:
        homes = {home.project: home for home in compose_home.find_all(seconds=_ASK_SECONDS)}
        gone = {name: home.run_dir for name, home in homes.items() if not home.is_held}
        for name, folder in _projects_by_containers():
            if name not in homes and not _is_there(folder):
                gone[name] = folder
        return [_left_project(name, folder, homes.get(name)) for name, folder in gone.items()]
    except LabError:  # no daemon answers
        return []


def _left_project(name: str, folder: str, home: ProjectHome | None) -> LeftProject:
    project = Project(name)
    containers, volumes = len(project.containers()), len(project.volumes())
    return LeftProject(name=name, folder=folder, containers=containers, volumes=volumes, home=home)


def _projects_by_containers() -> Iterator[tuple[str, str]]:
    """(project, folder) of every node in a container."""
    shape = '{{.Label "' + _PROJECT + '"}}\t{{.Label "' + _WORKING_DIR + '"}}'
    listed = run_docker("ps", "--all", "--filter", _NODE_LABEL, "--format", shape, seconds=_ASK_SECONDS)
    for line in listed.splitlines():
        name, _, folder = line.partition("\t")
        if name and folder:
            yield name, folder


def _is_there(folder: str) -> bool:
    try:
        return Path(folder).exists()
    except OSError:  # nobody here may look
        return True
