"""Finds texts that people would read and that are in no catalogue."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from tests.catalogues.extraction import KEYS_OF

# A value that is filled in counts as a word beside one of two letters or more.
_TWO_WORDS = re.compile(
    r"[^\W\d_][\w'}`)]*[,:;.…]? [({`'\"]*[^\W\d_]|\{\}[,:;)]? [^\W\d_]{2,}|[^\W\d_]{2,}[,:]? \{\}"
)
_LOOKS = "be"  # the looks of an element, by their names in a style sheet
_TAG = re.compile(r"<[^<>]*>")
_HELP_OF = ("Option", "Argument", "Verbs")  # their keys are taken from the command line itself
_SHOWS = ("LabError", "NotInTimeError", "note", "complain", "tell", "working", "Step", "say", "_say")
"""Functions whose first argument is shown: there one word is a text, too."""


@dataclass(frozen=True)
class Text:
    """A literal in the code, with `{}` where something is filled in."""

    line: int
    words: str


def texts_in(module: ast.Module) -> Iterator[Text]:
    """The literals of a module that read like a text and that no catalogue is asked for: two words or more,
    or a word that is given to what shows it. Docstrings and what an assert says are for developers."""
    yield from _Walk().texts(module)


class _Walk:
    def texts(self, node: ast.AST, *, shown: bool = False) -> Iterator[Text]:
        if isinstance(node, ast.Assert):
            return
        if isinstance(node, ast.JoinedStr):
            yield from self._judged(node.lineno, _written(node), shown=shown)
            for part in node.values:
                if isinstance(part, ast.FormattedValue):
                    yield from self.texts(part.value)
        elif isinstance(node, ast.Constant):
            if isinstance(node.value, str):
                yield from self._judged(node.lineno, node.value, shown=shown)
        elif isinstance(node, ast.Call):
            yield from self._of_call(node)
        else:
            for child in ast.iter_child_nodes(node):
                if not _is_docstring(child):
                    yield from self.texts(child)

    def _of_call(self, call: ast.Call) -> Iterator[Text]:
        name = _name(call.func)
        keys = KEYS_OF.get(name, 0)
        for place, argument in enumerate(call.args if name != _LOOKS else ()):
            if place >= keys or not isinstance(argument, ast.Constant | ast.IfExp | ast.Dict):
                yield from self.texts(argument, shown=name in _SHOWS and place == 0)
        for named in call.keywords:
            is_help = named.arg in ("help", "metavar") and name in _HELP_OF
            if not is_help and named.arg != "classes":
                yield from self.texts(named.value)
        yield from self.texts(call.func)

    def _judged(self, line: int, words: str, *, shown: bool) -> Iterator[Text]:
        plain = _TAG.sub("", words) if words.startswith("<") else words
        if _TWO_WORDS.search(plain) or (shown and re.search(r"[^\W\d_]{2}", plain)):
            yield Text(line, words)


def _written(node: ast.JoinedStr) -> str:
    return "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)


def _is_docstring(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _name(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""
