"""The keys of the catalogues: every text of the lab that is meant to be read, taken from its code."""

import ast
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import cast

import typer
from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po, write_po

from branchlab import cli
from branchlab.language import Language, catalogue_of, speaking
from branchlab.verbs import key_of

ROOT = Path(__file__).resolve().parents[2]
LAB = ROOT / "branchlab"
LANGUAGE: Language = "pt-BR"
KEYS_OF = {"_": 1, "N_": 1, "deferred": 1, "counted": 2, "tables": 1}
"""The functions that take keys, and how many of their arguments are some."""

Key = str | tuple[str, ...]
"""A text, or the text for one and that for more."""


def modules() -> list[Path]:
    """Every module of the lab, without its tests."""
    return sorted(path for path in LAB.rglob("*.py") if "tests" not in path.relative_to(LAB).parts)


def extracted() -> dict[Key, list[str]]:
    """Each key → the files that it stands in. Help texts of verbs need no mark: the command line has them."""
    found: dict[Key, list[str]] = {}
    for path in modules():
        for key in keys_in(ast.parse(path.read_text(encoding="utf-8"))):
            found.setdefault(key, []).append(str(path.relative_to(ROOT)))
    for text in helps():
        found.setdefault(text, []).append("branchlab/cli.py")
    return found


def keys_in(module: ast.Module) -> Iterator[Key]:
    """The keys in one module. Babel's own extraction reads tokens, and takes two texts of an `if` for one."""
    for call, keys in calls_in(module):
        if _function(call) == "counted":
            yield keys[0], keys[1]
        else:
            yield from keys


def calls_in(module: ast.Module) -> Iterator[tuple[ast.Call, list[str]]]:
    """Every call that takes keys, with its keys. One that gets its key as a value has none."""
    for call in ast.walk(module):
        if isinstance(call, ast.Call) and (many := KEYS_OF.get(_function(call))) is not None:
            keys = [key for each in call.args[:many] for key in _literals(each)]
            if keys:
                yield call, keys


def _function(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else ""


def _literals(expression: ast.expr) -> Iterator[str]:
    if isinstance(expression, ast.Constant) and isinstance(expression.value, str):
        yield expression.value
    elif isinstance(expression, ast.IfExp):
        yield from _literals(expression.body)
        yield from _literals(expression.orelse)
    elif isinstance(expression, ast.Dict):
        for value in expression.values:
            yield from (text for text in _literals(value) if text)


def helps() -> Iterator[str]:
    """The help of `./lab`, of each verb, and of each of their options."""
    with speaking("en"):
        group = typer.main.get_group(cli.app)
        commands = (group, *group.commands.values())
    for command in commands:
        yield key_of(command.help)
        yield from (key for parameter in command.params if (key := key_of(getattr(parameter, "help", ""))))


def kept() -> Catalog:
    """The catalogue as it is in the tree."""
    with catalogue_of(LANGUAGE).open("rb") as file:
        return read_po(file)


def texts_of(message: Message) -> list[str]:
    """The translations of a key: one, or those for one and for more."""
    found = message.string
    return [found] if isinstance(found, str) else [str(each) for each in cast(Sequence[object], found)]


def update() -> None:
    """Writes the catalogue with the keys of the code: new ones without a translation, none that are gone."""
    wanted = Catalog(fuzzy=False)
    for key, files in sorted(extracted().items(), key=str):
        wanted.add(key, locations=[(file, 0) for file in dict.fromkeys(files)])
    place = catalogue_of(LANGUAGE)
    before = kept() if place.exists() else Catalog(locale="pt_BR", fuzzy=False)
    texts = {message.id: message.string for message in before if message.id}
    written = Catalog(locale="pt_BR", project="acme-branch-lab", header_comment=_HEADER, fuzzy=False)
    written.mime_headers = [("Plural-Forms", "nplurals=2; plural=(n != 1);")]
    for message in wanted:
        if message.id:
            nothing = ("", "") if isinstance(message.id, tuple) else ""
            written.add(message.id, texts.get(message.id, nothing), locations=message.locations, flags=())
    with place.open("wb") as file:
        write_po(file, written, width=110, omit_header=True, include_lineno=False)
    place.write_text(_HEADER + place.read_text(encoding="utf-8"), encoding="utf-8")


_HEADER = """\
# What the lab says, in Portuguese. `python -m tests.catalogues` brings its keys up to date with the code.
msgid ""
msgstr ""
"Language: pt_BR\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Plural-Forms: nplurals=2; plural=(n != 1);\\n"

"""
