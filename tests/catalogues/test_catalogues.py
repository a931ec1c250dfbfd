"""The Portuguese catalogue has every text of the lab, whole, and with the same things to fill in."""

import ast
from pathlib import Path
from string import Formatter

import pytest
from babel.messages.catalog import Message

from tests.catalogues.extraction import calls_in, extracted, kept, modules, texts_of

MESSAGES = [message for message in kept() if message.id]


def keys_of(message: Message) -> list[str]:
    return [message.id] if isinstance(message.id, str) else [*message.id]


def fields(text: str) -> set[tuple[str, str, str]]:
    """What is filled in: the name, how it is written, and how it is converted."""
    return {
        (name, written or "", converted or "")
        for _, name, written, converted in Formatter().parse(text)
        if name is not None
    }


def test_the_catalogue_has_the_keys_of_the_code_and_no_others() -> None:
    kept_keys = {message.id if isinstance(message.id, str) else tuple(message.id) for message in MESSAGES}
    assert set(extracted()) == kept_keys, "`python -m tests.catalogues` brings the catalogue up to date"


def test_every_text_is_translated_and_none_is_fuzzy() -> None:
    assert [message.id for message in MESSAGES if not all(texts_of(message)) or message.fuzzy] == []


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: str(message.id)[:40])
def test_a_translation_is_filled_in_with_the_same_things(message: Message) -> None:
    wanted = {field for key in keys_of(message) for field in fields(key)}
    for text in texts_of(message):
        assert fields(text) == wanted, text


@pytest.mark.parametrize("path", modules(), ids=lambda path: path.name)
def test_a_text_is_given_all_that_is_filled_in(path: Path) -> None:
    for call, keys in calls_in(ast.parse(path.read_text(encoding="utf-8"))):
        given = {named.arg for named in call.keywords}
        if None in given or not given:  # `**values`, or a text that is filled in elsewhere
            continue
        wanted = {name for key in keys for name, _, _ in fields(key)}
        assert wanted - {"n"} == given - {"n"}, ast.unparse(call)


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: str(message.id)[:40])
def test_spaces_at_the_ends_are_kept_and_lines_too(message: Message) -> None:
    for key, text in zip(keys_of(message), texts_of(message), strict=True):
        assert (text[:1].isspace(), text[-1:].isspace()) == (key[:1].isspace(), key[-1:].isspace())
        assert ("\n" in text) == ("\n" in key)
