"""The plan in the simulator's docstring is true: every module stands in it once, above all that it uses."""

import ast
import re
from pathlib import Path

import tests.simulation

HERE = Path(__file__).parent
_ROOM = re.compile(r"^    (\w+)/ ")
_MODULE = re.compile(r"^    (  )?(\w+) ")


def planned() -> list[str]:
    """The modules of the plan from top to bottom, as `module` or `room.module`."""
    assert tests.simulation.__doc__ is not None, "the plan is the docstring"
    found, room = [], ""
    for line in tests.simulation.__doc__.splitlines():
        if named := _ROOM.match(line):
            room = named[1]
        elif named := _MODULE.match(line):
            found.append(f"{room}.{named[2]}" if named[1] else named[2])
    return found


def modules() -> dict[str, Path]:
    """Every module but the tests and what makes a folder a package, by its name in the plan."""
    files = [path for path in HERE.rglob("*.py") if path.name not in ("__init__.py", "conftest.py")]
    names = {".".join(path.relative_to(HERE).with_suffix("").parts): path for path in files}
    return {name: path for name, path in names.items() if not path.name.startswith("test_")}


def used_by(path: Path) -> set[str]:
    """The modules of the simulator that a file imports, by their names in the plan."""
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    imports = [node for node in nodes if isinstance(node, ast.ImportFrom) and node.module]
    names = {f"{node.module}.{name.name}" for node in imports for name in node.names}
    names |= {str(node.module) for node in imports}
    return {name.removeprefix("tests.simulation.") for name in names} & modules().keys()


def test_every_module_stands_in_the_plan_once() -> None:
    assert sorted(planned()) == sorted(modules())


def test_every_room_uses_only_what_stands_below_it() -> None:
    """Within a room the order is the reader's; between rooms it is the order of the plan."""
    order = [name.partition(".")[0] for name in planned()]
    upward = [
        f"{name} uses {used}"
        for name, path in modules().items()
        for used in used_by(path)
        if order.index(used.partition(".")[0]) < order.index(name.partition(".")[0])
    ]

    assert upward == []
