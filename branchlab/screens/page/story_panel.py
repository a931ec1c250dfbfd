"""What just happened, in plain words, with the question to the class and its votes above."""

from collections.abc import Callable
from html import escape

from branchlab.screens.page import dialogs
from branchlab.screens.page.elements import Picture, Tag, items
from branchlab.screens.page.lesson_html import tally
from branchlab.screens.page.state import PageState
from branchlab.screens.page.words import clock
from branchlab.screens.source import Source

_MOST_STORY = 40


class StoryPanel:
    """Builds itself, and says what is new."""

    def __init__(
        self, state: PageState, source: Source, hall: dialogs.Hall, press: Callable[[str], None]
    ) -> None:
        self._state = state
        self._source = source
        with Tag("section", classes="panel story-panel", aria_label=state.word("story")):
            Tag("h2", state.word("story"))
            if hall.url is not None:
                dialogs.phones_line(state, hall.url, lambda: press("x"))
            self._votes = Picture()
            self._story = Picture(classes="story")

    def refresh(self) -> None:
        """Sends what has changed."""
        language, timeline = self._state.language, self._source.timeline
        told = timeline.story[-_MOST_STORY:][::-1]
        self._story.show(f"<ol>{items([(clock(line.at), line.said(language)) for line in told])}</ol>")
        self._votes.show(self._votes_html())

    def _votes_html(self) -> str:
        questions, language = self._source.timeline.questions, self._state.language
        if not questions:
            return ""
        question = questions[max(questions)]
        return f"<strong>{escape(question.said(language))}</strong>{tally(question, language)}"
