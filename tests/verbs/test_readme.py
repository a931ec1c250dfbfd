"""The README's walk prints what the README shows, with processes and with containers."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.verbs.conftest import DRIVERS
from tests.verbs.walk import NOT_PLAYED, PLAYED, READMES, Walk, plain, sections, walk_of


@pytest.fixture(params=DRIVERS)
def walk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Walk]:
    with walk_of(request.param, tmp_path / "copy") as walk:
        yield walk


def test_the_walk_prints_what_the_readme_shows(walk: Walk) -> None:
    found = sections(READMES[0].read_text(encoding="utf-8"))
    for section in PLAYED[walk.driver]:
        for step in found[section]:
            printed = walk.play(step)
            if step.shown:
                assert plain(printed) == plain(step.shown), f"{section}: $ {step.command}"


def test_every_section_with_commands_is_played_or_says_why_not() -> None:
    found = sections(READMES[0].read_text(encoding="utf-8"))
    assert found.keys() == {*PLAYED["process"], *PLAYED["compose"], *NOT_PLAYED}


def test_both_readmes_show_the_same_output() -> None:
    english, portuguese = (sections(path.read_text(encoding="utf-8")) for path in READMES)
    for heading, ours, theirs in zip(english, english.values(), portuguese.values(), strict=True):
        if heading in PLAYED["compose"]:
            assert [(step.command, step.shown) for step in ours] == [
                (step.command, step.shown) for step in theirs
            ]


@pytest.mark.parametrize(
    ("printed", "shown"),
    [
        ("matriz running · digest df965e2e", "matriz running · digest 0a0b0c0d"),
        (
            "  → filial-sul           6    11.8 s backing_off",
            "  → filial-sul           6     6.8 s backing_off",
        ),
        ("all   600   600   595   0   0 105 494 688", "all   600   600   595   0   0   9  44  99"),
        ("the order was won by matriz 200", "the order was won by matriz 143, filial-norte 57"),
        (
            "run log: build/run/runs/replay-20260302T142210-b7e1.jsonl",
            "run log: build/run/runs/replay-20261130T091122-0000.jsonl",
        ),
    ],
)
def test_what_honestly_varies_is_no_difference(printed: str, shown: str) -> None:
    assert plain([printed]) == plain([shown])


@pytest.mark.parametrize(
    ("printed", "shown"),
    [
        ("matriz running orders 4 · stock 73", "matriz running orders 4 · stock 74"),
        ("  → filial-sul           6", "  → filial-sul           7"),
        ("all 600 600 595 0 0 105 494 688", "all 600 600 600 0 0 105 494 688"),
        ("VERDICT PASS: 600 acknowledged, 0 lost", "VERDICT PASS: 600 acknowledged, 1 lost"),
        ("converged", "not converged"),
    ],
)
def test_any_other_number_or_word_is_a_difference(printed: str, shown: str) -> None:
    assert plain([printed]) != plain([shown])
