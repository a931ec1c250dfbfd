"""Checks for the most common problems of the lab, and gives advice for each."""

import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from branchlab import private, settings
from branchlab.errors import LabError
from branchlab.language import _, shown
from branchlab.networks import network
from branchlab.networks.checks import files, homes, programs, shell
from branchlab.networks.checks.finding import Check, Finding, noted
from branchlab.networks.drivers import compose_command
from branchlab.networks.drivers.docker import (
    NODE_LABEL,
    Project,
    docker_answers,
    may_connect,
    run_docker,
    socket_path,
    why_silent,
)
from branchlab.networks.drivers.node_process import NodeProcess
from branchlab.networks.drivers.own_project import project_name
from branchlab.networks.network import NODE_NAMES, NodeAddress, UpOptions
from branchlab.networks.ports import is_free

_FREE_BYTES = 1 << 30  # room for databases, logs and a build


def examine(run_dir: Path, env_file: Path) -> list[Finding]:
    """Makes every check, in the order a person would; no check changes anything."""
    return [check(run_dir, env_file) for check in CHECKS]


def free_ports(run_dir: Path, env_file: Path) -> Finding:
    """The ports of the network there is, or of the one `make up` would start; its own nodes may hold them."""
    nodes = _nodes(run_dir)
    busy = [node for node in nodes if not is_free(node.port) and not NodeProcess(run_dir / node.name).alive()]
    own = _container_names(run_dir, env_file) if busy else set()
    taken = [str(node.port) for node in busy if node.name not in own]
    words = _("in use by other programs: {taken}", taken=", ".join(taken)) if taken else _("free")
    return Finding(_("ports"), not taken, words, _("end those programs or use `make up BASE_PORT=18021`"))


def _container_names(run_dir: Path, env_file: Path) -> set[str]:
    """The nodes of this network that have a container which has not ended."""
    try:
        project = Project(project_name(run_dir.resolve(), env_file))
        return {each.service for each in project.containers() if not each.ended}
    except LabError:  # no daemon, or no secrets yet
        return set()


def _nodes(run_dir: Path) -> Sequence[NodeAddress]:
    try:
        existing = network.find(run_dir)
    except LabError:
        existing = None
    return (existing or network.plan(None, UpOptions(), driver="process")).nodes


def paused_nodes(run_dir: Path, _env_file: Path) -> Finding:
    paused = [name for name in NODE_NAMES if NodeProcess(run_dir / name).paused()]
    words = _("left over: {paused}", paused=", ".join(paused)) if paused else _("none")
    return Finding(_("paused nodes"), not paused, words, _("run `make heal`"))


def disk_space(run_dir: Path, _env_file: Path) -> Finding:
    place = next(path for path in (run_dir, *run_dir.resolve().parents) if path.exists())
    free = shutil.disk_usage(place).free
    return Finding(
        _("disk"),
        free >= _FREE_BYTES,
        _("{free:.1f} GiB free", free=free / (1 << 30)),
        _("free at least 1 GiB"),
    )


def secrets_file(run_dir: Path, env_file: Path) -> Finding:
    if not env_file.exists() and not (run_dir / network.FILE).exists():
        return Finding(_("secrets"), fine=True, words=_("none yet; `make up` makes them"))
    try:
        settings.load(env_file)
    except LabError as error:
        return Finding(_("secrets"), fine=False, words=shown(error.args[0]))
    private = env_file.stat().st_mode & 0o077 == 0
    words = _("complete and private") if private else _("others on this machine may read them")
    return Finding(_("secrets"), private, words, _("run `chmod 600 {env_file}`", env_file=env_file))


def private_files(run_dir: Path, _env_file: Path) -> Finding:
    """Databases hold password hashes, and run logs hold orders and customers."""
    open_to_others = private.others_may_read(run_dir)
    words = _("only their owner may read them")
    if open_to_others:
        words = _(
            "others on this machine may read {count}, like {open_to_others}",
            count=len(open_to_others),
            open_to_others=open_to_others[0],
        )
    return Finding(_("files"), not open_to_others, words, _("run `chmod -R go= {run_dir}`", run_dir=run_dir))


def line_endings(_run_dir: Path, _env_file: Path) -> Finding:
    """A clone with CRLF breaks shell scripts and Makefiles in confusing ways."""
    broken = [path.name for path in _scripts() if b"\r\n" in path.read_bytes()]
    words = _("CRLF in {broken}", broken=", ".join(broken)) if broken else "LF"
    return Finding(
        _("line endings"), not broken, words, _("clone again with `git config core.autocrlf false`")
    )


def _scripts() -> Iterator[Path]:
    for name in ("Makefile", ".ci/run", "requirements.txt"):
        if (settings.ROOT / name).exists():
            yield settings.ROOT / name


def signals(_run_dir: Path, _env_file: Path) -> Finding:
    fine = os.name == "posix"
    return Finding(
        _("signals"), fine, _("pause and stop work") if fine else _("not a POSIX system"), _("use WSL")
    )


def docker(_run_dir: Path, _env_file: Path) -> Finding:
    """Only told, never a fault: the process driver needs no Docker."""
    silent = why_silent()
    if silent is None:
        return Finding(_("Docker"), fine=True, words=_("a daemon answers"))
    words = _("{silent}: the nodes run as processes", silent=silent)
    return noted(_("Docker"), words) if _is_forbidden() else Finding(_("Docker"), fine=True, words=words)


def _is_forbidden() -> bool:
    place = socket_path()
    return place is not None and not may_connect(place)


def compose(_run_dir: Path, _env_file: Path) -> Finding:
    """Which Compose `make up` would use; without a daemon none is needed."""
    found = compose_command.find_all()
    words = ", ".join(f"{' '.join(each.words)} {each.version}" for each in found) or _("none")
    fine = any(each.supported for each in found) or not docker_answers()
    return Finding(
        _("Compose"), fine, words, _("install the Compose plugin, or use `make up DRIVER=process`")
    )


def paused_containers(_run_dir: Path, _env_file: Path) -> Finding:
    """Nodes of any network of this kind, this one's or an older clone's: a paused one holds its port."""
    paused = _every_node("--filter", "status=paused", shape="{{.Names}}")
    words = _("left paused: {paused}", paused=", ".join(paused)) if paused else _("none is paused")
    return Finding(
        _("containers"), not paused, words, _("run `make heal`, or `docker unpause` for other clones")
    )


def bind_mounts(_run_dir: Path, _env_file: Path) -> Finding:
    """SQLite's write-ahead log does not work on a folder that Docker Desktop shares with its machine."""
    bound = [name for name in _every_node(shape="{{.Names}} {{.Mounts}}") if "/" in name.partition(" ")[2]]
    words = (
        _("a folder of this machine instead of a volume: {bound}", bound=", ".join(bound))
        if bound
        else _("databases are on volumes")
    )
    return Finding(_("volumes"), not bound, words, _("undo the change to the Compose files, then `make up`"))


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
    files.secrets_text,
    private_files,
    files.code,
    line_endings,
    shell.variables,
    shell.characters,
    shell.home,
    shell.temporary_files,
    shell.proxies,
    shell.pip,
    programs.locust_port,
    docker,
    programs.docker_proxies,
    compose,
    paused_containers,
    bind_mounts,
    homes.home,
    homes.secrets_fit_network,
    homes.disks,
    homes.code,
    homes.left_over,
)
