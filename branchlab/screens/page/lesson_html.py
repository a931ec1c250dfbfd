"""What a log tells of a lesson, as HTML: its steps, what should be seen, and predictions beside results."""

from collections.abc import Mapping, Sequence
from html import escape

from branchlab.checking.timeline.lesson import LessonTold, Points, Prediction
from branchlab.checking.timeline.questions import Question
from branchlab.checking.timeline.timeline import Timeline
from branchlab.language import Language
from branchlab.screens.page.words import WORDS
from branchlab.teaching.lesson.comparing import (
    KINDS,
    Cells,
    named_orders,
    named_words,
    policy_words,
    seen_words,
    side_by_side,
    step_words,
)
from branchlab.teaching.lesson.facts import fact_words
from branchlab.teaching.lesson.words import WORDS as LESSON_WORDS

_PAPER = (300, 130)
_LAST_STEPS = 4


def progress(told: LessonTold, language: Language) -> str:
    """The last steps, the one under way at the end, and how many expectations were met so far."""
    rows = [
        f'<li{_now(place, told)} value="{step.number}">{escape(step_words(step, language))}</li>'
        for place, step in enumerate(told.steps)
    ][-_LAST_STEPS:]
    return f'<ol class="steps" data-testid="lesson-steps">{"".join(rows)}</ol>' + met(told, language)


def _now(place: int, told: LessonTold) -> str:
    return ' class="now" aria-current="step"' if place == len(told.steps) - 1 and not _is_over(told) else ""


def _is_over(told: LessonTold) -> bool:
    return "explain" in told.texts


def met(told: LessonTold, language: Language) -> str:
    """How many expectations were met of those judged so far."""
    if not told.expected:
        return ""
    held = sum(one.holds is True for one in told.expected)
    said = LESSON_WORDS[language].text("met").format(met=held, all=len(told.expected))
    kind = "PASS" if held == len(told.expected) else "FAIL"
    return f'<p class="met {kind}" data-testid="lesson-met">{escape(said)}</p>'


def results(timelines: Sequence[Timeline], language: Language) -> str:
    """Predictions beside theory and what was seen; then why it came so; then each expectation. The same
    scenario under several policies has them side by side."""
    told = [(one, one.lesson) for one in timelines if one.lesson is not None]
    if not told:
        return ""
    last = told[-1][1]
    words = LESSON_WORDS[language]
    parts = [_predictions(last, language)]
    if len(told) == 1:
        parts.append(met(last, language))
    why = last.said("explain", language)
    said = (
        f'<p class="why"><strong>{escape(words.text("explain"))}:</strong> {escape(why)}</p>' if why else ""
    )
    judged = _judged([lesson for _, lesson in told], [timeline.policy for timeline, _ in told], language)
    return "".join([*parts, said, judged])


def _judged(lessons: Sequence[LessonTold], policies: Sequence[str], language: Language) -> str:
    """What should be seen, step by step, with a column for each policy."""
    several = len(lessons) > 1
    heads = "".join(
        f'<th scope="col">{escape(policy_words(policy, language))}{met(lesson, language)}</th>'
        for lesson, policy in zip(lessons, policies, strict=True)
    )
    head = f"<thead><tr><td></td>{heads}</tr></thead>" if several else ""
    bodies = []
    for part in side_by_side(lessons):
        rows = []
        for fact, cells in part.rows:
            rows.append(_row(fact, cells, language))
            for named in [one for lesson in lessons for one in named_orders(lesson, part, fact)]:
                said = escape(named_words(named, language))
                rows.append(f'<tr><td class="{named[0]}" colspan="{len(lessons) + 1}">{said}</td></tr>')
        step = "" if part.step is None else escape(step_words(part.step, language))
        title = f'<tr><th scope="rowgroup" colspan="{len(lessons) + 1}">{step}</th></tr>'
        bodies.append(f"<tbody>{title}{''.join(rows)}</tbody>")
    caption = escape(WORDS[language]["lesson_expected"])
    kind = "of-twins" if several else "expected"
    return (
        f'<table class="{kind}" data-testid="lesson-expected"><caption>{caption}</caption>'
        f"{head}{''.join(bodies)}</table>"
    )


