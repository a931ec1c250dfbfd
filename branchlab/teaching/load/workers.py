"""The run log of a load with several processes: each worker writes a part, and the lab puts them together.

A part begins as a copy of the log so far, so that its numbers and its time go on from there.
"""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from branchlab import private

_PART = ".worker-"


def begin_part(log: Path, worker: int) -> Path:
    """The file that this worker's records go to."""
    part = log.with_name(f"{log.stem}{_PART}{worker}")
    shutil.copyfile(log, part)
    part.chmod(private.FILE)
    return part


def merge(log: Path) -> None:
    """Appends the workers' records to the log, in the order of their time and with the run's own numbers;
    then removes the parts. A last line that was cut short is left out."""
    parts = sorted(log.parent.glob(f"{log.stem}{_PART}*"))
    if not parts:
        return
    known = log.stat().st_size
    found = [(record["at_ns"], part, record) for part in parts for record in _records(part, known)]
    found.sort(key=lambda each: each[0])  # one worker's keep their order
    numbers: dict[tuple[Path, int], int] = {}
    last = max((record.get("op", 0) for record in _records(log, 0)), default=0)
    with private.open_text(log, "a") as file:
        for _, part, record in found:
            if "op" in record:
                record["op"] = numbers.setdefault((part, record["op"]), last + len(numbers) + 1)
            file.write(json.dumps(record, ensure_ascii=False, separators=(",", ":")) + "\n")
    for part in parts:
        part.unlink()


def _records(path: Path, known: int) -> Iterator[dict[str, Any]]:
    """Those after the first `known` bytes."""
    with path.open("rb") as file:
        file.seek(known)
        for line in file:
            if line.endswith(b"\n"):
                yield json.loads(line)
