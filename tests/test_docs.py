"""The documents say what is there: tests, files, make targets, problems; and both READMEs say the same."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from app.api.problems.words import PROBLEMS
from app.config import Settings
from branchlab.networks.network import DEFAULT_BASE_PORT, MOST_NODES

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
TWINS = [
    (ROOT / "README.md", ROOT / "README.pt-BR.md"),
    (ROOT / "docs/import.md", ROOT / "docs/import.pt-BR.md"),
]

_FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_TEST = re.compile(r"`([\w./-]+\.py)::(\w+)`")


def _prose(path: Path) -> str:
    """The document without its blocks of code."""
    return _FENCE.sub("", path.read_text(encoding="utf-8"))


def _headings(path: Path) -> list[str]:
    return re.findall(r"^#+ .*$", _prose(path), re.MULTILINE)


def _anchor(heading: str) -> str:
    """The fragment under which GitHub shows a heading."""
    words = re.sub(r"[^\w\s-]", "", heading.lstrip("#").strip().lower())
    return re.sub(r"\s", "-", words)


def _commands(path: Path) -> list[str]:
    """What a reader types: the lines after a `$` in blocks for the terminal, with what they go on in."""
    commands = []
    for language, block in _FENCE.findall(path.read_text(encoding="utf-8")):
        if language == "console":
            joined = block.replace("\\\n", "")
            commands += re.findall(r"^ *\$ (.*)$", joined, re.MULTILINE)
    return commands


@cache
def _functions(path: Path) -> frozenset[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    kinds = ast.FunctionDef | ast.AsyncFunctionDef
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, kinds))


def _make_targets() -> set[str]:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    return set(re.findall(r"^([a-z][a-z0-9-]*):", makefile, re.MULTILINE))


def test_every_test_that_a_document_names_exists() -> None:
    named = {name for path in DOCUMENTS for name in _TEST.findall(path.read_text(encoding="utf-8"))}
    missing = {
        f"{file}::{test}"
        for file, test in named
        if not (ROOT / file).is_file() or test not in _functions(ROOT / file)
    }

    assert set() == missing
    assert named, "the guarantees name the tests that show them"


def test_every_guarantee_names_a_test() -> None:
    text = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    table = text.partition("## Guarantees")[2].partition("\n### ")[0]
    rows = [line for line in table.splitlines() if line.startswith("|")][2:]

    assert [row for row in rows if not _TEST.search(row)] == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(path: Path) -> None:
    broken = []
    for link in _LINK.findall(_prose(path)):
        file, _, fragment = link.partition("#")
        target = (path.parent / file).resolve() if file else path
        if "://" in link:
            continue
        if not target.exists() or (fragment and fragment not in map(_anchor, _headings(target))):
            broken.append(link)

    assert broken == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_make_target_that_a_document_names_exists(path: Path) -> None:
    quoted = re.findall(r"`make ([a-z][a-z0-9-]*)", path.read_text(encoding="utf-8"))
    typed = re.findall(r"\bmake ([a-z][a-z0-9-]*)", "\n".join(_commands(path)))

    assert set() == {*quoted, *typed} - _make_targets()


@pytest.mark.parametrize("twins", TWINS, ids=lambda twins: twins[0].name)
def test_both_languages_have_the_same_sections_and_the_same_commands(twins: tuple[Path, Path]) -> None:
    english, portuguese = twins

    levels = [[len(heading) - len(heading.lstrip("#")) for heading in _headings(path)] for path in twins]
    assert levels[0] == levels[1]
    assert _commands(english) == _commands(portuguese)


def test_the_api_document_lists_every_problem_with_its_status() -> None:
    rows = re.findall(
        r"^\| (\d{3}) \| `(\w+)` \|", (ROOT / "docs/api.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    protocol = (ROOT / "docs/protocol.md").read_text(encoding="utf-8")
    between_nodes = PROBLEMS.keys() - {code for _, code in rows}

    assert set(rows) == {(str(PROBLEMS[code].status), code) for _, code in rows}
    assert set() == {code for code in between_nodes if f"`{code}`" not in protocol}


def test_the_port_table_is_the_labs() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")

    assert f"| {DEFAULT_BASE_PORT}–{DEFAULT_BASE_PORT + MOST_NODES - 1} |" in text


def test_every_setting_of_a_node_is_documented() -> None:
    text = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")

    assert [name for name in Settings.model_fields if f"`{name.upper()}`" not in text] == []
