"""The table of rooms in docs/architecture.md has one line for each folder with code, and for nothing else."""

import re
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
HOUSES = (
    "services/node/app",
    "services/node/migrations",
    "services/node/tests",
    "services/plain",
    "services/starter",
    "branchlab",
    "loadtests",
    "tests",
)
_ROW = re.compile(r"^\| `([\w./-]+)/` \| (\S.*) \|$", re.MULTILINE)


def _rooms() -> set[str]:
    """Every folder that has a Python module in it, as a path from the root."""
    modules = (module for house in HOUSES for module in (ROOT / house).glob("**/*.py"))
    return {str(module.parent.relative_to(ROOT)) for module in modules}


def _table() -> str:
    text = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    return text.partition("\n### Rooms\n")[2].partition("\n## ")[0]


def test_every_room_has_one_line_in_the_table() -> None:
    lines = Counter(room for room, _ in _ROW.findall(_table()))

    assert set() == _rooms() - lines.keys(), "these folders have no line in the table"
    assert set() == lines.keys() - _rooms(), "these lines have no folder"
    assert [room for room, count in lines.items() if count > 1] == [], "these rooms have several lines"


def test_every_line_of_the_table_is_a_room_and_what_it_is_for() -> None:
    lines = [line for line in _table().splitlines() if line.startswith("|")]

    assert lines[2:] == [line for line in lines if _ROW.fullmatch(line)]
