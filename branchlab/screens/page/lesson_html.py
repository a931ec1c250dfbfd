"""What a log tells of a lesson, as HTML: its steps, what should be seen, and predictions beside results."""

from collections.abc import Mapping, Sequence
from html import escape

from branchlab.checking.timeline.lesson import Expected, LessonTold, Points, Prediction
from branchlab.checking.timeline.timeline import Timeline
from branchlab.language import Language
from branchlab.screens.page.words import WORDS
from branchlab.teaching.lesson.words import WORDS as LESSON_WORDS

_PAPER = (300, 130)
_MARKS = {True: ("✓", "PASS"), False: ("✗", "FAIL"), None: ("?", "UNKNOWN")}
_LAST_STEPS = 4


def progress(told: LessonTold, language: Language) -> str:
    """The last steps, the one under way at the end, and how many expectations were met so far."""
    rows = [
        f'<li{_now(place, told)} value="{step.number}">{escape(step.said[language])}</li>'
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
    """Why it came so; then predictions beside theory and what was seen; then each expectation. The same
    scenario under several policies has a part for each."""
    told = [(one, one.lesson) for one in timelines if one.lesson is not None]
    if not told:
        return ""
    last = told[-1][1]
    words = LESSON_WORDS[language]
    parts = []
    parts.append(_predictions(last, language))
    for timeline, lesson in told:
        parts.append(_head(timeline, told) + met(lesson, language))
    if why := last.said("explain", language):
        parts.append(f'<p class="why"><strong>{escape(words.text("explain"))}:</strong> {escape(why)}</p>')
    for timeline, lesson in told:
        parts.append(_head(timeline, told) + _expectations(lesson.expected, language))
    return "".join(parts)


def _head(timeline: Timeline, told: Sequence[object]) -> str:
    """The policy, where there are several."""
    return f"<h3>{escape(timeline.policy)}</h3>" if len(told) > 1 else ""


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
        seen = "–" if observed is None else f"{words.number(observed)} {words.unit(one.unit)}"
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


def _expectations(expected: Sequence[Expected], language: Language) -> str:
    words = LESSON_WORDS[language]
    rows = []
    for one in expected:
        mark, kind = _MARKS[one.holds]
        seen = one.observed if isinstance(one.observed, str) else _number(one.observed, language)
        text = f"{one.that} = {str(seen)[:12]} ({words.expected(one.expected)})"
        rows.append(f'<li class="{kind}"><b>{mark}</b> {escape(text)}</li>')
    return f'<ul class="expected">{"".join(rows)}</ul>'


def _number(value: object, language: Language) -> str:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return LESSON_WORDS[language].number(float(str(value))) if is_number else str(value)


def paper(points: Points, top: float, words: Mapping[str, str]) -> str:
    """The paper that a class draws on, with its line so far."""
    wide, high = _PAPER
    seconds = points[-1][0] or 1.0
    path = " L".join(
        f"{40 + (wide - 50) * at / seconds:.1f} {high - 20 - (high - 30) * min(value, top) / top:.1f}"
        for at, value in points
    )
    label = escape(words["lesson_paper"])
    return (
        f'<svg class="paper" viewBox="0 0 {wide} {high}" role="img" aria-label="{label}">'
        f'<path class="axes" d="M40 10V{high - 20}H{wide - 10}"/>'
        f'<text x="36" y="16" text-anchor="end">{top:g}</text>'
        f'<text x="36" y="{high - 18}" text-anchor="end">0</text>'
        f'<text x="{wide - 10}" y="{high - 5}" text-anchor="end">{seconds:g} s</text>'
        f'<path class="drawn" d="M{path}"/></svg>'
    )
