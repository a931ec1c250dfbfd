"""The language that is spoken: which one it is, and how texts, numbers, money and dates are written in it."""

from collections.abc import Mapping
from datetime import datetime

import pytest

from branchlab.cli import main
from branchlab.language import (
    Language,
    _,
    asked_for,
    counted,
    deferred,
    language_of,
    moment,
    money,
    number,
    shown,
    span,
    speaking,
    spoken,
    tables,
)
from branchlab.tests.program import exit_code


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({"LANG": "pt_BR.UTF-8"}, "pt-BR"),
        ({"LANG": "pt_BR.UTF-8", "LC_ALL": "C.UTF-8"}, "en"),
        ({"LANG": "pt_BR.UTF-8", "LC_ALL": ""}, "pt-BR"),
        ({"LANG": "C", "LC_MESSAGES": "pt_BR"}, "pt-BR"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
        ({"LC_ALL": "C", "LAB_LANG": "pt-BR"}, "pt-BR"),
        ({"LANG": "pt_BR.UTF-8", "LAB_LANG": "en"}, "en"),
        ({}, "en"),
    ],
)
def test_the_environment_names_a_language(environment: Mapping[str, str], language: Language) -> None:
    assert language_of(environment) == language


@pytest.mark.parametrize(
    ("arguments", "asked"),
    [
        (("status", "--lang", "en"), "en"),
        (("--lang=pt-BR", "status"), "pt-BR"),
        (("status",), "fr"),
        (("replay", "--", "--lang", "en"), "fr"),
        (("status", "--lang"), None),
    ],
)
def test_an_option_goes_before_the_variable(arguments: tuple[str, ...], asked: str | None) -> None:
    assert asked_for(arguments, {"LAB_LANG": "fr"}) == asked


def test_a_text_is_filled_in_in_the_language_spoken() -> None:
    why = "disk full"
    assert _("{why}; this user may not read or write there", why=why) == (
        "disk full; this user may not read or write there"
    )
    with speaking("pt-BR"):
        assert _("{why}; this user may not read or write there", why=why) == (
            "disk full; este usuário não pode ler nem gravar ali"
        )
    assert spoken() == "en"


def test_a_text_that_is_in_no_catalogue_stays_as_it_is() -> None:
    with speaking("pt-BR"):
        assert _("{n:.1f} s", n=1.5) == "1,5 s"
        assert counted("{n} of them", "{n} of these", 2) == "2 of these"


def test_texts_that_are_one_in_english_are_told_apart_by_a_note_that_is_not_shown() -> None:
    promise, orders = "unknown ## of a promise", "unknown"
    table = tables({"promise": promise, "orders": orders})
    assert (_(promise), deferred(promise), [*table["en"].values()]) == ("unknown", "unknown", ["unknown"] * 2)
    assert [*table["pt-BR"].values()] == ["desconhecida", "incertos"]
    with speaking("pt-BR"):
        assert (_(promise), _(orders), shown(deferred(promise))) == (
            "desconhecida",
            "incertos",
            "desconhecida",
        )


def test_braces_in_a_value_are_no_places_to_fill() -> None:
    assert _("{why}", why="a {brace}") == "a {brace}"


@pytest.mark.parametrize(
    ("language", "written"),
    [
        ("en", ["1234.5", "1,234", "R$ 65,575.85", "2026-11-30 13:05", "45 s", "29 min", "1.5 h"]),
        ("pt-BR", ["1234,5", "1.234", "R$ 65.575,85", "30/11/2026 13:05", "45 s", "29 min", "1,5 h"]),
    ],
)
def test_numbers_money_and_dates_are_written_as_people_of_the_language_do(
    language: Language, written: list[str]
) -> None:
    with speaking(language):
        assert [
            number(1234.5, decimals=1),
            number(1234, grouped=True),
            money(6557585),
            moment(datetime(2026, 11, 30, 13, 5)),  # noqa: DTZ001 - of this machine's clock
            span(45),
            span(29 * 60),
            span(90 * 60),
        ] == written


@pytest.mark.parametrize("arguments", [("--help",), ("up", "--help"), ("--lang=en", "up", "--help")])
def test_help_is_in_the_language_spoken(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    monkeypatch.setenv("LAB_LANG", "pt-BR")
    with pytest.raises(SystemExit):
        main(arguments)
    is_english = "--lang=en" in arguments
    shown = capsys.readouterr().out
    assert ("Usage: " in shown, "Options" in shown, "Show this message" in shown) == (is_english,) * 3
    assert ("Uso: " in shown, "Opções" in shown, "Mostra esta mensagem" in shown) == (not is_english,) * 3


def test_every_verb_takes_a_language(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code("runs", "--lang", "fr") == 2
    assert capsys.readouterr().err == "lab: there is no language 'fr' here; the languages are pt-BR, en\n"


@pytest.mark.parametrize(
    ("arguments", "english", "portuguese"),
    [
        (("stat",), "No such command 'stat'. Did you mean", "Não há comando 'stat'. Você quis dizer"),
        (("kill",), "Missing argument 'NODE'.", "Falta o argumento 'NODE'."),
        (("up", "--wat"), "No such option: --wat", "Não há opção --wat"),
        (("up", "there"), "Got unexpected extra argument(s) (there)", "Argumentos a mais: there"),
        (
            ("up", "--nodes"),
            "Option '--nodes' requires an argument.",
            "A opção '--nodes' precisa de um valor.",
        ),
        (("load", "--users", "0"), "greater than or equal to 1", "maior ou igual a 1"),
        (("load", "--users", "x"), "Invalid value for '--users'", "Valor inválido para '--users'"),
    ],
)
def test_what_was_typed_wrongly_is_said_in_the_language_spoken(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], english: str, portuguese: str
) -> None:
    for language, words in (("en", english), ("pt-BR", portuguese)):
        assert exit_code("--lang", language, *arguments) == 2
        assert words in " ".join(capsys.readouterr().err.replace("│", " ").split())
