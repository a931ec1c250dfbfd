"""The logs of all runs: each run has its own file, and `./lab runs` lists them.

DIRECTORY/runs/NAME.jsonl        one log for each run; nothing writes over it
DIRECTORY/runs/NAME.load.html    Locust's report of a load, beside its figures (.json, .csv)
DIRECTORY/run.jsonl              a link to the newest log
"""

import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from branchlab import interruption, settings
from branchlab.checking.runlog import Record, RunLog
from branchlab.console import out, show, show_json
from branchlab.errors import LabError
from branchlab.language import N_, _
from branchlab.networks import lease
from branchlab.options import RUN_DIR, AsJson, RunDir

LOG_NAME = "run.jsonl"
REPORT_SUFFIX = ".load.html"
FOLDER = "runs"
_UNDER_WAY, _UNFINISHED = N_("under way"), N_("unfinished")
_OWN_NETWORKS = (
    settings.ROOT / "build" / "scenarios",
    settings.ROOT / "build" / "torture",
    settings.ROOT / "build" / "lesson",
)


@dataclass(frozen=True)
class KnownRun:
    """One run by its log: when it began (UTC), what it was, and its verdict or how else it stands. A load has
    `reports` by Locust, the page first."""

    began: str
    what: str
    nodes: int
    result: str
    log: Path
    reports: tuple[Path, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """For programs, with paths as texts."""
        return {**asdict(self), "log": str(self.log), "reports": [str(path) for path in self.reports]}

    def lines(self) -> Iterator[str]:
        """For people: the run and its log, and below them the page of its report."""
        began = _(
            "{began:<20}{what:<22}{nodes} nodes  {result:<11}",
            began=self.began,
            what=self.what,
            nodes=self.nodes,
            result=_(self.result),
        )
        yield f"{began}{shown_path(self.log)}"
        yield from (f"{'report: ':>{len(began)}}{shown_path(path)}" for path in self.reports[:1])


def open_log(directory: Path, run: str, *, tap: Callable[[Record], None] | None = None) -> RunLog:
    """A new log for the run of that name in `directory`, to which `directory`/run.jsonl leads from now on.
    `tap` gets every record once it is written."""
    log = RunLog(directory / FOLDER / f"{run}.jsonl", tap=tap)
    interruption.note_log(log.path)
    newest = directory / LOG_NAME
    if newest.exists() and not newest.is_symlink():  # a log of an earlier version of the lab
        newest.rename(directory / FOLDER / f"earlier-{newest.stat().st_mtime_ns}.jsonl")
    part = directory / f".{LOG_NAME}"
    with suppress(OSError):  # a file system without links; the runs are found by their names
        part.unlink(missing_ok=True)
        part.symlink_to(Path(FOLDER) / log.path.name)
        os.replace(part, newest)
    return log


def runs(*, as_json: AsJson = False, run_dir: RunDir = RUN_DIR) -> None:
    """List the runs whose logs are here, the newest last, with their verdicts."""
    found = known_runs(run_dir)
    if as_json:
        show_json([one.as_json() for one in found])
        return
    if not found:
        out.print(_("there is no run yet: `make demo`, `make load`, `make run SCENARIO=…`"))
    for one in found:
        show(one.lines())


def newest_log(run_dir: Path) -> Path:
    """The log of the run that began last. LabError where there is none."""
    found = known_runs(run_dir)
    if not found:
        raise LabError(
            _("there is no run log in {run_dir} yet; name a file, or play something first", run_dir=run_dir)
        )
    return found[-1].log


def known_runs(run_dir: Path) -> list[KnownRun]:
    """The runs on the network in `run_dir`; for the usual one also those on networks of their own."""
    others = _OWN_NETWORKS if run_dir.resolve() == settings.DEFAULT_RUN_DIR else ()
    paths = [*run_dir.glob(f"{FOLDER}/*.jsonl")]
    for place in others:
        paths += place.glob(f"**/{FOLDER}/*.jsonl")
    return sorted(_known(paths), key=lambda one: (one.began, one.log.stat().st_mtime_ns))


def shown_path(path: Path) -> Path:
    """The path as short as a person would type it here."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _known(paths: Sequence[Path]) -> Iterator[KnownRun]:
    for path in paths:
        start = _first_record(path)
        if start.get("kind") != "run.start":
            continue
        yield KnownRun(
            began=str(start["wall"])[:19],
            what=str(start["what"]),
            nodes=len(start["nodes"]),
            result=_result(path),
            log=path,
            reports=_reports(path),
        )


def _reports(path: Path) -> tuple[Path, ...]:
    """Locust's page, and the tables beside it; none of them where the run was no load, or was killed."""
    page = path.with_suffix(REPORT_SUFFIX)
    return (page, *sorted(path.parent.glob(f"{path.stem}.load_*.csv"))) if page.exists() else ()


def _result(path: Path) -> str:
    last = _last_record(path)
    if last.get("kind") == "verdict":
        return str(last["result"])
    holder = lease.holder(path.parent.parent)
    return _UNDER_WAY if holder is not None and holder.run == path.stem else _UNFINISHED


def _first_record(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        return _record(file.readline())


def _last_record(path: Path) -> dict[str, Any]:
    """The last whole line, read from the end: a log may be long."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        tail, step = b"", 1 << 16
        while tail.count(b"\n") < 2 and len(tail) < size:
            file.seek(max(0, size - len(tail) - step))
            tail = file.read(min(step, size - len(tail))) + tail
    return _record(tail.rstrip(b"\n").rpartition(b"\n")[2])


def _record(line: bytes) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
