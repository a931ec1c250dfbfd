"""Checks for the most common problems of the lab, and gives advice for each."""

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab import settings
from lab.errors import LabError
from lab.networks import network
from lab.networks.drivers import compose_command
from lab.networks.drivers.compose import project_name
from lab.networks.drivers.docker import NODE_LABEL, Project, docker_answers, run_docker
from lab.networks.drivers.node_process import NodeProcess
from lab.networks.network import NODE_NAMES, NodeAddress, UpOptions
from lab.networks.ports import is_free

_FREE_BYTES = 1 << 30  # room for databases, logs and a build


@dataclass(frozen=True)
class Finding:
    """One check's result. `advice` says what to do when it is not fine."""

    subject: str
    fine: bool
    words: str
    advice: str = ""


Check = Callable[[Path, Path], Finding]


def examine(run_dir: Path, env_file: Path) -> list[Finding]:
    """Makes every check, in the order a person would; no check changes anything."""
    return [check(run_dir, env_file) for check in CHECKS]


def free_ports(run_dir: Path, env_file: Path) -> Finding:
    """The ports of the network there is, or of the one `make up` would start; its own nodes may hold them."""
    nodes = _nodes(run_dir)
    busy = [node for node in nodes if not is_free(node.port) and not NodeProcess(run_dir / node.name).alive()]
    own = _container_names(run_dir, env_file) if busy else set()
    taken = [str(node.port) for node in busy if node.name not in own]
    words = f"in use by other programs: {', '.join(taken)}" if taken else "free"
    return Finding("ports", not taken, words, "end those programs or use `make up BASE_PORT=18021`")


def _container_names(run_dir: Path, env_file: Path) -> set[str]:
    """The nodes of this network that have a container which has not ended."""
    try:
        project = Project(project_name(run_dir.resolve(), env_file))
        return {each.service for each in project.containers() if not each.ended}
    except (LabError, FileNotFoundError):  # no daemon, or no secrets yet
        return set()


def _nodes(run_dir: Path) -> Sequence[NodeAddress]:
    try:
        existing = network.find(run_dir)
    except LabError:
        existing = None
    return (existing or network.plan(None, UpOptions(), driver="process")).nodes


def paused_nodes(run_dir: Path, _env_file: Path) -> Finding:
    paused = [name for name in NODE_NAMES if NodeProcess(run_dir / name).paused()]
    words = f"left over: {', '.join(paused)}" if paused else "none"
    return Finding("paused nodes", not paused, words, "run `make heal`")


def disk_space(run_dir: Path, _env_file: Path) -> Finding:
    place = next(path for path in (run_dir, *run_dir.resolve().parents) if path.exists())
    free = shutil.disk_usage(place).free
    return Finding("disk", free >= _FREE_BYTES, f"{free / (1 << 30):.1f} GiB free", "free at least 1 GiB")


def secrets_file(_run_dir: Path, env_file: Path) -> Finding:
    if not env_file.exists():
        return Finding("secrets", fine=True, words="none yet; `make up` makes them")
    try:
        settings.load(env_file)
    except LabError as error:
        return Finding("secrets", fine=False, words=str(error))
    private = env_file.stat().st_mode & 0o077 == 0
    words = "complete and private" if private else "others on this machine may read them"
    return Finding("secrets", private, words, f"run `chmod 600 {env_file}`")


def line_endings(_run_dir: Path, _env_file: Path) -> Finding:
    """A clone with CRLF breaks shell scripts and Makefiles in confusing ways."""
    broken = [path.name for path in _scripts() if b"\r\n" in path.read_bytes()]
    words = f"CRLF in {', '.join(broken)}" if broken else "LF"
    return Finding("line endings", not broken, words, "clone again with `git config core.autocrlf false`")


def _scripts() -> Iterator[Path]:
    for name in ("Makefile", ".ci/run", "requirements.txt"):
        if (settings.ROOT / name).exists():
            yield settings.ROOT / name


def signals(_run_dir: Path, _env_file: Path) -> Finding:
    fine = os.name == "posix"
    return Finding("signals", fine, "pause and stop work" if fine else "not a POSIX system", "use WSL")


def docker(_run_dir: Path, _env_file: Path) -> Finding:
    """Only told, never a fault: the process driver needs no Docker."""
    words = "a daemon answers" if docker_answers() else "no daemon answers: the nodes run as processes"
    return Finding("Docker", fine=True, words=words)


def compose(_run_dir: Path, _env_file: Path) -> Finding:
    """Which Compose `make up` would use; without a daemon none is needed."""
    found = compose_command.find_all()
    words = ", ".join(f"{' '.join(each.words)} {each.version}" for each in found) or "none"
    fine = any(each.supported for each in found) or not docker_answers()
    return Finding("Compose", fine, words, "install the Compose plugin, or use `make up DRIVER=process`")


def paused_containers(_run_dir: Path, _env_file: Path) -> Finding:
    """Nodes of any network of this kind, this one's or an older clone's: a paused one holds its port."""
    paused = _every_node("--filter", "status=paused", shape="{{.Names}}")
    words = f"left paused: {', '.join(paused)}" if paused else "none is paused"
    return Finding("containers", not paused, words, "run `make heal`, or `docker unpause` for other clones")


def bind_mounts(_run_dir: Path, _env_file: Path) -> Finding:
    """SQLite's write-ahead log does not work on a folder that Docker Desktop shares with its machine."""
    bound = [name for name in _every_node(shape="{{.Names}} {{.Mounts}}") if "/" in name.partition(" ")[2]]
    words = (
        f"a folder of this machine instead of a volume: {', '.join(bound)}"
        if bound
        else "databases are on volumes"
    )
    return Finding("volumes", not bound, words, "undo the change to the Compose files, then `make up`")


def _every_node(*filters: str, shape: str) -> list[str]:
    """One line in that shape for each node's container of any network; none where no daemon answers."""
    try:
        listed = run_docker("ps", "--all", "--filter", f"label={NODE_LABEL}", *filters, "--format", shape)
    except LabError:
        return []
    return listed.splitlines()


CHECKS: tuple[Check, ...] = (
    signals,
    free_ports,
    paused_nodes,
    disk_space,
    secrets_file,
    line_endings,
    docker,
    compose,
    paused_containers,
    bind_mounts,
)
