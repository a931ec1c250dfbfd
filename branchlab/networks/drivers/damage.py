"""Ruins an SQLite file as a failing disk would: `python damage.py DATABASE`. Standard library only, since it
also runs inside a container, beside a node."""

import sys
from pathlib import Path

_PAGE = 4096
_WAL_HEADER = 32
_NOISE = b"\xa5"


def damage(database: Path) -> None:
    """Overwrites all but the first page of the database, and all of its WAL but the header. The program that
    has it open is not told."""
    for file, kept in ((database, _PAGE), (database.with_name(f"{database.name}-wal"), _WAL_HEADER)):
        if file.exists() and (size := file.stat().st_size) > kept:
            with file.open("r+b") as spoilt:
                spoilt.seek(kept)
                spoilt.write(_NOISE * (size - kept))


if __name__ == "__main__":
    damage(Path(sys.argv[1]))
