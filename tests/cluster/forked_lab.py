"""`./lab` in a process of its own, forked from one that has imported the lab already.

A verb takes far less of the processor than its imports, and the tests call hundreds. What starts a lab from
a shell has tests of its own (test_rough_machines.py, test_ctrl_c.py, tests/verbs/test_readme.py).
"""

import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from branchlab import settings
from branchlab.__main__ import run
from tests.cluster import forked_nodes

_SERVER = multiprocessing.get_context("forkserver")
# The rooms of the verbs that tests call most. A room that is not here is imported by its verb, as in a shell.
_SERVER.set_forkserver_preload(
    [
        __name__,
        "pydantic.main",  # typer reads arguments with it
        "pydantic.types",
        "rich.markdown",
        "branchlab.checking.runs",
        "branchlab.checking.verify",
        "branchlab.faults.command",
        "branchlab.faults.decisions",
        "branchlab.faults.disks",
        "branchlab.faults.forging",
        "branchlab.faults.healing",
        "branchlab.networks.command",
        "branchlab.networks.homes.command",
    ]
)


def lab(
    arguments: Sequence[str], environment: Mapping[str, str], *, seconds: float
) -> "subprocess.CompletedProcess[str]":
    """Run one verb in that environment, and wait for its end; what it wrote, and its exit status.

    subprocess.TimeoutExpired after so many seconds; the verb is killed then."""
    with tempfile.TemporaryDirectory(prefix="lab-") as directory:
        said = Path(directory, "out"), Path(directory, "err")
        words = ([*arguments], {**environment}, *map(str, said), forked_nodes.address())
        process = _SERVER.Process(target=_verb, args=words)
        process.start()
        process.join(seconds)
        if process.exitcode is None:
            process.kill()
            process.join()
            raise subprocess.TimeoutExpired(["./lab", *arguments], seconds)
        status = process.exitcode
        process.close()
        out, err = (path.read_text(encoding="utf-8") for path in said)
    return subprocess.CompletedProcess(["./lab", *arguments], status, out, err)


def _verb(arguments: list[str], environment: dict[str, str], out: str, err: str, nodes: str) -> None:
    if nodes:
        forked_nodes.use(forked_nodes.Forker(nodes))
    for descriptor, path in ((1, out), (2, err)):
        with open(path, "wb") as file:
            os.dup2(file.fileno(), descriptor)
    os.chdir(settings.ROOT)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["./lab", *arguments]
    run()
