"""A play of a scenario as its log tells it, while the log is still being written."""

import json
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from branchlab.checking.runlog import Record
from branchlab.checking.runs import FOLDER
from branchlab.checking.timeline.timeline import Timeline

_AT_ONCE_BYTES = 1 << 20


class Play:
    """What pages show of a play. A scenario that is played under several policies writes one log for each;
    the newest is shown, and `earlier` keeps the timelines of those before it."""

    def __init__(self, folder: Path, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Follows the logs that are written below `folder` from now on."""
        self._folder = folder
        self._clock = clock
        self._known = set(self._logs())
        self._path: Path | None = None
        self._offset = 0
        self._part = b""
        self._heard_at = clock()
        self.timeline = Timeline()
        self.earlier: list[Timeline] = []
        self.is_live = True

    @property
    def now(self) -> float:
        """The run's time: it goes on between two records, and stands still when the play is over."""
        since = self._clock() - self._heard_at if self.is_live and self._path is not None else 0.0
        return self.timeline.now + since

    @property
    def length(self) -> float:
        return self.now

    @property
    def timelines(self) -> list[Timeline]:
        """Of every policy that was played so far, the newest last."""
        return [*self.earlier, self.timeline]

    def look(self) -> None:
        """Takes in what was written since."""
        for path in self._logs():
            if path not in self._known:
                self._known.add(path)
                self._take(self._new_records())
                if self._path is not None:
                    self.earlier.append(self.timeline)
                self._path, self._offset, self._part, self.timeline = path, 0, b"", Timeline()
        self._take(self._new_records())

    def end(self) -> None:
        """The play is over: nothing more is written."""
        self.look()
        self.is_live = False

    def _logs(self) -> list[Path]:
        found = [*self._folder.glob(f"{FOLDER}/*.jsonl"), *self._folder.glob(f"*/{FOLDER}/*.jsonl")]
        return sorted(found, key=lambda path: path.stat().st_mtime_ns)

    def _take(self, records: Iterable[Record]) -> None:
        for record in records:
            self.timeline.add(record)
            self._heard_at = self._clock()

    def _new_records(self) -> list[Record]:
        if self._path is None:
            return []
        records: list[Record] = []
        with self._path.open("rb") as file:
            file.seek(self._offset)
            while added := file.read(_AT_ONCE_BYTES):
                self._offset += len(added)
                *lines, self._part = (self._part + added).split(b"\n")
                records += [json.loads(line) for line in lines]
        return records
