"""Every command that a document, a message or a comment names is there, as `./lab VERB` or `make TARGET`."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.main import get_command

from branchlab.cli import app
from branchlab.teaching.scenarios.registry import in_group

ROOT = Path(__file__).resolve().parents[1]
VERBS = get_command(app).commands  # type: ignore[attr-defined]  # a group, which has commands
# They name commands that are not there: the verb of a recipe, and what a test calls wrong.
_OF_THEIR_OWN = ("tests/recipes/", "tests/test_commands.py")

_QUOTED = r"(?:`|\$ |# )"  # how a command begins in a text, in a block for the terminal, in a comment
_LAB = re.compile(_QUOTED + r"\./lab ((?:[^`\n#]|\\\n)*)")
_MAKE = re.compile(_QUOTED + r"make ((?:[^`\n#]|\\\n)*)")
_ANY = {"NAME", "X"}  # they stand for every variable
_VARIABLE = re.compile(r"([A-Z][A-Z_]*)=")


def _texts() -> dict[str, str]:
    """PATH → text of every file that git knows, but for pictures."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    paths = [path for path in listed.stdout.split("\0") if path and not path.startswith(_OF_THEIR_OWN)]
    paths = [path for path in paths if not path.endswith(".png")]
    return {path: (ROOT / path).read_text("utf-8") for path in paths if (ROOT / path).is_file()}


@pytest.fixture(scope="module")
def texts() -> dict[str, str]:
    return _texts()


def _named(pattern: re.Pattern[str], texts: dict[str, str]) -> Iterator[tuple[str, list[str]]]:
    """Where a command is named, and its words."""
    for path, text in texts.items():
        for line in pattern.findall(text):
            yield path, line.split()


def _recipes() -> dict[str, str]:
    """TARGET → the lines that make it."""
    blocks = (ROOT / "Makefile").read_text("utf-8").split("\n\n")
    found = {}
    for block in blocks:
        for names in re.findall(r"^([a-z][a-z0-9 -]*):", block, re.MULTILINE):
            found.update(dict.fromkeys(names.split(), block))
    return found


def test_the_lab_is_called_by_its_wrapper(texts: dict[str, str]) -> None:
    assert [path for path, text in texts.items() if re.search(r"`lab[ `]", text)] == []


def test_every_verb_that_is_named_exists_with_its_options(texts: dict[str, str]) -> None:
    wrong = []
    for path, (verb, *others) in _named(_LAB, texts):
        if verb in ("--help", "VERB", "…"):
            continue
        command = VERBS.get(verb)
        options = (
            {option for one in command.params for option in (*one.opts, *one.secondary_opts)}
            if command
            else set()
        )
        named = {word.rstrip(".,;:)") for word in others if word.startswith("--")} - {"--help"}
        if command is None or not named <= options:
            wrong.append((path, verb, *sorted(named - options)))

    assert wrong == []


def test_every_target_that_is_named_exists_with_its_variables(texts: dict[str, str]) -> None:
    recipes = _recipes()
    everywhere = set(re.findall(r"^([A-Z]+) [?:]=", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    wrong = []
    for path, words in _named(_MAKE, texts):
        targets = [word for word in words if re.fullmatch(r"[a-z][a-z0-9-]*", word)]
        made = [recipes[target] for target in targets if target in recipes]
        unknown = [target for target in targets if target not in recipes]
        variables = {match[1] for word in words if (match := _VARIABLE.match(word))} - everywhere - _ANY
        unused = [name for name in variables if not any(f"({name}" in recipe for recipe in made)]
        if unknown or unused:
            wrong.append((path, *words))

    assert wrong == []


def test_every_scenario_that_is_named_exists(texts: dict[str, str]) -> None:
    named = {name for text in texts.values() for name in re.findall(r"make run SCENARIO=([a-z-]+)", text)}
    assert named
    assert named <= {scenario.name for scenario in in_group("all")}
