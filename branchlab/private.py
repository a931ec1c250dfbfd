"""Files and folders for their owner only: a run has orders, customers and password hashes in them."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Literal

FOLDER, FILE = 0o700, 0o600
UMASK = 0o077
"""Of programs that the lab starts: what they make is for their owner only."""


def make_folder(path: Path) -> None:
    """Makes a folder that only its owner may enter. An existing one stays as it is."""
    path.mkdir(mode=FOLDER, parents=True, exist_ok=True)


def open_text(path: Path, mode: Literal["w", "a", "a+", "x"]) -> IO[str]:
    """Opens a text file; one that it makes is for its owner only."""
    return open(path, mode, encoding="utf-8", opener=_opened)


def write_text(path: Path, text: str) -> None:
    """Writes a text file for its owner only. Where the disk is full or the writer is killed, the earlier text
    or this one is there, whole."""
    part = path.with_name(f".{path.name}-part")
    try:
        with naming(path), open_text(part, "w") as file:
            file.write(text)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Adds the path to what the system refuses in the block: of a write, it does not say where."""
    try:
        yield
    except OSError as error:
        error.filename = error.filename or str(path)
        raise


def others_may_read(path: Path) -> list[Path]:
    """The files and folders under `path`, itself included, that others than their owner may read or enter."""
    found = [path, *path.rglob("*")] if path.exists() else []
    return sorted(each for each in found if not each.is_symlink() and each.stat().st_mode & UMASK)


def _opened(path: str, flags: int) -> int:
    return os.open(path, flags, FILE)
