"""Both languages of the demonstration say the same things."""

from collections.abc import Iterator, Mapping
from dataclasses import fields
from string import Formatter

import pytest

from branchlab.teaching.demo.words import ENGLISH, PORTUGUESE, Words


def texts(words: Words) -> Iterator[tuple[str, str]]:
    """(name, text) of every text there is, those in tables too."""
    for field in fields(words):
        value = getattr(words, field.name)
        if isinstance(value, str):
            yield field.name, value
        elif isinstance(value, Mapping):
            for key, text in value.items():
                yield f"{field.name}[{key}]", text


PAIRS = [(name, text, dict(texts(ENGLISH))[name]) for name, text in texts(PORTUGUESE) if name != "language"]


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def test_both_languages_have_the_same_texts() -> None:
    assert [name for name, _ in texts(PORTUGUESE)] == [name for name, _ in texts(ENGLISH)]


@pytest.mark.parametrize(("name", "portuguese", "english"), PAIRS)
def test_a_text_is_filled_in_with_the_same_things_in_both_languages(
    name: str, portuguese: str, english: str
) -> None:
    assert placeholders(portuguese) == placeholders(english), name


@pytest.mark.parametrize(("name", "portuguese", "english"), PAIRS)
def test_no_text_was_left_in_the_other_language(name: str, portuguese: str, english: str) -> None:
    assert portuguese.strip(), name
    assert portuguese != english, name


def test_numbers_and_money_are_written_as_each_language_does() -> None:
    assert PORTUGUESE.number(1234.56, decimals=1) == "1.234,6"
    assert ENGLISH.number(1234.56, decimals=1) == "1,234.6"
    assert PORTUGUESE.money(6557585) == "R$ 65.575,85"
