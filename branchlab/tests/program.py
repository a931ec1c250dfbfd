"""The lab's program, run in this process as a shell runs it."""

from pathlib import Path

import pytest

from branchlab.cli import main


def exit_code(*arguments: str) -> int:
    """The status with which the program ends; 0 where it gives none."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    return int(ended.value.code or 0)


def at_place(place: Path) -> list[str]:
    """The options by which a verb acts on the network of a folder."""
    return ["--run-dir", str(place / "run"), "--env-file", str(place / "env")]
