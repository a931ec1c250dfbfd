"""What a failing disk does to a node's file."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from random import Random

PAGE = 4096

Damage = Callable[[Path], None]


def roots(path: Path) -> dict[str, int]:
    """The first page of every table and index."""
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute("SELECT name, rootpage FROM sqlite_master WHERE rootpage > 0")
        return dict(found.fetchall())


def zeroed(*names: str) -> Damage:
    """The first pages of these tables and indexes are empty, as after writes that never reached the disk."""

    def damage(path: Path) -> None:
        pages = roots(path)
        with path.open("r+b") as file:
            for name in names:
                file.seek((pages[name] - 1) * PAGE)
                file.write(bytes(PAGE))

    return damage


def flipped_in(name: str, *, seed: int, at: int = 512, length: int = 256) -> Damage:
    """Noise in the middle of the first page of a table."""

    def damage(path: Path) -> None:
        place = (roots(path)[name] - 1) * PAGE + at
        overwrite(path, place, Random(seed).randbytes(length))

    return damage


def both(*damages: Damage) -> Damage:
    """One after the other; each finds its page before anything is damaged."""

    def damage(path: Path) -> None:
        whole = path.read_bytes()
        changed = bytearray(whole)
        for each in damages:
            path.write_bytes(whole)
            each(path)
            for place, (before, after) in enumerate(zip(whole, path.read_bytes(), strict=True)):
                if before != after:
                    changed[place] = after
        path.write_bytes(changed)

    return damage


def random_bytes(random: Random) -> Damage:
    """Some runs of random bytes over random pages but the first, of the file and of the log beside it. They
    begin where something is written: most of a small file is empty."""

    def damage(path: Path) -> None:
        log = path.with_name(f"{path.name}-wal")
        for file, first in ((path, PAGE), (log, 32)):
            content = file.read_bytes() if file.exists() else b""
            written = [place for place in range(first, len(content)) if content[place]]
            for _ in range(random.randint(1, 4) if written else 0):
                noise = random.randbytes(random.choice((1, 3, 40, 900)))
                overwrite(file, random.choice(written), noise)

    return damage


def overwrite(path: Path, place: int, data: bytes) -> None:
    """Write over what stands at a place, and no further than the file goes."""
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(place)
        file.write(data[: size - place])
