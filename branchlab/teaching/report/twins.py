"""The plays of one scenario under several policies as one table: each thing that should be seen, with a
column for each policy."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import groupby
from typing import Any

from markupsafe import Markup

from branchlab.checking.runlog import Record
from branchlab.checking.timeline.lesson import Expected, LessonTold
from branchlab.checking.timeline.timeline import Timeline
from branchlab.language import LANGUAGES, Language
from branchlab.teaching.lesson.comparing import (
    KINDS,
    Part,
    named_orders,
    named_words,
    policy_words,
    side_by_side,
    step_words,
    unmarked_words,
)
from branchlab.teaching.lesson.facts import fact_words

Both = Callable[[object, object], Markup]
"""A text in both languages, of which the page shows one."""


def twins_of(runs: Sequence[tuple[Sequence[Record], Timeline]]) -> Mapping[int, Sequence[Timeline]]:
    """PLACE of a scenario's last run → the timelines of all its plays, for each scenario of the lesson whose
    runs follow each other, each under another policy. A run comes with its timeline."""
    found: dict[int, Sequence[Timeline]] = {}
    for _, group in groupby(enumerate(runs), key=lambda one: str(one[1][0][0]["what"])):
        plays = [*group]
        lessons = [timeline for _, (_, timeline) in plays if timeline.lesson is not None]
        if len({one.policy for one in lessons}) == len(plays) > 1:
            found[plays[-1][0]] = lessons
    return found


def table(timelines: Sequence[Timeline], both: Both) -> dict[str, Any]:
    """For the template: the policies, and the parts of the table with their rows."""

    def said(words: Callable[[Language], str]) -> Markup:
        return both(*(words(language) for language in LANGUAGES))

    def cell(one: Expected | None) -> dict[str, Any]:
        mark = "" if one is None else KINDS[one.holds]
        return {"mark": mark, "said": said(partial(unmarked_words, one))}

    def part(one: Part, lessons: Sequence[LessonTold]) -> dict[str, Any]:
        step = one.step
        return {
            "step": "" if step is None else said(partial(step_words, step)),
            "rows": [
                {
                    "fact": said(partial(fact_words, fact)),
                    "cells": [cell(seen) for seen in cells],
                    "named": [
                        said(partial(named_words, named))
                        for told in lessons
                        for named in named_orders(told, one, fact)
                    ],
                }
                for fact, cells in one.rows
            ],
        }

    lessons = [one.lesson for one in timelines if one.lesson is not None]
    return {
        "policies": [policy(one.policy, both) for one in timelines],
        "parts": [part(one, lessons) for one in side_by_side(lessons)],
    }


def policy(name: str, both: Both) -> Markup:
    """How a network sells, in both languages."""
    return both(*(policy_words(name, language) for language in LANGUAGES))
