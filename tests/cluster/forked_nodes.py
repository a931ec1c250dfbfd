"""Nodes of the lab's own program, forked from a process that has imported it already.

A node takes 0.6 s of the processor for its imports, and the tests start hundreds. Pid, session, log, folder,
settings and umask are those of a node that a shell started. Two things are not: what the kernel shows as its
command and as its environment. Tests that read those use `from_a_shell`, and so does all that starts `./lab`
from a shell.
"""

import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from branchlab import private, settings
from branchlab.networks.drivers import node_process

_FORKER = Path(__file__).with_name("node_forker.py")
_NODE = [sys.executable, "-m", "app.serve"]
_ANSWER_SECONDS = 60.0
_from_a_shell = node_process.launch


class Forker:
    """Starts nodes as `node_process.launch` does, by forking them. The process that they are forked from is
    started with the first of them, or is another forker's, at `address`."""

    def __init__(self, address: str = "") -> None:
        self._address = address
        self._stack = ExitStack()

    @property
    def address(self) -> str:
        """Where other processes reach the one that nodes are forked from."""
        if not self._address:
            self._address = self._stack.enter_context(_listening())
        return self._address

    def launch(self, command: Sequence[str], *, log: Path, cwd: Path, environment: Mapping[str, str]) -> int:
        """As `node_process.launch`, and by it for all but a node of the lab's own program."""
        words = list(command)
        if words[: len(_NODE)] != _NODE or cwd != settings.NODE_DIR:
            return _from_a_shell(command, log=log, cwd=cwd, environment=environment)
        wanted = {
            "words": words[len(_NODE) :],
            "log": str(log),
            "environment": {**environment},
            "umask": private.UMASK,
        }
        with socket.socket(socket.AF_UNIX) as connection, connection.makefile() as answers:
            connection.settimeout(_ANSWER_SECONDS)
            connection.connect(self.address)
            connection.sendall(json.dumps(wanted).encode() + b"\n")
            return int(answers.readline())

    def close(self) -> None:
        """End the process that nodes were forked from. The nodes stay."""
        self._stack.close()
        self._address = ""


def use(forker: Forker) -> None:
    """From now on, whatever starts nodes in this process has them forked."""
    node_process.launch = forker.launch


def address() -> str:
    """The address to give to a `Forker` of another process; empty where this one forks no nodes."""
    forker = getattr(node_process.launch, "__self__", None)
    return forker.address if isinstance(forker, Forker) else ""


@contextmanager
def from_a_shell() -> Iterator[None]:
    """In this block nodes are started as users start them."""
    before, node_process.launch = node_process.launch, _from_a_shell
    try:
        yield
    finally:
        node_process.launch = before


@contextmanager
def _listening() -> Iterator[str]:
    """The process that nodes are forked from, ready; ended with the block, and with this process."""
    with tempfile.TemporaryDirectory(prefix="nodes-") as directory:
        place = str(Path(directory, "socket"))
        environment = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        with subprocess.Popen(
            [sys.executable, str(_FORKER), place],
            cwd=settings.NODE_DIR,
            env={**environment, "PYTHONUTF8": "1"},  # which only counts from a program's start
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        ) as process:
            assert process.stdin is not None, "it is a pipe"
            assert process.stdout is not None, "it is a pipe"
            assert process.stdout.readline() == b"ready\n", "the node's program cannot be imported"
            try:
                yield place
            finally:
                process.stdin.close()
