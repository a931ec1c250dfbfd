"""Looks for what most often keeps the lab from working, and says what to do about each."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab import network, settings
from lab.drivers.node_process import NodeProcess
from lab.errors import LabError
from lab.network import NODE_NAMES, NodeAddress, UpOptions
from lab.ports import is_free

_FREE_BYTES = 1 << 30  # room for databases, logs and a build
_DOCKER_SECONDS = 10.0


@dataclass(frozen=True)
class Finding:
    """One thing looked at. `advice` says what to do about it when it is not fine."""

    subject: str
    fine: bool
    words: str
    advice: str = ""


Check = Callable[[Path, Path], Finding]


def examine(run_dir: Path, env_file: Path) -> list[Finding]:
    """Makes every check, in the order a person would; no check changes anything."""
    return [check(run_dir, env_file) for check in CHECKS]


def free_ports(run_dir: Path, _env_file: Path) -> Finding:
    """The ports of the network there is, or of the one `make up` would start; its own nodes may hold them."""
    nodes = _nodes(run_dir)
    taken = [
        str(node.port)
        for node in nodes
        if not is_free(node.port) and not NodeProcess(run_dir / node.name).alive()
    ]
    words = f"in use by other programs: {', '.join(taken)}" if taken else "free"
    return Finding("ports", not taken, words, "end those programs or use `make up BASE_PORT=18021`")


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
    return Finding("Docker", fine=True, words="a daemon answers" if docker_answers() else "no daemon answers")


def docker_answers() -> bool:
    """Whether a Docker daemon answers on this machine."""
    try:
        asked = subprocess.run(
            ["docker", "version", "--format", "{{.Server.Version}}"],
            capture_output=True,
            timeout=_DOCKER_SECONDS,
            check=False,
        )
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return False
    return asked.returncode == 0


CHECKS: tuple[Check, ...] = (
    signals,
    free_ports,
    paused_nodes,
    disk_space,
    secrets_file,
    line_endings,
    docker,
)
