"""The rooms of the lab: each has its line in the documents and its docstring."""

import ast
from pathlib import Path

import pytest

from lab import settings

LAB = settings.ROOT / "lab"
ROOMS = sorted(path.parent for path in LAB.glob("*/__init__.py") if path.parent.name != "tests")


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.name)
def test_every_room_has_a_line_in_the_architecture_and_a_docstring(room: Path) -> None:
    architecture = (settings.ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    assert architecture.count(f"\n| `lab/{room.name}/` | ") == 1
    assert ast.get_docstring(ast.parse((room / "__init__.py").read_text(encoding="utf-8")))


def test_the_architecture_names_no_room_of_the_lab_that_is_not_there() -> None:
    architecture = (settings.ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    named = {line.split("`")[1] for line in architecture.splitlines() if line.startswith("| `lab/")}
    assert named == {"lab/", *(f"lab/{room.name}/" for room in ROOMS)}
