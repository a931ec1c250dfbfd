"""In which language a person is answered."""

from dataclasses import dataclass
from typing import Literal

Language = Literal["en", "pt-BR"]


@dataclass(frozen=True)
class Words:
    """One text in both languages."""

    en: str
    pt: str

    def spoken(self, language: Language) -> str:
        return self.pt if language == "pt-BR" else self.en


def preferred(accept_language: str | None) -> Language:
    """The language an Accept-Language header prefers (RFC 9110, 12.5.4); English if it names neither.

    Any Portuguese counts as pt-BR. A range that is not understood is passed over, never an error.
    """
    if not accept_language:
        return "en"
    best: tuple[float, Language] = (0.0, "en")
    for part in accept_language.split(",")[:20]:
        tag, _, parameters = part.partition(";")
        language = _language(tag.strip().lower())
        quality = _quality(parameters)
        if language is not None and quality > best[0]:
            best = (quality, language)
    return best[1]


def _language(tag: str) -> Language | None:
    primary = tag.partition("-")[0]
    if primary == "pt":
        return "pt-BR"
    return "en" if primary in {"en", "*"} else None


def _quality(parameters: str) -> float:
    name, _, value = parameters.strip().partition("=")
    if name.strip().lower() != "q":
        return 1.0
    try:
        quality = float(value)
    except ValueError:
        return 0.0
    return quality if 0.0 <= quality <= 1.0 else 0.0
