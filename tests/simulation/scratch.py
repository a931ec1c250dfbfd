"""Where histories keep the files that are thrown away when they end."""

import os
from pathlib import Path

_MEMORY = Path("/dev/shm")  # noqa: S108  # a folder of its own is made in it


def memory() -> Path | None:
    """The folder that `./lab` gives its proofs and removes with them, else a file system in memory; None
    where there is neither."""
    if given := os.environ.get("LAB_MEMORY"):
        return Path(given)
    return _MEMORY if _MEMORY.is_dir() else None
