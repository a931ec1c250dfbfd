"""Runs Locust as a program of its own: the patches it puts into Python's own modules never reach the lab."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from branchlab import interruption, private, settings
from branchlab.console import note, progress
from branchlab.errors import LabError
from branchlab.language import _
from branchlab.networks.ports import LOCUST_PORT
from branchlab.poll import poll_blocking

MISUSED = 2
"""Locust's exit code when the locustfile refused to run; it has said why in one line."""

_LOADTESTS = settings.ROOT / "loadtests"
SUITES = {
    "mixed": ("locustfile.py",),
    "hot-product": ("hot_product.py",),
    "login-storm": ("login_storm.py",),
    "read-heavy": ("read_heavy.py",),
    "classroom": ("classroom.py",),
    "rush-hour": ("locustfile.py", "rush_hour.py"),
}
"""The suites and their files in loadtests/."""

MOST_WORKERS = 32
_LAST_REQUESTS_SECONDS = 20  # what is under way when the time is over may end
_ENDING_SECONDS = 40.0


@dataclass(frozen=True)
class Load:
    """What Locust is asked to do. With `users` None it waits on its page, at `ui_port`, for somebody to say
    that. `workers` send the requests, where there are any, and Locust itself is their master."""

    users: int | None
    seconds: int
    suite: str
    ui_port: int = LOCUST_PORT
    workers: int = 0
    master_port: int = 0


def command(wanted: Load, *, figures: Path) -> list[str]:
    """How Locust is started in the repository's root. Its figures go to the file `figures` (.json), and to
    NAME_stats.csv, NAME_failures.csv and so on beside it."""
    files = ",".join(str(_LOADTESTS / name) for name in SUITES[wanted.suite])
    start = [
        *(sys.executable, "-m", "locust", "--locustfile", files),
        *("--loglevel", "WARNING", "--stop-timeout", str(_LAST_REQUESTS_SECONDS)),
        *("--json-file", str(figures.with_suffix("")), "--csv", str(figures.with_suffix(""))),
    ]
    if wanted.workers:
        port = str(wanted.master_port)
        start += [
            "--processes",
            str(wanted.workers),
            "--master-bind-host",
            "127.0.0.1",
            "--master-bind-port",
            port,
        ]
        start += ["--master-host", "127.0.0.1", "--master-port", port]
    if wanted.users is None:
        return [*start, "--web-host", "127.0.0.1", "--web-port", str(wanted.ui_port)]
    return [
        *start,
        *("--headless", "--only-summary"),
        *("--users", str(wanted.users), "--spawn-rate", str(max(1, wanted.users // 5))),
        *("--run-time", f"{wanted.seconds}s"),
    ]


def run(wanted: Load, *, figures: Path, environment: Mapping[str, str]) -> int:
    """Runs Locust to its end and returns its exit code: 0, MISUSED, or another one for a mistake.

    Ctrl-C is how somebody ends the page, and counts as the load's end. Without a page it is raised, when
    Locust has ended. LabError when it does not end by itself.
    """
    process = subprocess.Popen(
        command(wanted, figures=figures),
        cwd=settings.ROOT,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        umask=private.UMASK,
        process_group=0,  # Ctrl-C reaches it through us, and only once
    )
    try:
        return process.wait() if wanted.users is None else _wait(process, wanted)
    except KeyboardInterrupt:
        heed = interruption.current()
        process.terminate()  # Locust ends in an orderly way
        if wanted.users is not None or heed is None:
            process.wait(_LAST_REQUESTS_SECONDS + _ENDING_SECONDS)
            raise
        heed.forget()
        note(
            _(
                "the load ends; what is under way may take up to {seconds} s…",
                seconds=_LAST_REQUESTS_SECONDS,
            )
        )
        ended = process.wait(_LAST_REQUESTS_SECONDS + _ENDING_SECONDS)
        return 0 if ended == -signal.SIGTERM else ended  # it had not begun yet
    except subprocess.TimeoutExpired:
        raise LabError(_("Locust did not end in time and was killed; see what it wrote above")) from None
    finally:
        process.kill()
        process.wait()


def _wait(process: "subprocess.Popen[bytes]", wanted: Load) -> int:
    most = wanted.seconds + _LAST_REQUESTS_SECONDS + _ENDING_SECONDS
    began = time.monotonic()
    with _bar(wanted) as bar:
        task = bar.add_task(_("{users} operators at work", users=wanted.users), total=wanted.seconds)

        def has_ended() -> bool:
            bar.update(task, completed=min(time.monotonic() - began, wanted.seconds))
            return process.poll() is not None

        if not poll_blocking(has_ended, seconds=most):
            raise subprocess.TimeoutExpired(process.args, most)
    return process.wait()


@contextmanager
def _bar(wanted: Load) -> Iterator[Progress]:
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, TextColumn(_("of {seconds} s", seconds=wanted.seconds)), console=progress) as bar:
        yield bar
