"""Runs programs that start programs of their own, and ends all of them when somebody interrupts the lab."""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

import psutil

from branchlab import interruption
from branchlab.poll import poll_blocking

_ENDING_SECONDS = 5.0
_QUIET = "ignore:resource_tracker"


def run_whole(
    command: Sequence[str], *, cwd: Path, environment: Mapping[str, str], output: IO[bytes] | None = None
) -> int:
    """Runs a program and returns its exit code. Ctrl-C kills it and all that it started.

    They have a process group of their own, so that Ctrl-C at a terminal does not reach each of them at
    whatever it is doing. With `output` all that they print goes there.
    """
    with interruption.shielded():
        program = subprocess.Popen(
            command,
            cwd=cwd,
            env={**environment, "PYTHONWARNINGS": _warnings(environment)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=None if output is None else subprocess.STDOUT,
            process_group=0,
        )
    try:
        return program.wait()
    finally:
        with interruption.shielded():
            _end(program)


def _warnings(environment: Mapping[str, str]) -> str:
    """What Python is to warn of: as before, but not of the semaphores that killed programs leave behind."""
    given = environment.get("PYTHONWARNINGS", "")
    return f"{given},{_QUIET}" if given else _QUIET


def _end(program: "subprocess.Popen[bytes]") -> None:
    """Kills the program and all that it started, if it runs yet; returns when they are gone."""
    if program.returncode is not None:
        return
    own = psutil.Process(program.pid)
    family = [own, *own.children(recursive=True)]
    # Python's tracker of semaphores does not heed the first: it removes those of the others once they ended.
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(program.pid, number)
        if poll_blocking(lambda: _reaped(program, family), seconds=_ENDING_SECONDS, every=0.02):
            return


def _reaped(program: "subprocess.Popen[bytes]", family: Sequence[psutil.Process]) -> bool:
    """Whether none of them runs any more."""
    return program.poll() is not None and not any(map(_runs, family))


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
