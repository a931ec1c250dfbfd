"""Where the class is in the lesson: a scenario is chosen, predicted, locked, played, explained. Every page of
the room shows the same; votes are in the room's log like all others."""

import asyncio
import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Literal, Protocol

from branchlab.checking.runlog import RunLog
from branchlab.checking.timeline.lesson import Vote
from branchlab.checking.timeline.questions import Question
from branchlab.checking.timeline.timeline import Timeline
from branchlab.language import Language
from branchlab.screens.lesson.following import Play
from branchlab.screens.lesson.program import NOT_FOUND, Program
from branchlab.teaching.lesson.ballot import Ballot
from branchlab.teaching.lesson.loader import Loaded
from branchlab.teaching.lesson.model import Predict, Sell
from branchlab.teaching.lesson.player import FAST
from branchlab.teaching.lesson.theory import EVENTS_PER_ORDER
from branchlab.teaching.lesson.words import LEAST_SECONDS

Phase = Literal["choose", "predict", "locked", "playing", "explained"]
BY_HAND = "teacher"
"""The voter for what a teacher enters for a class that raises its hands."""
_ROUND = (1, 2, 4, 5, 8, 10)


class Room(Protocol):
    """The room, as far as the lesson needs it."""

    log: RunLog
    timeline: Timeline


class Course:
    """The lesson of one room. `version` changes with every change that pages must show."""

    def __init__(self, room: Room, lessons: Sequence[Loaded], program: Program, *, is_fast: bool = False):
        self.lessons = lessons
        self.phase: Phase = "choose"
        self.chosen: Loaded | None = None
        self.place = 0
        self.play: Play | None = None
        self.code: int | None = None
        self.trouble = ""
        self.version = 0
        self._room = room
        self._program = program
        self._scale = FAST if is_fast else 1.0
        self._asked: list[Question] = []
        self._task: asyncio.Task[None] | None = None

    @property
    def question(self) -> Predict | None:
        """What the class predicts now; None where it predicts nothing."""
        return self.chosen.lesson.predict[self.place] if self.chosen and self.phase == "predict" else None

    @property
    def twins(self) -> Sequence[str]:
        """The policies that are seen side by side; empty before a play, and for a scenario with one."""
        if self.chosen is None or self.phase not in ("playing", "explained"):
            return ()
        policies = self.chosen.lesson.policies
        return policies if len(policies) > 1 else ()

    @property
    def questions(self) -> list[Question]:
        """The questions that were asked so far of this scenario, with their votes, however long ago."""
        return [*self._asked]

    @property
    def middles(self) -> list[tuple[Question, float | None]]:
        """Each question with the class's answer: the median, or the choice of most; None without votes."""
        if self.chosen is None:
            return []
        found = []
        for asked, predict in zip(self.questions, self.chosen.lesson.predict, strict=False):
            found.append((asked, Ballot([predict], [dict(asked.votes)]).middle(0)))
        return found

    def choose(self, number: int) -> None:
        """Begins with the scenario of that number, from 0. What was under way of another one is left."""
        if 0 <= number < len(self.lessons) and self.phase in ("choose", "explained"):
            self.chosen, self.phase, self.place = self.lessons[number], "predict", 0
            self.play, self.code, self.trouble, self._asked = None, None, "", []
            self._ask()

    def predict(self, vote: Vote) -> bool:
        """Takes the class's vote by hand. False where it is none, or where the vote is locked."""
        asked = self.questions[-1] if self.phase == "predict" else None
        if asked is None or asked.vote_of(vote) is None:
            return False
        self._room.log.vote(asked.id, BY_HAND, vote)
        return True

    def next(self, language: Language) -> None:
        """The next step: lock a prediction, play, or go on to the next scenario."""
        if self.phase == "predict" and self.chosen is not None:
            self._room.log.question_closed(self._asked[-1].id)
            if self.place + 1 < len(self.chosen.lesson.predict):
                self.place += 1
                self._ask()
            else:
                self.phase = "locked"
                self._changed()
        elif self.phase == "locked" and self.chosen is not None:
            self.phase = "playing"
            self._task = asyncio.create_task(self._run(self.chosen, language))
            self._changed()
        elif self.phase == "explained" and self.chosen is not None:
            following = self.lessons.index(self.chosen) + 1
            self.choose(following) if following < len(self.lessons) else self._leave()

    async def leave(self) -> None:
        """Back to the list of scenarios. A play that is under way ends, and mends what it broke."""
        if self.phase == "predict":
            self._room.log.question_closed(self._asked[-1].id)
        await self.close()
        self._leave()

    async def close(self) -> None:
        """Ends the play that is under way."""
        await self._program.end()
        if self._task is not None:
            with suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    def tick(self) -> None:
        """Follows the play."""
        if self.play is not None and self.play.is_live:
            self.play.look()

    def seconds_of(self, predict: Predict) -> float:
        """How long the step lasts whose pending events are predicted."""
        rate, seconds = self._sale(predict)
        return max(LEAST_SECONDS, seconds * self._scale) if rate else 0.0

    def top_of(self, predict: Predict) -> float:
        """How high the paper goes that the class draws on: twice what is sold, so it gives nothing away."""
        rate, _ = self._sale(predict)
        highest = 2 * rate * self.seconds_of(predict) * EVENTS_PER_ORDER
        unit = 10.0 ** math.floor(math.log10(max(highest, 1.0)))
        return next(step * unit for step in _ROUND if step * unit >= highest)

    def _sale(self, predict: Predict) -> tuple[float, float]:
        step = (predict.observe or "").partition(".")[0]
        steps = self.chosen.steps if self.chosen is not None else ()
        found = next((one for one in steps if isinstance(one, Sell) and one.name == step), None)
        return found.by_time if found is not None else (0.0, 0.0)

    def _ask(self) -> None:
        assert self.chosen is not None, "a question is one of a scenario"
        predict = self.chosen.lesson.predict[self.place]
        choices = predict.choices
        number = self._room.log.question(
            predict.question.said("en"),
            [] if choices is None else choices.said("en"),
            of=predict.kind,
            texts=predict.question.both,
            choices_in={} if choices is None else choices.both,
            unit=predict.unit,
            scenario=self.chosen.lesson.id,
            **(
                {"top": self.top_of(predict), "seconds": self.seconds_of(predict)}
                if _is_drawn(predict)
                else {}
            ),
        )
        self._asked.append(self._room.timeline.questions[number])
        self._changed()

    async def _run(self, chosen: Loaded, language: Language) -> None:
        play = self.play = Play(self._program.folder / chosen.lesson.id)
        votes: list[Mapping[str, Vote]] = [one.votes for one in self.questions]
        code = NOT_FOUND
        try:
            code = await self._program.play(chosen.lesson.id, votes, language)
        finally:
            play.end()
            self.code = code
            self.trouble = self._program.last_words() if play.timeline.lesson is None else ""
            if self.phase == "playing":
                self.phase = "explained"
            self._changed()

    def _leave(self) -> None:
        self.phase, self.chosen, self.play, self._asked = "choose", None, None, []
        self._changed()

    def _changed(self) -> None:
        self.version += 1


def _is_drawn(predict: Predict) -> bool:
    return predict.kind == "curve"
