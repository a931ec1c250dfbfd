"""Every text that the lab shows is in a catalogue, but for those that are listed here with the reason."""

import ast

import pytest

from tests.catalogues.exempt import EXEMPT
from tests.catalogues.extraction import ROOT, modules
from tests.catalogues.prose import Text, texts_in

PATHS = [str(path.relative_to(ROOT)) for path in modules()]


def uncatalogued(path: str) -> list[Text]:
    known = EXEMPT.get(path, {})
    module = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return [text for text in texts_in(module) if not any(words in text.words for words in known)]


@pytest.mark.parametrize("path", PATHS)
def test_every_text_is_in_a_catalogue(path: str) -> None:
    assert uncatalogued(path) == []


@pytest.mark.parametrize("path", sorted(EXEMPT))
def test_what_is_exempt_is_still_there(path: str) -> None:
    texts = [*texts_in(ast.parse((ROOT / path).read_text(encoding="utf-8")))]
    assert [words for words in EXEMPT[path] if not any(words in text.words for text in texts)] == []


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ('out.print("every node is ready")', ["every node is ready"]),
        ('raise LabError(f"{name} hangs")', ["{} hangs"]),
        ('tell("starting")', ["starting"]),
        ('out.print(_("every node is ready"))', []),
        ('counted("{n} fault here", "{n} faults here", n)', []),
        ('_("{why} there", why="no room left")', ["no room left"]),
        ('"""What a module says."""', []),
        ('assert x, "it is a task"', []),
        ('typer.Option(help="How long it takes.")', []),
        ('{"running", "paused"}', []),
    ],
)
def test_a_text_is_told_from_a_word_of_the_code(code: str, found: list[str]) -> None:
    assert [text.words for text in texts_in(ast.parse(code))] == found
