"""Runs Locust as a program of its own: the patches it puts into Python's own modules never reach the lab."""

import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from lab import settings
from lab.console import progress
from lab.errors import LabError
from lab.poll import poll_blocking

UI_PORT = 18089
SHAPES = ("steady", "rush-hour")
MISUSED = 2
"""Locust's exit code when the locustfile refused to run; it has said why in one line."""

_LOADTESTS = settings.ROOT / "loadtests"
_SHAPE_FILES = {"steady": (), "rush-hour": (_LOADTESTS / "rush_hour.py",)}
_LAST_REQUESTS_SECONDS = 20  # what is under way when the time is over may end
_ENDING_SECONDS = 40.0


@dataclass(frozen=True)
class Load:
    """What Locust is asked to do. With `users` None it waits on its page for somebody to say that."""

    users: int | None
    seconds: int
    shape: str


def command(wanted: Load, *, figures: Path) -> list[str]:
    """How Locust is started in the repository's root; its figures go to the file `figures` (.json)."""
    files = ",".join(str(path) for path in (_LOADTESTS / "locustfile.py", *_SHAPE_FILES[wanted.shape]))
    start = [
        *(sys.executable, "-m", "locust", "--locustfile", files),
        *("--loglevel", "WARNING", "--stop-timeout", str(_LAST_REQUESTS_SECONDS)),
    ]
    if wanted.users is None:
        return [*start, "--web-host", "127.0.0.1", "--web-port", str(UI_PORT)]
    return [
        *start,
        *("--headless", "--only-summary", "--json-file", str(figures.with_suffix(""))),
        *("--users", str(wanted.users), "--spawn-rate", str(max(1, wanted.users // 5))),
        *("--run-time", f"{wanted.seconds}s"),
    ]


def run(wanted: Load, *, figures: Path, environment: Mapping[str, str]) -> int:
    """Runs Locust to its end and returns its exit code: 0, MISUSED, or another one for a mistake.

    Ctrl-C ends it in an orderly way and counts as its end. LabError when it does not end by itself.
    """
    process = subprocess.Popen(
        command(wanted, figures=figures),
        cwd=settings.ROOT,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        process_group=0,  # Ctrl-C reaches it through us, and only once
    )
    try:
        with suppress(KeyboardInterrupt):
            if wanted.users is None:
                return process.wait()
            return _wait(process, wanted)
        process.terminate()  # Locust ends in an orderly way
        return process.wait(_LAST_REQUESTS_SECONDS + _ENDING_SECONDS)
    except subprocess.TimeoutExpired:
        raise LabError("Locust did not end in time and was killed; see what it wrote above") from None
    finally:
        process.kill()
        process.wait()


def _wait(process: "subprocess.Popen[bytes]", wanted: Load) -> int:
    most = wanted.seconds + _LAST_REQUESTS_SECONDS + _ENDING_SECONDS
    began = time.monotonic()
    with _bar(wanted) as bar:
        task = bar.add_task(f"{wanted.users} operators at work", total=wanted.seconds)

        def has_ended() -> bool:
            bar.update(task, completed=min(time.monotonic() - began, wanted.seconds))
            return process.poll() is not None

        if not poll_blocking(has_ended, seconds=most):
            raise subprocess.TimeoutExpired(process.args, most)
    return process.wait()


@contextmanager
def _bar(wanted: Load) -> Iterator[Progress]:
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, TextColumn(f"of {wanted.seconds} s"), console=progress) as bar:
        yield bar
