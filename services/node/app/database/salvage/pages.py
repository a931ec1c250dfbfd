"""The pages of a database file and of the log beside it, each in every version that is still there.

Opens both for reading only and never changes them. Sections 1.3, 1.5 and 1.6 of sqlite.org/fileformat2.html.
"""

import sys
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from app.database.salvage.cells import Cell, read_page
from app.database.salvage.records import Unreadable
from app.database.salvage.wal import Wal, read_wal

_MAGIC = b"SQLite format 3\0"
_SIZES = (4096, 1024, 8192, 16384, 32768, 65536, 2048, 512)  # the default first
_SAMPLES = 64  # pages that are looked at to tell the page size
_NEWEST = sys.maxsize


@dataclass(frozen=True)
class Version:
    """One version of a page: in the log at `frame`, or in the file; current from then until the log goes on
    past `as_of`."""

    number: int
    frame: int | None = None
    as_of: int = _NEWEST


class PageFile:
    """A database file by its pages. Damage of any kind raises nothing here: a page that the disk does not
    give is one of zeros."""

    def __init__(self, path: Path) -> None:
        self._files = ExitStack()
        try:
            self._file: BinaryIO = self._files.enter_context(path.open("rb"))
            log_path = path.with_name(path.name + "-wal")
            self._log: BinaryIO | None = None
            if log_path.exists():
                self._log = self._files.enter_context(log_path.open("rb"))
            self._bytes = path.stat().st_size
            self.page_size, self.usable = self._sizes()
            self._in_file = -(-self._bytes // self.page_size)
            self.wal = self._read_wal()
        except BaseException:
            self._files.close()
            raise
        self._frames: dict[int, list[int]] = {}
        for frame in self.wal.current:
            self._frames.setdefault(frame.page, []).append(frame.at)
        self._commits = [frame.at for frame in self.wal.current if frame.commit and frame.sound]
        self.count = max(self._in_file, max(self._frames, default=0))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._files.close()

    def newest(self, number: int, *, as_of: int = _NEWEST) -> Version:
        """The version of a page that is current, or was when the log ended at `as_of`."""
        frames = self._frames.get(number, ())
        known = bisect_right(frames, as_of)
        return Version(number, frames[known - 1] if known else None, as_of)

    def older(self) -> Iterator[Version]:
        """Every version of a page that a newer one has replaced, those replaced last first. Those of a commit
        that is not whole come before them: nobody need have been answered, but somebody may have been."""
        for frame in reversed(self.wal.torn):
            yield Version(frame.page, frame.at)
        superseded = [
            (at, number) for number, frames in self._frames.items() for at in frames if at != frames[-1]
        ]
        for at, number in sorted(superseded, reverse=True):
            yield Version(number, at, self._commits[bisect_left(self._commits, at)])
        for number in sorted(self._frames):
            if number <= self._in_file:
                yield Version(number, as_of=0)
        for frame in reversed(self.wal.stale):
            yield Version(frame.page, frame.at, as_of=0)

    def content(self, version: Version) -> bytes:
        """The bytes of a page, always a whole page's."""
        if version.frame is not None and self._log is not None:
            return self._read(self._log, version.frame)
        return self._read(self._file, (version.number - 1) * self.page_size)

    def payload(self, version: Version, data: bytes, cell: Cell) -> bytes:
        """A cell's payload with what stands in other pages of it. Raises Unreadable when the chain leads
        nowhere or in a circle; it is never followed further than the payload is long."""
        local = data[cell.body : cell.body + cell.local]
        if cell.local == cell.size:
            return local
        parts, missing = [local], cell.size - cell.local
        for number in self.chain(cell, as_of=version.as_of):
            part = self.content(self.newest(number, as_of=version.as_of))[4 : self.usable][:missing]
            parts.append(part)
            missing -= len(part)
        if missing:
            raise Unreadable("the payload's pages end before it does")
        return b"".join(parts)

    def chain(self, cell: Cell, *, as_of: int = _NEWEST) -> Iterator[int]:
        """The overflow pages of a cell, as many as its payload needs or there are."""
        missing, number = cell.size - cell.local, cell.overflow
        seen: set[int] = set()
        while missing > 0 and 1 < number <= self.count and number not in seen:
            seen.add(number)
            yield number
            missing -= self.usable - 4
            number = int.from_bytes(self.content(self.newest(number, as_of=as_of))[:4], "big")

    def free(self) -> set[int]:
        """The pages on the list of free ones, as far as the list can be followed (1.5)."""
        found: set[int] = set()
        number = int.from_bytes(self.content(self.newest(1))[32:36], "big")
        while 1 < number <= self.count and number not in found:
            found.add(number)
            trunk = self.content(self.newest(number))
            count = min(int.from_bytes(trunk[4:8], "big"), self.usable // 4 - 2)
            leaves = (int.from_bytes(trunk[8 + 4 * at : 12 + 4 * at], "big") for at in range(count))
            found.update(leaf for leaf in leaves if 1 < leaf <= self.count)
            number = int.from_bytes(trunk[:4], "big")
        return found

    def _read(self, file: BinaryIO, at: int) -> bytes:
        try:
            file.seek(at)
            data = file.read(self.page_size)
        except OSError:  # a sector that the disk cannot read any more
            data = b""
        return data.ljust(self.page_size, b"\0")

    def _read_wal(self) -> Wal:
        if self._log is None:
            return Wal()
        try:
            return read_wal(self._log, page_size=self.page_size, last_page=self._in_file)
        except OSError:
            return Wal(plain=False)

    def _sizes(self) -> tuple[int, int]:
        """The size of a page, and how much of it is used: what header and log say, or the commonest, unless
        another makes more sense of the pages. What header and log both say is not doubted."""
        told: list[tuple[int, int]] = []
        head = self._head(self._file)
        size, reserved = int.from_bytes(head[16:18], "big"), head[20]
        if head.startswith(_MAGIC):
            told.append((65536 if size == 1 else size, reserved))
        if self._log is not None:
            told.append((int.from_bytes(self._head(self._log)[8:12], "big"), 0))
            if told.count(told[-1]) > 1 and told[-1][0] in _SIZES:
                return told[-1][0], told[-1][0]
        tried = [(size, kept) for size, kept in told if size in _SIZES and kept <= size - 480]
        tried += [(size, 0) for size in _SIZES]
        size, reserved = max(dict.fromkeys(tried), key=lambda pair: self._sense(*pair))
        return size, size - reserved

    def _head(self, file: BinaryIO) -> bytes:
        try:
            file.seek(0)
            return file.read(100).ljust(100, b"\0")
        except OSError:
            return bytes(100)

    def _sense(self, size: int, reserved: int) -> int:
        """How many bytes of pages that are whole a sample has."""
        self.page_size = size
        pages = self._bytes // size
        step = max(1, pages // _SAMPLES)
        whole = 0
        for number in range(1, pages + 1, step):
            data = self._read(self._file, (number - 1) * size)
            whole += read_page(data, number=number, usable=size - reserved).whole
        return whole * size
