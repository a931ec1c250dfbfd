"""The classroom's documents: both languages alike, their numbers true, and all their commands played."""

import re
from pathlib import Path

import pytest

from branchlab.teaching.lesson.loader import load_all
from tests.verbs.walk import Step, sections, walk_of

CLASSROOM = Path(__file__).resolve().parents[1] / "docs" / "classroom"
NAMES = ("teacher", "student", "slides", "quiz", "glossary")
SLOW = ("make lesson UNATTENDED=1",)  # five minutes: tests/cluster/test_lesson.py plays it, too


def text(name: str, language: str = "") -> str:
    return (CLASSROOM / f"{name}{language}.md").read_text(encoding="utf-8")


def commands(name: str, language: str = "") -> list[Step]:
    return [step for steps in sections(text(name, language)).values() for step in steps]


@pytest.mark.parametrize("name", NAMES)
def test_both_languages_have_the_same_parts_tables_and_commands(name: str) -> None:
    ours, theirs = text(name), text(name, ".pt-BR")
    for pattern in (r"^#+ ", r"^\|", r"^\d+\. ", r"^---$", r"^ +- [a-d]\)"):
        found = [len(re.findall(pattern, one, re.MULTILINE)) for one in (ours, theirs)]
        assert found[0] == found[1], pattern
    assert [step.command for step in commands(name)] == [step.command for step in commands(name, ".pt-BR")]


@pytest.mark.parametrize("language", ["", ".pt-BR"])
def test_the_guide_names_every_scenario_and_the_quiz_has_a_key_for_its_twelve_items(language: str) -> None:
    guide, quiz = text("teacher", language), text("quiz", language)
    for one in load_all():
        assert f"`{one.lesson.id[:2]}`" in guide
    assert re.findall(r"^(\d+)\. ", quiz, re.MULTILINE) == [str(number) for number in range(1, 13)]
    assert re.findall(r"^\| (\d+) \| [a-d] \|", quiz, re.MULTILINE) == [
        str(number) for number in range(1, 13)
    ]


def test_both_keys_are_the_same() -> None:
    keys = [re.findall(r"^\| \d+ \| ([a-d]) \|", text("quiz", one), re.MULTILINE) for one in ("", ".pt-BR")]
    assert keys[0] == keys[1]


def test_the_hour_of_the_guide_is_that_of_the_scenarios() -> None:
    minutes = re.findall(r"^\| (\d+)–(\d+) \| `(s\d)`", text("teacher"), re.MULTILINE)
    asked = {one.lesson.id[:2]: one.lesson.minutes for one in load_all()}
    assert {name: int(to) - int(since) for since, to, name in minutes} == asked


def parts() -> list[tuple[str, str]]:
    """(document, heading) of every part that has commands to be played. No part needs another one's."""
    return [
        (name, heading)
        for name in NAMES
        for heading, steps in sections(text(name)).items()
        if any(step.command not in SLOW for step in steps)
    ]


@pytest.mark.long
@pytest.mark.cluster
@pytest.mark.parametrize(("name", "heading"), parts())
def test_every_command_of_the_classroom_does_what_it_says(name: str, heading: str, tmp_path: Path) -> None:
    with walk_of("process", tmp_path / "copy") as walk:
        for step in sections(text(name))[heading]:
            if step.command not in SLOW:
                walk.play(step)
