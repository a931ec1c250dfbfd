"""Every statement in the tree takes its parameters in a way that no Python warns of.

A numbered parameter (`?1`) given in a sequence warns on Python 3.12.0 to 3.12.3, and a named one (`:epoch`)
given in a sequence warns on every Python from 3.12 on. Both are told from the text alone, on any Python.
"""

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[4]
TREES = ("services/node", "services/plain", "branchlab", "loadtests", "tests")
STATEMENT = re.compile(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH|REPLACE)\s")
NUMBERED = re.compile(r"\?\d")
NAMED = re.compile(r"(?<![:\w]):[a-z_]+\b")
TAKING = {"execute", "executemany"}
IN_SEQUENCE = (ast.Tuple, ast.List)


def modules() -> list[Path]:
    return sorted(path for tree in TREES for path in (ROOT / tree).rglob("*.py"))


def text_of(node: ast.expr | None) -> str | None:
    """The fixed text of a string, one with fields included, or None for anything else."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            return "".join(text_of(part) or "…" for part in parts)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            found = (text_of(left), text_of(right))
            return None if found == (None, None) else "".join(text or "…" for text in found)
    return None


def statements(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Every text that is a statement, with its line."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Constant | ast.JoinedStr | ast.BinOp):
            continue
        text = text_of(node)
        if text is not None and STATEMENT.match(text):
            yield node.lineno, text


def named_texts(tree: ast.AST) -> Mapping[str, str]:
    """The texts that a module gives a name."""
    return {
        target.id: text
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and (text := text_of(node.value)) is not None
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def faults(source: str) -> list[str]:
    """A line for each statement of a module that some Python would warn of."""
    if not (NUMBERED.search(source) or ("execute" in source and NAMED.search(source))):
        return []  # most modules: reading them as Python takes far longer
    tree = ast.parse(source)
    found = [f"line {line}: {text}" for line, text in statements(tree) if NUMBERED.search(text)]
    names = named_texts(tree)
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(attr=verb), args=[statement, given, *_]) if verb in TAKING:
                text = names.get(statement.id) if isinstance(statement, ast.Name) else text_of(statement)
                if text is not None and isinstance(given, IN_SEQUENCE) and NAMED.search(text):
                    found.append(f"line {node.lineno}: {text}")
    return found


@pytest.mark.parametrize(
    "source",
    [
        'ask.execute("SELECT a FROM t WHERE b = ?1 OR c = ?1", (b,))',
        'ASK = f"""\n    SELECT {columns} FROM t WHERE b = ?1\n"""',
        'ask.execute("SELECT a FROM t" + " WHERE b = ?2", given)',
        'ask.execute("SELECT a FROM t WHERE b = :b", (b,))',
        'ASK = "SELECT a FROM t WHERE b = :b"\nask.execute(ASK, [b])',
    ],
)
def test_what_some_python_warns_of_is_found(source: str) -> None:
    assert len(faults(source)) == 1


@pytest.mark.parametrize(
    "source",
    [
        'ask.execute("SELECT a FROM t WHERE b = ?", (b,))',
        'ask.execute("SELECT a FROM t WHERE b = :b", {"b": b})',
        "ask.execute(\"SELECT a FROM t WHERE b = 'x::y' AND c = ?\", (b,))",
        'say("is it ?1")',
    ],
)
def test_what_no_python_warns_of_is_let_be(source: str) -> None:
    assert faults(source) == []


def test_no_statement_takes_its_parameters_in_a_way_that_some_python_warns_of() -> None:
    here = Path(__file__).resolve()
    found = {
        str(path.relative_to(ROOT)): wrong
        for path in modules()
        if path != here and (wrong := faults(path.read_text(encoding="utf-8")))
    }
    assert found == {}
