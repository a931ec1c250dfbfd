"""One process that the lab started. It is recorded on disk, found by pid and start time, and signalled only
if it is that process and was started for this very folder, of which a copy has the record too."""

import json
import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from branchlab import private
from branchlab.errors import LabError
from branchlab.language import _
from branchlab.poll import poll_blocking

_POLL_SECONDS = 0.02
_PAUSE_SECONDS = 5.0  # for the kernel to freeze or thaw a process
_STOP_SECONDS = 10.0  # a node gives open requests 3 s, then closes its database
_KILL_SECONDS = 10.0
# A birth is read as whole ticks since boot, and boot moves by up to a second when the machine's time is set;
# no pid is reused that fast.
_BIRTH_TOLERANCE_SECONDS = 2.0
# The shell ends at once, so the node is nobody's child here: it outlives this program, and init reaps it.
_LAUNCH = 'log=$1; shift; "$@" >>"$log" 2>&1 & echo $!'


class NodeProcess:
    """The process kept in `directory`, running or not. Its output goes to `directory`/node.log."""

    def __init__(self, directory: Path) -> None:
        self._record = directory / "process.json"
        self.log = directory / "node.log"

    def spawn(
        self, command: Sequence[str], *, cwd: Path, environment: Mapping[str, str], code: str = ""
    ) -> None:
        """Starts `command` in its own session, so that neither Ctrl-C nor this program's end stops it. `code`
        is kept to tell later which code it runs."""
        private.make_folder(self._record.parent)
        pid = launch(command, log=self.log, cwd=cwd, environment=environment)
        try:
            born = psutil.Process(pid).create_time()
        except psutil.NoSuchProcess:  # it ended at once; its log says why
            born = 0.0
        record = {"pid": pid, "born": born, "folder": _identity(self._record.parent), "code": code}
        try:
            private.write_text(self._record, json.dumps(record))
        except OSError:  # of a full disk: nobody could find this process again
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            raise

    def alive(self) -> bool:
        """Whether the process is there, paused ones included."""
        return self._find() is not None

    def process(self) -> psutil.Process | None:
        """The process itself, paused ones included; None when it is not there."""
        return self._find()

    def is_of(self, process: psutil.Process) -> bool:
        """Whether the record kept here is of that process."""
        found = self._find()
        return found is not None and found == process

    def paused(self) -> bool:
        process = self._find()
        try:
            return process is not None and process.status() == psutil.STATUS_STOPPED
        except psutil.NoSuchProcess:
            return False

    def pause(self) -> None:
        """SIGSTOP; returns when the kernel has frozen the process."""
        self._signal(signal.SIGSTOP)
        self._await(self.paused, seconds=_PAUSE_SECONDS, what=_("could not be paused"))

    def resume(self) -> None:
        """SIGCONT; returns when the process goes on."""
        self._signal(signal.SIGCONT)
        self._await(lambda: not self.paused(), seconds=_PAUSE_SECONDS, what=_("could not be resumed"))

    def ask_to_stop(self) -> None:
        """SIGTERM without waiting; a paused process gets it first thing when it goes on."""
        self._signal(signal.SIGTERM)
        self._signal(signal.SIGCONT)

    def stop(self) -> None:
        """SIGTERM, and SIGKILL if the process does not end; returns when it is gone."""
        self.ask_to_stop()
        poll_blocking(lambda: not self.alive(), seconds=_STOP_SECONDS, every=_POLL_SECONDS)
        self.kill()

    def kill(self) -> None:
        """SIGKILL; returns when the process is gone."""
        self._signal(signal.SIGKILL)
        self._await(lambda: not self.alive(), seconds=_KILL_SECONDS, what=_("could not be killed"))

    def code(self) -> str | None:
        """Which code the process runs, as `spawn` was told; None for one that does not run."""
        return str(self._read().get("code", "")) if self.alive() else None

    def last_words(self) -> str:
        """The last line of its log that is not empty, to show why it ended."""
        try:
            lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        except FileNotFoundError:
            return ""
        return next((line.strip() for line in reversed(lines) if line.strip()), "")

    def _find(self) -> psutil.Process | None:
        """The process, or None: never there, ended, or another program has its pid by now."""
        try:
            record = self._read()
            if record.get("folder", _identity(self._record.parent)) != _identity(self._record.parent):
                return None  # a copy of another folder's record
            process = psutil.Process(record["pid"])
            ours = abs(process.create_time() - record["born"]) < _BIRTH_TOLERANCE_SECONDS
            return process if ours and not _ended(process) else None
        except (FileNotFoundError, NotADirectoryError, ValueError, psutil.NoSuchProcess):
            return None

    def _read(self) -> dict[str, Any]:
        record: dict[str, Any] = json.loads(self._record.read_text(encoding="utf-8"))
        return record

    def _signal(self, number: signal.Signals) -> None:
        process = self._find()
        if process is not None:
            try:
                os.kill(process.pid, number)
            except ProcessLookupError:
                return

    def _await(self, condition: Callable[[], bool], *, seconds: float, what: str) -> None:
        if not poll_blocking(condition, seconds=seconds, every=_POLL_SECONDS):
            raise LabError(
                _(
                    "the process in {parent} {what} within {seconds:.0f} s; see {log}",
                    parent=self._record.parent,
                    what=what,
                    seconds=seconds,
                    log=self.log,
                )
            )


def launch(command: Sequence[str], *, log: Path, cwd: Path, environment: Mapping[str, str]) -> int:
    """Start a program in its own session, with its output behind what `log` has; its pid."""
    launched = subprocess.run(
        ["sh", "-c", _LAUNCH, "sh", str(log), *command],
        cwd=cwd,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        check=True,
        start_new_session=True,
        umask=private.UMASK,
    )
    return int(launched.stdout)


def _identity(folder: Path) -> list[int]:
    """The folder's numbers on this machine. They stay when it is moved, and change with the next start of the
    machine at the earliest, which no process outlives."""
    found = folder.stat()
    return [found.st_dev, found.st_ino]


def _ended(process: psutil.Process) -> bool:
    """Whether a process is a zombie whose last thread has ended. Until then the kernel keeps its port and
    files open."""
    return process.status() == psutil.STATUS_ZOMBIE and process.num_threads() <= 1
