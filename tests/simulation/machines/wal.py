"""What a power cut leaves of a database: everything that was synced, and any part of the rest."""

import shutil
import sqlite3
import struct
from dataclasses import dataclass
from pathlib import Path
from random import Random

HEADER_BYTES = 32
FRAME_HEADER_BYTES = 24
SECTOR_BYTES = 512  # what a disk writes whole
MOST_GARBAGE_BYTES = 10_000
_SALT = slice(16, 24)  # of the log's header


@dataclass(frozen=True)
class Place:
    """A place in a write-ahead log: `end` bytes of the round that `salt` marks. The log is written anew from
    its beginning once all of it is in the database file."""

    salt: bytes = b""
    end: int = 0


def committed(path: Path) -> Place:
    """Where the last committed transaction in a database's log ends.

    Frames of an earlier round carry another salt; the last frame of a transaction names the size of the
    database (sqlite.org/fileformat2.html, section 4).
    """
    log = Path(f"{path}-wal")
    content = log.read_bytes() if log.exists() else b""
    if len(content) < HEADER_BYTES:
        return Place()
    salt, frame_bytes = content[_SALT], _frame_bytes(content)
    end, place = 0, HEADER_BYTES
    while place + frame_bytes <= len(content) and content[place + 8 : place + 16] == salt:
        commits = content[place + 4 : place + 8] != bytes(4)
        place += frame_bytes
        end = place if commits else end
    return Place(salt, end)


def synced(path: Path, writer: sqlite3.Connection) -> Place:
    """How much of the log is certainly on the disk after a commit: all of it at synchronous=FULL, else
    nothing that only the log has."""
    full = writer.execute("PRAGMA synchronous").fetchone()[0] >= 2
    return committed(path) if full else Place()


def cut_power(path: Path, copy: Path, *, safe: Place, random: Random) -> None:
    """Copy a database as it is found after a power cut, when its log was safe up to `safe`.

    Sectors after that were written, torn, or have their old content. Sometimes rubbish follows.
    """
    shutil.copy(path, copy)
    log = Path(f"{path}-wal")
    content = log.read_bytes() if log.exists() else b""
    if len(content) < HEADER_BYTES:
        return
    start = max(safe.end if safe.salt == content[_SALT] else 0, _copied_into_the_file(path, content))
    written = content[start : committed(path).end]
    there = random.choice((0, random.randint(0, len(written)), len(written)))
    kept = bytearray(content[:start] + written[:there])
    for place in range(start, len(kept), SECTOR_BYTES):
        if random.random() < 0.1:
            end = min(place + SECTOR_BYTES, len(kept))
            kept[place:end] = random.randbytes(end - place)
    if random.random() < 0.5:
        kept += random.randbytes(random.randint(1, MOST_GARBAGE_BYTES))
    Path(f"{copy}-wal").write_bytes(kept)


def _copied_into_the_file(path: Path, content: bytes) -> int:
    """How much of the log a checkpoint has brought into the database file: it was synced before
    (sqlite.org/walformat.html, nBackfill)."""
    frames = struct.unpack("=I", Path(f"{path}-shm").read_bytes()[96:100])[0]
    return HEADER_BYTES + frames * _frame_bytes(content) if frames else 0


def _frame_bytes(content: bytes) -> int:
    return FRAME_HEADER_BYTES + int(struct.unpack(">I", content[8:12])[0])
