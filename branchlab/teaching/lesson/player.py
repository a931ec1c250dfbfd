"""Plays one scenario of the lesson: locks predictions, does the method, judges what was seen, explains."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from branchlab.checking.runlog import read_records
from branchlab.errors import LabError
from branchlab.language import Language
from branchlab.teaching.lesson import curves, theory
from branchlab.teaching.lesson.actor import Actor
from branchlab.teaching.lesson.ballot import Ballot
from branchlab.teaching.lesson.comparing import named_words
from branchlab.teaching.lesson.facts import fact_words
from branchlab.teaching.lesson.judge import Finding, judge, shown, value_of
from branchlab.teaching.lesson.loader import Loaded
from branchlab.teaching.lesson.model import Predict
from branchlab.teaching.lesson.reading import sampling
from branchlab.teaching.lesson.words import WORDS
from branchlab.teaching.scenarios.scenario import Scenario
from branchlab.teaching.scenarios.stage import Stage

SETTINGS = {"REBALANCE_SECONDS": "0", "LAB_FAULTS": "1"}
FAST = 0.15
"""The scale of a fast lesson: what takes 30 s takes 4.5 s."""


@dataclass
class Performance:
    """How a scenario is played: its predictions, its pace, its language, and where its lines go."""

    loaded: Loaded
    ballot: Ballot
    scale: float = 1.0
    language: Language = "en"
    say: Callable[[str], None] = lambda _line: None
    findings: list[Finding] = field(default_factory=list)

    def scenario(self) -> Scenario:
        """The scenario for the runner of all scenarios."""
        lesson = self.loaded.lesson
        return Scenario(
            name=lesson.id,
            group="lesson",
            title=lesson.title.said("en"),
            play=self.play,
            nodes=lesson.nodes,
            exactly=True,
            policies=tuple(lesson.policies),
            settings=SETTINGS,
        )

    async def play(self, stage: Stage) -> None:
        """Plays it on a stage. Every expectation goes to the run log, and into the stage's failures where it
        is not met; what was broken is mended in any case."""
        lesson, words, log = self.loaded.lesson, WORDS[self.language], stage.operations.log
        self._lock(stage)
        actor = Actor(stage, self.scale)
        waiting = [one for one in lesson.expect if one.policy is None or one.policy == stage.network.policy]
        judged: list[Finding] = []
        try:
            async with sampling(stage):
                await actor.begin()
                for number, step in enumerate(self.loaded.steps, start=1):
                    line = words.step_line(step, self.scale)
                    both = {one: said.step_line(step, self.scale) for one, said in WORDS.items()}
                    log.told(
                        "lesson.step",
                        number=number,
                        of=len(self.loaded.steps),
                        step=line,
                        name=step.name,
                        **both,
                    )
                    self.say(f"  {number}/{len(self.loaded.steps)} {line}")
                    await actor.do(step)
                    due = [one for one in waiting if one.that.partition(".")[0] == step.name]
                    judged += [self._judge(stage, judge(one, actor.facts)) for one in due]
                    if gone := actor.gone.get(step.name or ""):
                        self.say(f"    {named_words(('gone', gone), self.language)}")
        finally:
            await _roll_back(stage)
        self.findings += judged
        met = sum(finding.holds is True for finding in judged)
        stage.facts.append(words.text("met").format(met=met, all=len(judged)))
        for place, predict in enumerate(lesson.predict):
            self._compare(stage, place, predict, actor.facts)
        log.told("lesson.explain", **{"pt-BR": lesson.explain.said("pt-BR"), "en": lesson.explain.said("en")})
        self.say(f"  {words.text('explain')}: {lesson.explain.said(self.language)}")

    def _lock(self, stage: Stage) -> None:
        lesson, log = self.loaded.lesson, stage.operations.log
        self.ballot.lock()
        for name, text in (("title", lesson.title), ("hypothesis", lesson.hypothesis)):
            log.told(f"lesson.{name}", **{"pt-BR": text.said("pt-BR"), "en": text.said("en")})
        for place, predict in enumerate(lesson.predict):
            votes = self.ballot.votes[place]
            if predict.choices is not None:
                question = log.question(
                    predict.question.said(self.language), predict.choices.said(self.language)
                )
                for voter, vote in votes.items():
                    if isinstance(vote, int):
                        log.vote(question, voter, vote)
                log.question_closed(question)
            both = {"pt-BR": predict.question.said("pt-BR"), "en": predict.question.said("en")}
            log.told(
                "prediction",
                number=place,
                of=predict.kind,
                question=both,
                unit=predict.unit,
                observe=predict.observe,
                choices=None if predict.choices is None else predict.choices.both,
                votes=list(votes.values()),
            )

    def _judge(self, stage: Stage, finding: Finding) -> Finding:
        stage.operations.log.told("expect", **finding.as_record())
        if finding.holds is None:
            stage.unjudged.append(finding.line())
        else:
            stage.expect(finding.holds, finding.line())
        mark = {True: "✓", False: "✗", None: "?"}[finding.holds]
        expected = WORDS[self.language].expected(finding.expected)
        self.say(
            f"    {mark} {fact_words(finding.that, self.language)}: {shown(finding.observed)} ({expected})"
        )
        return finding

    def _compare(self, stage: Stage, place: int, predict: Predict, facts: dict[str, object]) -> None:
        """Holds the class and the theory against what was observed, in percent, in the log and the facts."""
        words = WORDS[self.language]
        said = self.ballot.middle(place)
        if predict.kind == "choice":
            assert predict.choices is not None, "the file was held to its form"
            right = predict.choices.said(self.language)[predict.answer or 0]
            votes = list(self.ballot.votes[place].values())
            stage.operations.log.told(
                "prediction.result", number=place, answer=predict.answer, predicted=said
            )
            right_votes = sum(vote == predict.answer for vote in votes)
            stage.facts.append(words.text("choice").format(right=right, votes=right_votes, all=len(votes)))
            return
        observed = facts.get(predict.observe or "")
        expected = None if predict.theory is None else value_of(predict.theory, facts)
        if not isinstance(observed, int | float):
            return
        by_theory = expected if isinstance(expected, int | float) else None
        errors = {
            "class_error": None if said is None else theory.error_percent(said, observed),
            "theory_error": None if by_theory is None else theory.error_percent(by_theory, observed),
            "curve_error": self._curve_error(stage, place, str(predict.observe)),
        }
        stage.operations.log.told(
            "prediction.result",
            number=place,
            unit=predict.unit,
            predicted=said,
            theory=by_theory,
            observed=observed,
            **{name: None if error is None else round(error, 1) for name, error in errors.items()},
        )
        beside = (
            ("theory", by_theory, errors["theory_error"]),
            ("class", said, errors["class_error"]),
        )
        stage.facts.append(words.result(predict.unit, observed, beside))

    def _curve_error(self, stage: Stage, place: int, fact: str) -> float | None:
        """How far the best of the drawn lines was from what the nodes showed."""
        drawn = [vote for vote in self.ballot.votes[place].values() if isinstance(vote, Sequence)]
        if not drawn:
            return None
        seen = curves.of_pending(read_records(stage.operations.log.path), fact)
        errors = [theory.curve_error_percent(one, seen) for one in drawn]
        return min((one for one in errors if one is not None), default=None)


async def _roll_back(stage: Stage) -> None:
    """Brings every node back and ends every fault, as far as that can be done."""
    with suppress(LabError):
        await asyncio.to_thread(stage.driver.heal)
    with suppress(LabError):
        await stage.heal_links()