def _row(fact: str, cells: Cells, language: Language) -> str:
    shown = []
    for one in cells:
        kind = "" if one is None else f' class="{KINDS[one.holds]}"'
        shown.append(f"<td{kind}>{escape(seen_words(one, language))}</td>")
    return f'<tr><th scope="row">{escape(fact_words(fact, language))}</th>{"".join(shown)}</tr>'


def _predictions(told: LessonTold, language: Language) -> str:
    words = WORDS[language]
    heads = "".join(
        f'<th scope="col">{escape(words[name])}</th>'
        for name in ("lesson_class", "lesson_theory", "lesson_seen")
    )
    rows = "".join(f"<tbody>{_prediction(one, language)}</tbody>" for one in told.predictions.values())
    caption = escape(words["lesson_predictions"])
    return (
        f'<table data-testid="lesson-results"><caption>{caption}</caption><thead><tr>{heads}</tr></thead>'
        f"{rows}</table>"
    )


def _prediction(one: Prediction, language: Language) -> str:
    result, words = one.result, LESSON_WORDS[language]
    if one.of == "choice":
        choices = one.choices.get(language, [])
        right = result.get("answer")
        seen = str(choices[right]) if isinstance(right, int) and right < len(choices) else "–"
        cells = [f"{sum(vote == right for vote in one.votes)} / {len(one.votes)}", "–", seen]
    else:
        observed = result.get("observed")
        seen = "–" if observed is None else f"{words.number(observed)} {words.unit(one.unit, observed)}"
        curve = result.get("curve_error")
        cells = [
            _with_error(result.get("predicted"), result.get("class_error"), language),
            _with_error(result.get("theory"), result.get("theory_error"), language),
            seen,
        ]
        if curve is not None:
            cells[0] += " · " + WORDS[language]["lesson_curve"].format(error=words.number(curve))
    said = "".join(f"<td>{escape(cell)}</td>" for cell in cells)
    question = escape(one.question[language])
    return f'<tr><th colspan="3" scope="rowgroup">{question}</th></tr><tr>{said}</tr>'


def _with_error(value: float | None, error: float | None, language: Language) -> str:
    words = LESSON_WORDS[language]
    if value is None:
        return "–"
    off = "" if error is None else " " + WORDS[language]["lesson_off"].format(error=words.number(error))
    return words.number(value) + off


def tally(asked: Question, language: Language) -> str:
    """How many voted for each choice, as bars; empty for a question without choices."""
    if not asked.choices:
        return ""
    most = max([1, *asked.tally])
    rows = "".join(
        f"<span>{escape(choice)}</span><span class='fill' style='width:{100 * votes / most:.0f}%'></span>"
        f"<span>{votes}</span>"
        for choice, votes in zip(asked.choices_said(language), asked.tally, strict=True)
    )
    return f"<div class='votes'>{rows}</div>"


def paper(points: Points, top: float, words: Mapping[str, str]) -> str:
    """The paper that a class draws on, with its line so far."""
    (wide, high), left, foot = _PAPER, 48, 26
    seconds = points[-1][0] or 1.0
    path = " L".join(
        f"{left + (wide - left - 10) * at / seconds:.1f}"
        f" {high - foot - (high - foot - 10) * min(value, top) / top:.1f}"
        for at, value in points
    )
    label = escape(words["lesson_paper"])
    return (
        f'<svg class="paper" viewBox="0 0 {wide} {high}" role="img" aria-label="{label}">'
        f'<path class="axes" d="M{left} 10V{high - foot}H{wide - 10}"/>'
        f'<text x="{left - 4}" y="20" text-anchor="end">{top:g}</text>'
        f'<text x="{left - 4}" y="{high - foot}" text-anchor="end">0</text>'
        f'<text x="{wide - 10}" y="{high - 6}" text-anchor="end">{seconds:g} s</text>'
        f'<path class="drawn" d="M{path}"/></svg>'
    )
