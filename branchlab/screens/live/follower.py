"""Follows the logs of other runs on the same network: what they ask for and break is copied into the room's
log, so that one log tells all that happened while the room was open."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from branchlab.checking.runlog import Record, RunLog

_COPIED = ("disk.lost", "member.gone", "question", "vote", "question.closed")
_FIRST = "run.start"
_AT_ONCE_BYTES = 1 << 18  # of one log and one look: a long read at a run's end is taken in parts


@dataclass
class _Followed:
    """How far one log was read, and the numbers that its records have in the room's log."""

    path: Path
    offset: int = 0
    run: str = ""
    part: bytes = b""
    operations: dict[int, int] = field(default_factory=dict)
    faults: dict[int, int] = field(default_factory=dict)

    def new_records(self) -> Iterator[Record]:
        """The whole lines that were added since the last call."""
        try:
            with self.path.open("rb") as file:
                file.seek(self.offset)
                added = file.read(_AT_ONCE_BYTES)
        except OSError:  # it was removed with its network
            return
        self.offset += len(added)
        *lines, self.part = (self.part + added).split(b"\n")
        for line in lines:
            try:
                record = json.loads(line)
            except ValueError:
                continue
            if isinstance(record, dict) and isinstance(record.get("kind"), str):
                yield record


class Follower:
    """Copies what other runs write into one log. What was there when it began is left alone."""

    def __init__(self, folder: Path, log: RunLog) -> None:
        self._folder = folder
        self._log = log
        self._left_alone = {path.name for path in folder.glob("*.jsonl")} | {log.path.name}
        self._followed: dict[str, _Followed] = {}

    @property
    def under_way(self) -> list[str]:
        """The names of the runs that are followed and not over."""
        return [one.run for one in self._followed.values() if one.run]

    def look(self) -> None:
        """Copies what is new, a bounded part of it at once."""
        for path in sorted(self._folder.glob("*.jsonl")):
            if path.name not in self._left_alone:
                self._followed.setdefault(path.name, _Followed(path))
        for one in self._followed.values():
            for record in one.new_records():
                self._copy(one, record)

    def _copy(self, one: _Followed, record: Record) -> None:
        kind = record["kind"]
        if kind == _FIRST:
            one.run = record["run"]
            self._log.followed(one.run)
        elif kind == "verdict":
            self._log.followed(one.run, over=True)
            one.run = ""
        elif kind == "op.invoke":
            one.operations[record["op"]] = self._log.next_operation()
            self._log.copied(record, op=one.operations[record["op"]])
        elif kind.startswith("op.") and record["op"] in one.operations:
            self._log.copied(record, op=one.operations[record["op"]])
        elif kind == "fault.requested":
            one.faults[record["id"]] = self._log.next_fault()
            self._log.copied(record, id=one.faults[record["id"]])
        elif kind.startswith("fault.") and record["id"] in one.faults:
            self._log.copied(record, id=one.faults[record["id"]])
        elif kind in _COPIED:
            self._log.copied(record)
