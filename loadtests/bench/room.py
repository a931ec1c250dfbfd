"""Where a run of `make bench` works: its folder, cores, ports and programs; all of it is gone afterwards."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil

from branchlab import settings
from branchlab.networks import ports
from branchlab.poll import poll_blocking

BENCH = Path(__file__).parent
DISK = Path("/var/tmp")  # noqa: S108  (a disk by the FHS, where /tmp may be memory, on which FULL costs nothing)
_STOP_SECONDS = 10.0
_READY_SECONDS = 60.0


@dataclass(frozen=True)
class Cores:
    """What is measured has the first core, the load generator and all else the second. None where the
    machine has only one: then nothing is pinned."""

    measured: str | None
    others: str | None

    @classmethod
    def here(cls) -> "Cores":
        found = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
        if len(found) < 2:
            return cls(None, None)
        return cls(str(found[0]), str(found[1]))

    @property
    def both(self) -> str | None:
        return None if self.measured is None else f"{self.measured},{self.others}"


@dataclass(frozen=True)
class Room:
    """`rivals` is the Python of the bench's own environment, `seconds` how long one measurement takes,
    `orders` how many a large file has, `before` the commit that simulated histories are compared with."""

    place: Path
    rivals: str
    cores: Cores
    rounds: int
    seconds: float
    orders: int
    before: str
    first_port: int | None = None

    def ports(self, count: int) -> tuple[int, ...]:
        """So many ports that are free now."""
        if self.first_port is None:
            return ports.find_free(count)
        free = (port for port in range(self.first_port, self.first_port + 400) if ports.is_free(port))
        return tuple(port for port, _ in zip(free, range(count), strict=False))

    def folder(self, name: str) -> Path:
        """A new folder on the disk."""
        number = len(list(self.place.iterdir()))
        made = self.place / f"{number}-{name}"
        made.mkdir()
        return made


@contextmanager
def opened(**wanted: object) -> Iterator[Room]:
    """A room with an empty folder, which is removed in the end."""
    where = DISK if os.access(DISK, os.W_OK) else None
    with TemporaryDirectory(prefix="bench-", dir=where) as place:
        Path(place).chmod(0o711)  # PostgreSQL's user finds its own folder in it
        yield Room(place=Path(place), cores=Cores.here(), **wanted)  # type: ignore[arg-type]  # its fields


def pinned(cores: str | None, command: Sequence[str], *, user: str | None = None) -> list[str]:
    """The command on those cores only and as that user; on all cores and as this user where that is None."""
    if cores is None and user is None:
        return [*command]
    return [sys.executable, str(BENCH / "pinned.py"), cores or "-", user or "-", *command]


@contextmanager
def program(
    command: Sequence[str],
    *,
    log: Path,
    environment: Mapping[str, str] | None = None,
    cwd: Path = settings.ROOT,
) -> Iterator["subprocess.Popen[bytes]"]:
    """A program in a session of its own, so that Ctrl-C reaches it only through here; it has ended
    afterwards."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    with log.open("ab") as file:
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env={**kept, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        end(process)


def end(process: "subprocess.Popen[bytes] | subprocess.Popen[str]") -> None:
    """Returns when the process is gone."""
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def wait_listening(port: int, process: "subprocess.Popen[bytes]", *, log: Path) -> None:
    """Returns when this very process listens on the port. SystemExit when it ends before, or never does."""
    seen = psutil.Process(process.pid)

    def listens() -> bool:
        with suppress(psutil.Error):
            for each in seen.net_connections("tcp"):
                if each.status == psutil.CONN_LISTEN and each.laddr[1:] == (port,):
                    return True
        return process.poll() is not None

    if not poll_blocking(listens, seconds=_READY_SECONDS, every=0.05) or process.poll() is not None:
        words = log.read_text("utf-8", errors="replace").strip().splitlines()
        raise SystemExit(f"a program of the bench did not start: {words[-1] if words else 'no word of it'}")


def pause(seconds: float) -> None:
    """For what the machine still does after a start or a stop."""
    time.sleep(seconds)
