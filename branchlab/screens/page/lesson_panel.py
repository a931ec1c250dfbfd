"""The lesson's part of a page: scenarios to choose from, the question to predict, the play, the results."""

from collections.abc import Callable
from functools import partial
from html import escape

from branchlab.checking.timeline.questions import Question
from branchlab.screens.lesson.course import BY_HAND, Course
from branchlab.screens.page.dialogs import phones_line
from branchlab.screens.page.elements import Picture, Tag, button, field, typed
from branchlab.screens.page.lesson_html import paper, progress, results, tally
from branchlab.screens.page.state import PageState
from branchlab.screens.source import Source
from branchlab.teaching.lesson.words import WORDS as LESSON_WORDS

_STROKES = 5
_PHASES = ("predict", "locked", "playing", "explained")


class LessonPanel:
    """Builds itself for where the class is; `refresh` sends what has changed in that."""

    def __init__(
        self, state: PageState, course: Course, press: Callable[[str], None], phones: str | None = None
    ) -> None:
        """`phones` is where phones find their page; None where they have none."""
        self._state = state
        self._phones = phones
        self._course = course
        self._press = press
        self._counted: Tag | None = None
        self._choices: list[Tag] = []
        self._picture: Picture | None = None
        self._waiting: Tag
        with Tag("section", classes="panel lesson-panel", aria_label=state.word("lesson"), tabindex="0"):
            if course.chosen is None:
                self._scenarios()
            else:
                self._scenario()
        self.refresh()

    def refresh(self) -> None:
        """Sends what has changed."""
        course, state = self._course, self._state
        if self._counted is not None and course.questions:
            asked = course.questions[-1]
            self._counted.text = state.word("votes", count=len(asked.votes))
            mine = asked.votes.get(BY_HAND)
            for place, shown in enumerate(self._choices):
                shown.attributes(aria_pressed=str(mine == place).lower())
        if self._picture is None or course.play is None:
            return
        if course.phase == "explained":
            self._picture.show(results(course.play.timelines, state.language))
        elif course.play.timeline.lesson is not None:
            self._waiting.text = ""
            self._picture.show(progress(course.play.timeline.lesson, state.language))

    def _scenarios(self) -> None:
        state = self._state
        Tag("h2", state.word("lesson_choose"))
        with Tag("ol", classes="scenarios"):
            for number, one in enumerate(self._course.lessons):
                lesson = one.lesson
                minutes = LESSON_WORDS[state.language].text("minutes")
                title = f"{lesson.id[:2].upper()} {lesson.title.said(state.language)}"
                said = f"{title} ({lesson.minutes} {minutes})"
                with Tag("li"):
                    button(said, partial(self._press, str(number)), key=str(number), test=f"lesson-{number}")

    def _scenario(self) -> None:
        course, state = self._course, self._state
        assert course.chosen is not None, "somebody chose it"
        lesson = course.chosen.lesson
        Tag(
            "h2", f"{lesson.id[:2].upper()} · {lesson.title.said(state.language)}", data_testid="lesson-title"
        )
        with Tag("ol", classes="phases"):
            for name in _PHASES:
                now = {"aria_current": "step"} if name == course.phase else {}
                Tag("li", state.word(f"phase_{name}"), **now)
        if course.phase == "predict":
            self._predict()
        elif course.phase == "locked":
            self._locked()
        elif course.trouble:
            Tag("p", state.word("lesson_trouble", why=course.trouble), classes="met FAIL")
        else:
            if course.phase == "playing":
                Tag("p", lesson.hypothesis.said(state.language), classes="hypothesis")
                self._waiting = Tag("p", state.word("lesson_starting"), classes="counted", role="status")
            self._picture = Picture(data_testid=f"lesson-{course.phase}")

    def _predict(self) -> None:
        course, state = self._course, self._state
        asked, predict = course.questions[-1], course.question
        assert predict is not None, "the class predicts"
        place = f"{course.place + 1}/{len(course.chosen.lesson.predict)}" if course.chosen else ""
        Tag("p", f"{place} {asked.said(state.language)}", classes="question", data_testid="lesson-question")
        if asked.of == "choice":
            self._choose(asked)
        elif asked.of == "curve":
            self._draw(asked)
        else:
            unit = LESSON_WORDS[state.language].unit(predict.unit)
            given = asked.votes.get(BY_HAND)
            shown = {} if given is None else {"value": f"{given}"}
            number = field(
                state.word("lesson_number", unit=unit),
                type="number",
                min="0",
                step="any",
                data_testid="lesson-number",
                data_takes_focus="1",
                **shown,
            )
            typed(number, self._number)
        with Tag("div", classes="voting"):
            self._counted = Tag("p", "", classes="counted", role="status", data_testid="lesson-votes")
            if self._phones is not None:
                phones_line(state, self._phones, lambda: self._press("x"))

    def _choose(self, asked: Question) -> None:
        with Tag("div", classes="choices"):
            for place, said in enumerate(asked.choices_said(self._state.language)):
                made = button(
                    said,
                    partial(self._press, str(place + 1)),
                    key=str(place + 1),
                    test=f"lesson-choice-{place}",
                    aria_pressed="false",
                )
                self._choices.append(made)

    def _draw(self, asked: Question) -> None:
        state, course = self._state, self._course
        given = asked.votes.get(BY_HAND)
        moments = [asked.seconds * part / _STROKES for part in range(_STROKES + 1)]
        values = dict.fromkeys(moments, 0.0)
        if isinstance(given, tuple):
            values.update(given)
        words = {"lesson_paper": state.word("lesson_paper")}
        drawing = Picture(paper(tuple(values.items()), asked.top, words))
        shown: dict[float, Tag] = {}
        strokes: dict[float, Tag] = {}

        def move(at: float, said: str) -> None:
            values[at] = float(said or 0)
            shown[at].text = f"{values[at]:g}"
            strokes[at].attributes(value=f"{values[at]:g}")
            course.predict(tuple(sorted(values.items())))
            drawing.show(paper(tuple(sorted(values.items())), asked.top, words))

        with Tag("div", classes="strokes"):
            for place, at in enumerate(moments[1:], start=1):
                with Tag("label"):
                    Tag("span", f"{at:.3g} s")
                    stroke = strokes[at] = Tag(
                        "input",
                        type="range",
                        min="0",
                        max=f"{asked.top:g}",
                        step=f"{asked.top / 40:g}",
                        value=f"{values[at]:g}",
                        aria_label=state.word("lesson_stroke", seconds=f"{at:.3g}"),
                        data_testid=f"lesson-stroke-{place}",
                        **({"data_takes_focus": "1"} if place == 1 else {}),
                    )
                    shown[at] = Tag("output", f"{values[at]:g}")
                typed(stroke, partial(move, at))

    def _number(self, said: str) -> None:
        try:
            self._course.predict(float(said.replace(",", ".")))
        except ValueError:
            return  # it is not whole yet

    def _locked(self) -> None:
        state, words = self._state, LESSON_WORDS[self._state.language]
        Tag("p", state.word("lesson_locked"), classes="question")
        rows = []
        for asked, middle in self._course.middles:
            if middle is None:
                said = state.word("lesson_none")
            elif asked.of == "choice":
                said = str(asked.choices_said(state.language)[int(middle)])
            else:
                said = words.number(middle)
            votes = state.word("votes", count=len(asked.votes))
            question = escape(asked.said(state.language))
            answer = f"{question} <strong>{escape(said)}</strong> ({escape(votes)})"
            rows.append(f"<li>{answer}{tally(asked, state.language)}</li>")
        Picture(f"<ol>{''.join(rows)}</ol>", data_testid="lesson-locked")


class ToldPanel:
    """The lesson of a recorded run, as its log tells it."""

    def __init__(self, state: PageState, source: Source) -> None:
        self._state = state
        self._source = source
        with Tag("section", classes="panel lesson-panel", aria_label=state.word("lesson"), tabindex="0"):
            self._title = Tag("h2", "", data_testid="lesson-title")
            self._picture = Picture(data_testid="lesson-told")
        self.refresh()

    def refresh(self) -> None:
        """Shows the lesson as it was at the moment shown."""
        lesson, language = self._source.timeline.lesson, self._state.language
        self._title.text = lesson.said("title", language) if lesson is not None else ""
        if lesson is None:
            self._picture.show("")
        elif "explain" in lesson.texts:
            self._picture.show(results([self._source.timeline], language))
        else:
            self._picture.show(progress(lesson, language))
