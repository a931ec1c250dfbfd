"""The code that nodes run as processes: whether the folder still has what a process was started with."""

import hashlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from branchlab.networks.drivers.node_process import NodeProcess
from branchlab.networks.implementation import program_of
from branchlab.networks.network import LAB


def fingerprint(implementation: str = LAB) -> str:
    """A short text that changes with any file of the nodes' code; empty where nobody can tell which files
    those are. It is read once for each command."""
    program = program_of(implementation)
    return read_fingerprint(program.folder, program.code) if program.code else ""


@cache
def read_fingerprint(node_dir: Path, parts: tuple[str, ...]) -> str:
    """A short text that changes with any Python file in those parts of the folder."""
    total = hashlib.sha256()
    for part in parts:
        for path in sorted((node_dir / part).rglob("*.py")):
            total.update(f"{path.relative_to(node_dir)}\0".encode())
            total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()[:16]


def outdated(run_dir: Path, nodes: Sequence[str], implementation: str = LAB) -> list[str]:
    """The nodes whose process runs other code than the folder has now."""
    present = fingerprint(implementation)
    codes = {name: NodeProcess(run_dir / name).code() for name in nodes}
    return [name for name, code in codes.items() if code and code != present]
