"""One process that the lab started. It is recorded on disk, found by pid and start time, and signalled only
if it is that process."""

import json
import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import psutil

from lab.errors import LabError
from lab.poll import poll_blocking

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

    def spawn(self, command: Sequence[str], *, cwd: Path, environment: Mapping[str, str]) -> None:
        """Starts `command` in its own session, so that neither Ctrl-C nor this program's end stops it."""
        self._record.parent.mkdir(parents=True, exist_ok=True)
        launched = subprocess.run(
            ["sh", "-c", _LAUNCH, "sh", str(self.log), *command],
            cwd=cwd,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            check=True,
            start_new_session=True,
        )
        pid = int(launched.stdout)
        try:
            born = psutil.Process(pid).create_time()
        except psutil.NoSuchProcess:  # it ended at once; its log says why
            born = 0.0
        self._record.write_text(json.dumps({"pid": pid, "born": born}), encoding="utf-8")

    def alive(self) -> bool:
        """Whether the process is there, paused ones included."""
        return self._find() is not None

    def paused(self) -> bool:
        process = self._find()
        try:
            return process is not None and process.status() == psutil.STATUS_STOPPED
        except psutil.NoSuchProcess:
            return False

    def pause(self) -> None:
        """SIGSTOP; returns when the kernel has frozen the process."""
        self._signal(signal.SIGSTOP)
        self._await(self.paused, seconds=_PAUSE_SECONDS, what="could not be paused")

    def resume(self) -> None:
        """SIGCONT; returns when the process goes on."""
        self._signal(signal.SIGCONT)
        self._await(lambda: not self.paused(), seconds=_PAUSE_SECONDS, what="could not be resumed")

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
        self._await(lambda: not self.alive(), seconds=_KILL_SECONDS, what="could not be killed")

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
            record = json.loads(self._record.read_text(encoding="utf-8"))
            process = psutil.Process(record["pid"])
            ours = abs(process.create_time() - record["born"]) < _BIRTH_TOLERANCE_SECONDS
            return process if ours and not _ended(process) else None
        except (FileNotFoundError, ValueError, psutil.NoSuchProcess):
            return None

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
                f"the process in {self._record.parent} {what} within {seconds:.0f} s; see {self.log}"
            )


def _ended(process: psutil.Process) -> bool:
    """Whether a process is a zombie whose last thread has ended. Until then the kernel keeps its port and
    files open."""
    return process.status() == psutil.STATUS_ZOMBIE and process.num_threads() <= 1
