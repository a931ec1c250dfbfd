"""The class: what its phones are shown, and its votes."""

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

from branchlab.checking.timeline.questions import Question
from branchlab.language import Language, tables
from branchlab.screens.lesson.course import Course
from branchlab.screens.live.room import LiveRoom
from branchlab.screens.page.map_svg import is_stale, pending_on, state_of
from branchlab.screens.page.words import WORDS, clock, short
from branchlab.screens.replay import Replay
from branchlab.screens.source import Source

MOST_CHOICES = 8
MOST_LETTERS = 200


class Hall:
    """Asks the class and takes its votes, into the room's log. A recorded run is only looked at. `url` is
    where phones find its page; None where it has none. While the lesson of the room plays a scenario, phones
    see that."""

    def __init__(
        self, source: LiveRoom | Replay, url: str | None = None, course: Course | None = None
    ) -> None:
        self._source = source
        self._course = course
        self.url = url

    @property
    def question(self) -> Question | None:
        """The newest question."""
        questions = self._source.timeline.questions
        return questions[max(questions)] if questions else None

    @property
    def is_open(self) -> bool:
        """Whether a question waits for votes."""
        return self.question is not None and self.question.closed is None

    def ask(self, text: str, choices: list[str]) -> None:
        """Opens the vote on a question; one that was open is closed first."""
        if isinstance(self._source, LiveRoom):
            self.close()
            shown = [choice[:MOST_LETTERS] for choice in choices[:MOST_CHOICES]]
            self._source.log.question(text[:MOST_LETTERS], shown)

    def close(self) -> None:
        """Ends the vote."""
        if isinstance(self._source, LiveRoom) and self.question is not None and self.is_open:
            self._source.log.question_closed(self.question.id)

    def vote(self, voter: str, question: int, said: object) -> bool:
        """Takes a vote. False when that question takes none, or when this is no answer to it."""
        asked = self.question
        takes = (
            isinstance(self._source, LiveRoom) and asked is not None and asked.id == question and self.is_open
        )
        if not takes or asked is None or (vote := asked.vote_of(said)) is None:
            return False
        if asked.votes.get(voter) != vote:
            assert isinstance(self._source, LiveRoom), "only a live room takes votes"
            self._source.log.vote(question, voter, vote)
        return True

    def shown(self, language: Language, voter: str) -> Mapping[str, Any]:
        """What a phone shows now. What nobody knows is said so."""
        play = self._course.play if self._course is not None else None
        source: Source = play if play is not None and play.timeline.nodes else self._source
        words = WORDS[language]
        timeline, now = source.timeline, source.now
        opinion, asked = timeline.opinion, self.question
        nodes = [
            {
                "name": short(name),
                "state": state_of(view, now).removeprefix("state_"),
                "said": words[state_of(view, now)],
                "waiting": _waiting(source, name, now),
                "fresh": not is_stale(view, now),
            }
            for name, view in timeline.nodes.items()
        ]
        result = "none" if opinion is None else opinion.result
        return {
            "clock": clock(now),
            "result": result,
            "verdict": words[f"verdict_{result}"],
            "nodes": nodes,
            "story": [line.said(language) for line in timeline.story[-6:][::-1]],
            "question": None
            if asked is None
            else {
                "id": asked.id,
                "text": asked.said(language),
                "choices": list(asked.choices_said(language)),
                "of": asked.of,
                "top": asked.top,
                "seconds": asked.seconds,
                "open": asked.closed is None,
                "mine": asked.votes.get(voter),
                "tally": asked.tally if asked.closed is not None else None,
            },
        }


def _waiting(source: Source, node: str, now: float) -> str:
    """How many events wait for a node, as far as anybody knows."""
    counts = [pending_on(source.timeline, link, now) for link in source.timeline.pending if link[1] == node]
    known = [count for count in counts if count is not None]
    if not known:
        return "?"
    return f"{sum(known):.0f}" + ("+?" if len(known) < len(counts) else "")


def page(language: Language) -> str:
    """The page itself; all that moves comes as JSON."""
    words = _WORDS[language]
    other = "en" if language == "pt-BR" else "pt"
    return _PAGE.format(
        language=language,
        other=other,
        other_name="English" if other == "en" else "Português",
        **{name: escape(text) for name, text in words.items()},
    )


_WORDS = tables(
    {
        "title": "The network, live",
        "branches": "Branches",
        "wait": "wait for it",
        "question": "Question",
        "number": "A number",
        "line": "The line that you draw",
        "send": "Send",
        "voted": "Your vote is noted; you may change it until the end.",
        "over": "Voting is over.",
        "story": "What just happened",
        "stale": "No contact with the room: what you see is old",
        "verdict": "Verdict",
    }
)

_PAGE = (Path(__file__).parent / "phone.html").read_text(encoding="utf-8")
