"""The languages that people read here, which one this program speaks, and every text in it.

A text is written in English where it is used, as `_("{node} is ready", node=name)`. That text is the key of
the catalogue `locale/pt_BR/LC_MESSAGES/lab.po`. The catalogue is read as it is, so that a fresh clone needs
no step that compiles it; English reads none. Answers for programs (`--json`, run logs) stay in English.

Texts that are one in English and several in Portuguese end in a note that tells them apart and is not shown:
`_("unknown ## of a promise")`.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path
from string import Formatter
from typing import Any, Literal

Language = Literal["pt-BR", "en"]

LANGUAGES: Sequence[Language] = ("pt-BR", "en")
LOCALES = Path(__file__).parent / "locale"
VARIABLE = "LAB_LANG"

_BY_FIRST_LETTERS: Mapping[str, Language] = {"pt": "pt-BR", "en": "en"}
_DECIDING = (VARIABLE, "LC_ALL", "LC_MESSAGES", "LANG")  # the first that is set decides, as POSIX says
_OPTION = "--lang"
_NOTE = " ## "


def language_called(name: str) -> Language | None:
    """The language that a name such as `pt-BR`, `pt_BR.UTF-8` or `en` means, or None."""
    return _BY_FIRST_LETTERS.get(name[:2].lower())


def language_of(environment: Mapping[str, str]) -> Language:
    """The language of the environment: LAB_LANG, else its locale; English where that is none of ours."""
    names = (environment[name] for name in _DECIDING if environment.get(name))
    return language_called(next(names, "")) or "en"


def asked_for(arguments: Sequence[str], environment: Mapping[str, str]) -> str | None:
    """The name of the language that somebody asked for, by `--lang` or else LAB_LANG; None where nobody did.

    It is read before the command line is: its help is in that language, too.
    """
    words = list(arguments[: arguments.index("--")] if "--" in arguments else arguments)
    for place, word in enumerate(words):
        name, given, value = word.partition("=")
        if name == _OPTION:
            return value if given else next(iter(words[place + 1 :]), None)
    return environment.get(VARIABLE) or None


_chosen: list[Language] = []  # the last one counts


@contextmanager
def speaking(language: Language) -> Iterator[None]:
    """Lets the program speak that language while the block runs, whatever the environment says."""
    _chosen.append(language)
    try:
        yield
    finally:
        _chosen.pop()


def spoken() -> Language:
    """The language that this program speaks now."""
    return _chosen[-1] if _chosen else language_of(os.environ)


def _(text: str, /, **values: object) -> str:
    """The text in the language spoken, its `{…}` filled in with the values."""
    return _filled(_catalogue(spoken()).gettext(text), values)


def counted(one: str, more: str, n: int, /, **values: object) -> str:
    """The text for one or that for more, in the language spoken; `{n}` is how many."""
    return _filled(_catalogue(spoken()).ngettext(one, more, n), {"n": n, **values})


class Deferred(str):
    """A text in English, for a run log or a program, that `shown` puts into the language spoken."""

    texts: Sequence[str]  # parts of a list; none for a text of its own
    key: str
    values: Mapping[str, object]

    def said(self, language: Language) -> str:
        """The text in that language, whatever this program speaks."""
        with speaking(language):
            return shown(self)


def deferred(text: str, /, **values: object) -> Deferred:
    """The text in English, its `{…}` filled in, and not forgotten how it came about."""
    plain = _without_note(text)
    made = Deferred(plain.format(**values) if values else plain)
    made.texts, made.key, made.values = (), text, values
    return made


def joined(separator: str, texts: Sequence[str]) -> Deferred:
    """Several texts as one, with what stands between them."""
    made = Deferred(separator.join(texts))
    made.texts, made.key, made.values = tuple(texts), separator, {}
    return made


def shown(text: str) -> str:
    """A deferred text in the language spoken; any other text as it is."""
    if not isinstance(text, Deferred):
        return text
    if text.texts:
        return text.key.join(map(shown, text.texts))
    return _(text.key, **text.values)


def N_(text: str) -> str:  # noqa: N802 - gettext's own name
    """The text unchanged. It marks a key of the catalogue that `_` gets as a value: from a table, say."""
    return text


def said_in(language: Language, error: Exception) -> str:
    """What an error says, in that language where it came about as a text that can be said in others."""
    with speaking(language):
        return str(_told(error))


class Table(Mapping[str, str]):
    """NAME → its text, in one language. The catalogue is read when a text is first asked for."""

    def __init__(self, language: Language, texts: Mapping[str, str]) -> None:
        self._language = language
        self._texts = texts

    def __getitem__(self, name: str) -> str:
        text = self._texts[name]
        return _without_note(_catalogue(self._language).gettext(text)) if text else ""

    def __iter__(self) -> Iterator[str]:
        return iter(self._texts)

    def __len__(self) -> int:
        return len(self._texts)


def tables(texts: Mapping[str, str]) -> Mapping[Language, Mapping[str, str]]:
    """LANGUAGE → NAME → the text, for pages that have a language of their own. The texts given are keys of
    the catalogue."""
    return {language: Table(language, texts) for language in LANGUAGES}


def number(value: float, *, decimals: int = 0, grouped: bool = False) -> str:
    """As people of the language write it: 1234,5 or 1234.5, grouped 1.234,5 or 1,234.5."""
    return localised(f"{value:{',' if grouped else ''}.{decimals}f}", spoken())


def localised(written: str, language: Language) -> str:
    """A number as Python writes it, such as 1,234.5, with the signs of that language."""
    return written if language == "en" else written.translate(_signs(language))


def money(cents: int) -> str:
    """An amount of reais."""
    return f"R$ {number(cents / 100, decimals=2, grouped=True)}"


def moment(at: datetime) -> str:
    """A date with its time to the minute: 30/11/2026 13:40. English has it as ISO 8601: 2026-11-30 13:40."""
    if spoken() == "en":
        return f"{at:%Y-%m-%d %H:%M}"
    from babel.dates import format_date, format_time  # noqa: PLC0415 - as below

    day = format_date(at, "dd/MM/y", locale=_locale(spoken()))
    return f"{day} {format_time(at, 'short', locale=_locale(spoken()))}"


def span(seconds: float) -> str:
    """A length of time as people say it: 45 s, 29 min, 2 h, 1.5 h."""
    if round(seconds) < 60:
        return f"{seconds:.0f} s"
    if (minutes := round(seconds / 60)) < 60:
        return f"{minutes} min"
    return localised(f"{round(minutes / 60, 1):g} h", spoken())


class _Filling(Formatter):
    """`str.format` that writes numbers as people of the language do: `{seconds:.1f}` is 1,5 or 1.5."""

    def format_field(self, value: Any, format_spec: str) -> str:
        written = str(super().format_field(value, format_spec))
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return localised(written, spoken()) if is_number else written


_FILLING = _Filling()


def _without_note(text: str) -> str:
    return text.partition(_NOTE)[0]


def _filled(text: str, values: Mapping[str, object]) -> str:
    text = _without_note(text)
    if not values:
        return text
    return _FILLING.vformat(text, (), {name: _told(value) for name, value in values.items()})


def _told(value: object) -> object:
    """A value as it is filled in: of an error its message, which may be a deferred one."""
    if isinstance(value, Exception) and len(value.args) == 1:
        value = value.args[0]
    return shown(value) if isinstance(value, str) else value


# Babel costs a moment that a program which speaks English does not have to wait.
@cache
def _signs(language: Language) -> dict[int, str]:
    from babel.numbers import get_decimal_symbol, get_group_symbol  # noqa: PLC0415 - as above

    locale = _locale(language)
    return str.maketrans({",": get_group_symbol(locale), ".": get_decimal_symbol(locale)})


@cache
def _catalogue(language: Language) -> NullTranslations:
    if language == "en":
        return NullTranslations()  # the keys are English
    from babel.messages.mofile import write_mo  # noqa: PLC0415 - as above
    from babel.messages.pofile import read_po  # noqa: PLC0415 - as above

    compiled = BytesIO()
    with catalogue_of(language).open("rb") as file:
        write_mo(compiled, read_po(file))
    compiled.seek(0)
    return GNUTranslations(compiled)


def catalogue_of(language: Language) -> Path:
    """The file with the texts of a language other than English."""
    return LOCALES / _locale(language) / "LC_MESSAGES" / "lab.po"


def _locale(language: Language) -> str:
    return language.replace("-", "_")
