"""`./lab lesson`: the whole lesson or a part of it, each scenario predicted, observed and explained."""

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from branchlab import settings
from branchlab.checking.run import RunOutcome, closing_line, exit_code_of
from branchlab.checking.runlog import read_records
from branchlab.checking.runs import shown_path
from branchlab.checking.timeline.timeline import timeline_of
from branchlab.console import out, show, working
from branchlab.errors import LabError
from branchlab.language import Language, _
from branchlab.options import Lang
from branchlab.teaching.lesson.ballot import Ballot, Vote, read_votes
from branchlab.teaching.lesson.comparing import table_lines
from branchlab.teaching.lesson.loader import Loaded, load_all
from branchlab.teaching.lesson.model import Predict
from branchlab.teaching.lesson.player import FAST, Performance
from branchlab.teaching.lesson.session import Session
from branchlab.teaching.lesson.words import WORDS, LessonWords
from branchlab.teaching.report.command import spoken, write_report

DIRECTORY = settings.ROOT / "build" / "lesson"
_CLASS = "class"  # the one voter at a terminal


def lesson(
    only: Annotated[
        list[str] | None, typer.Argument(metavar="[S0 S2 …]", help="Some of its scenarios; all without.")
    ] = None,
    *,
    unattended: Annotated[bool, typer.Option("--unattended", help="Ask for no predictions.")] = False,
    fast: Annotated[bool, typer.Option("--fast", help="Shorten what goes by time; for tests.")] = False,
    votes: Annotated[Path | None, typer.Option(help="Predictions of a class, as JSON.")] = None,
    driver: Annotated[str, typer.Option(help="process, compose or auto, for its networks.")] = "process",
    lang: Lang = None,
    directory: Annotated[Path, typer.Option(help="Where run logs and the report go.")] = DIRECTORY,
) -> None:
    """Play the lesson on networks of its own: predict, observe, explain; exit 0 when all was seen that should
    be, 1 when not, 2 when that could not be judged."""
    language = spoken(lang)
    words = WORDS[language]
    chosen = _chosen(load_all(), only or [])
    given = read_votes(votes) if votes is not None else {}
    outcomes: list[RunOutcome] = []
    with Session(chosen, driver, directory) as session:
        for loaded in chosen:
            ballot = _ballot(loaded, given.get(loaded.lesson.id, []))
            out.print()
            show(head_lines(loaded, language))
            for place, predict in enumerate(loaded.lesson.predict):
                show(question_lines(predict, language))
                if not unattended and not given and sys.stdin.isatty():
                    _ask(ballot, place, words, input)
            performance = Performance(
                loaded, ballot, FAST if fast else 1.0, language, say=lambda line: show([line])
            )
            with working("…") as tell:
                played = session.play(performance, tell=tell)
            show(line for outcome in played for line in outcome.lines())
            show(_side_by_side(played, language))
            outcomes += played
    write_report([outcome.log for outcome in outcomes], directory / "report.html", language)
    written = words.text("report").format(path=shown_path(directory / "report.html"))
    show(["", written, closing_line("LESSON", outcomes)])
    raise typer.Exit(exit_code_of(outcomes))


def _ballot(loaded: Loaded, given: Sequence[Mapping[str, Vote]]) -> Ballot:
    """The ballot of a scenario, with the votes of a file in it."""
    ballot = Ballot(loaded.lesson.predict)
    for place, by_voter in enumerate(given[: len(ballot.questions)]):
        for voter, vote in by_voter.items():
            ballot.cast(place, voter, vote)
    return ballot


def _side_by_side(played: Sequence[RunOutcome], language: Language) -> list[str]:
    """What was seen under each policy, where a scenario has several."""
    timelines = [timeline_of([*read_records(outcome.log)]) for outcome in played] if len(played) > 1 else []
    plays = [(one.policy, one.lesson) for one in timelines if one.lesson is not None]
    return ["", *table_lines(plays, language)] if plays else []


def _chosen(lessons: Sequence[Loaded], only: Sequence[str]) -> list[Loaded]:
    """Those asked for by number (`s2`) or whole id, in the lesson's order. LabError for others."""
    ids = {one.lesson.id: one for one in lessons}
    wanted: set[str] = set()
    for word in only:
        found = [name for name in ids if word.lower() in (name, name.partition("-")[0])]
        if not found:
            raise LabError(_("the lesson has no '{word}'; it has {known}", word=word, known=", ".join(ids)))
        wanted.update(found)
    return [one for name, one in ids.items() if not only or name in wanted]


def head_lines(loaded: Loaded, language: Language) -> list[str]:
    """What a scenario is called, and what it holds to be true."""
    lesson, words = loaded.lesson, WORDS[language]
    return [
        f"{lesson.id[:2].upper()} · {lesson.title.said(language)} ({lesson.minutes} {words.text('minutes')})",
        f"  {words.text('hypothesis')}: {lesson.hypothesis.said(language)}",
    ]


def question_lines(predict: Predict, language: Language) -> list[str]:
    """A question and its answers to choose from."""
    lines = [f"  {WORDS[language].text('question')}: {predict.question.said(language)}"]
    if predict.choices is not None:
        lines += [f"    {place}) {one}" for place, one in enumerate(predict.choices.said(language), start=1)]
    return lines


def _ask(ballot: Ballot, place: int, words: LessonWords, read: Callable[[str], str]) -> None:
    """Asks at the terminal until there is an answer, or none is wanted."""
    kind = ballot.questions[place].kind
    while text := read(f"    {words.prompt(kind)}").strip():
        try:
            number = float(text.replace(",", "."))
            ballot.cast(place, _CLASS, int(number) - 1 if kind == "choice" else number)
        except (ValueError, LabError):
            show([f"    {words.text('no_number')}"])
        else:
            return
