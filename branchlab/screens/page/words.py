"""The words of the pages: one table per language, with the same names in both."""

from collections.abc import Mapping

from branchlab.language import Language
from branchlab.screens.page.words_en import ENGLISH
from branchlab.screens.page.words_pt import PORTUGUESE

WORDS: Mapping[Language, Mapping[str, str]] = {"pt-BR": PORTUGUESE, "en": ENGLISH}
OTHER: Mapping[Language, Language] = {"pt-BR": "en", "en": "pt-BR"}


def clock(seconds: float) -> str:
    """A moment of a run: 01:44, or 1:02:03 after an hour."""
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02d}:{second:02d}" if hours else f"{minute:02d}:{second:02d}"


def short(node: str) -> str:
    """A node's name where there is little room: `sul` for `filial-sul`."""
    return node.removeprefix("filial-")
