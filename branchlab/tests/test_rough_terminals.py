"""Terminals of few characters: what the lab writes gets plainer there, and no character ends it."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from babel.messages.pofile import read_po
from rich.console import Console

from branchlab import console, terminal
from branchlab.language import catalogue_of
from branchlab.settings import ROOT
from branchlab.teaching.demo import chart
from branchlab.teaching.demo.chart import Axes, Point


def terminal_of(monkeypatch: pytest.MonkeyPatch, encoding: str) -> io.BytesIO:
    """Standard output as a terminal of that encoding gets it."""
    shown = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(shown, encoding=encoding, write_through=True))
    terminal.write_what_it_can()
    return shown


def texts_of(room: str) -> list[str]:
    """Every text of that room, in both languages."""
    with catalogue_of("pt-BR").open("rb") as file:
        found = [one for one in read_po(file) if any(place.startswith(room) for place, _ in one.locations)]
    return [text for one in found for text in (str(one.id), str(one.string))]


@pytest.mark.parametrize("encoding", ["ascii", "iso-8859-1", "cp850"])
def test_every_text_of_the_demonstration_can_be_shown(monkeypatch: pytest.MonkeyPatch, encoding: str) -> None:
    shown = terminal_of(monkeypatch, encoding)
    console.show(texts_of("branchlab/teaching/demo/"))
    points = [Point(seconds / 10, seconds if seconds % 7 else None) for seconds in range(100)]
    for line in chart.draw(points, Axes(span=10, selling_until=8, fault_until=8, rate=10)):
        console.out.print(line)
    text = shown.getvalue().decode(encoding)
    assert "?" not in text.replace("? =", "")
    assert "1/6 " in text


def test_what_the_terminal_knows_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = terminal_of(monkeypatch, "iso-8859-1")
    console.show(["Conferência: ação · 3 × 2 → ok…"])
    assert shown.getvalue().decode("iso-8859-1") == "Conferência: ação · 3 × 2 > ok...\n"


@pytest.mark.parametrize(
    ("character", "plain"),
    [("ç", "c"), ("→", ">"), ("█", "#"), ("╭", "+"), ("⠹", "*"), ("º", "o"), ("中", "?"), ("\udce9", "?")],
)
def test_a_character_becomes_its_nearest_plain_sign(character: str, plain: str) -> None:
    assert terminal.nearest(character) == plain


def test_a_chart_keeps_its_columns() -> None:
    drawn = chart.draw([Point(1, 5), Point(2, None)], Axes(span=4, selling_until=3, fault_until=3, rate=3))
    for line in drawn:
        assert len("".join(sign if sign.isascii() else terminal.nearest(sign) for sign in line.plain)) == len(
            line.plain
        )


def test_a_file_name_that_is_no_text_can_be_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = terminal_of(monkeypatch, "utf-8")
    console.show([str(Path(os.fsdecode(b"/tmp/caf\xe9")))])
    assert shown.getvalue() == b"/tmp/caf?\n"


def test_json_for_programs_says_everything_in_any_encoding(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = terminal_of(monkeypatch, "ascii")
    console.show_json({"name": "Café → 500 g"})
    assert json.loads(shown.getvalue()) == {"name": "Café → 500 g"}


def test_tables_are_drawn_in_plain_signs(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal_of(monkeypatch, "ascii")
    assert Console().options.ascii_only


@pytest.mark.whole
@pytest.mark.parametrize("encoding", ["ascii:strict", "iso-8859-1:strict", "utf-8:strict"])
def test_a_verb_and_its_mistakes_are_shown_in_that_encoding(encoding: str, tmp_path: Path) -> None:
    said = {"PYTHONIOENCODING": encoding, "LAB_RUN_DIR": str(tmp_path)}
    for arguments in (["--help"], ["load", "--help"], ["status"], ["runs"], ["run", "ação→\udce9"]):
        ended = subprocess.run(
            [sys.executable, "-m", "branchlab", *arguments],
            cwd=ROOT,
            env={**os.environ, **said},
            capture_output=True,
            check=False,
        )
        assert (b"Traceback" in ended.stderr, ended.returncode in (0, 2)) == (False, True), ended.stderr
        (ended.stdout + ended.stderr).decode(encoding.partition(":")[0])
