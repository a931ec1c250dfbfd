"""The lease of a run on its network: one run at a time, since two would judge each other's orders.

The lease is a lock of the system, which lets go of it however its holder ends: nothing is left to clear away
after a kill -9. The file beside the lock says who holds it.
"""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

import psutil

from branchlab import private
from branchlab.console import note
from branchlab.errors import LabError
from branchlab.language import _

_FILE = "lease"


@dataclass(frozen=True)
class Holder:
    """Who holds a network: the run's name, its process, and since when (local time)."""

    run: str
    pid: int
    since: str


@contextmanager
def held(directory: Path, run: str) -> Iterator[None]:
    """Holds the network in `directory` for this run. LabError names the run that holds it now.

    A run that was killed holds it no more; that is said in one line.
    """
    private.make_folder(directory)
    with private.open_text(directory / _FILE, "a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LabError(_refusal(directory, _read(file))) from None
        if (killed := _read(file)) is not None:
            note(
                _(
                    "{run} of {since} (pid {pid}) ended without a verdict: `./lab runs`",
                    run=killed.run,
                    since=killed.since,
                    pid=killed.pid,
                )
            )
        _write(file, Holder(run, os.getpid(), f"{datetime.now(UTC).astimezone():%H:%M:%S}"))
        try:
            yield
        finally:
            file.truncate(0)


def holder(directory: Path) -> Holder | None:
    """Who holds the network in `directory` now, for people to look at."""
    try:
        with (directory / _FILE).open(encoding="utf-8") as file:
            found = _read(file)
    except FileNotFoundError:
        return None
    return found if found is not None and psutil.pid_exists(found.pid) else None


def _refusal(directory: Path, other: Holder | None) -> str:
    who = (
        _("another run")
        if other is None
        else _("{run} (pid {pid}, since {since})", run=other.run, pid=other.pid, since=other.since)
    )
    return _(
        "{who} is being played in {directory} now; wait for its end, two runs would judge each other",
        who=who,
        directory=directory,
    )


def _read(file: IO[str]) -> Holder | None:
    file.seek(0)
    try:
        return Holder(**json.load(file))
    except (ValueError, TypeError):  # nobody, or it is being written just now
        return None


def _write(file: IO[str], one: Holder) -> None:
    with private.naming(Path(file.name)):
        file.truncate(0)
        left = json.dumps(asdict(one)).encode()
        while left:  # past the file's buffer, which would be written again at its end
            left = left[os.write(file.fileno(), left) :]
