"""What a run log tells of a lesson: steps, predictions, what arithmetic says, and what was seen."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median
from typing import Any, Literal

from branchlab.checking.runlog import Record
from branchlab.language import Language

Texts = Mapping[str, str]
"""LANGUAGE → the text"""
Points = Sequence[tuple[float, float]]
"""(seconds, value), by time"""
Vote = float | int | Points
"""A number, the place of a choice from 0, or a drawn line."""


@dataclass(frozen=True)
class LessonStep:
    """A step of the method, and when it began."""

    number: int
    of: int
    said: Texts
    name: str | None
    at: float


@dataclass
class Prediction:
    """A question, how the class answered, and what came of it; `result` is empty until that is known."""

    number: int
    of: Literal["number", "choice", "curve"]
    question: Texts
    unit: str | None
    observe: str
    votes: Sequence[Vote]
    choices: Mapping[str, Sequence[str]] = field(default_factory=dict)
    result: Record = field(default_factory=dict)


@dataclass(frozen=True)
class Expected:
    """One "you should see" and whether it was seen; None: nobody can say."""

    that: str
    expected: str
    observed: Any
    holds: bool | None


@dataclass(frozen=True)
class Theory:
    """What arithmetic says of the events pending on a link, from the moment `at` on: they begin with `start`
    and change by `per_second` for so many `seconds`. Both are None where nothing limits the link."""

    step: str
    link: tuple[str, str]
    at: float
    start: float
    per_second: float | None
    seconds: float | None


@dataclass(frozen=True)
class DrawnLine:
    """A line to be drawn beside the observed one, in seconds of the run. `value` is what it says: events at
    its end, or seconds until nothing is pending; `error` is how far that was from what was seen, in percent,
    once that is known."""

    of: Literal["theory", "class"]
    link: tuple[str, str]
    points: Points
    value: float
    unit: Literal["events", "seconds"]
    error: float | None = None


@dataclass
class LessonTold:
    """A lesson as its log tells it so far."""

    texts: dict[str, Texts] = field(default_factory=dict)
    steps: list[LessonStep] = field(default_factory=list)
    predictions: dict[int, Prediction] = field(default_factory=dict)
    expected: list[Expected] = field(default_factory=list)
    theories: list[Theory] = field(default_factory=list)
    short: dict[str, Sequence[str]] = field(default_factory=dict)
    """STEP → the numbers of the orders that were sold without units for them, as seen after it."""
    gone: dict[str, Sequence[str]] = field(default_factory=dict)
    """STEP → the numbers of the orders that went with a disk in it: a customer has them, and no node."""

    def said(self, name: str, language: Language) -> str:
        """The `title`, `hypothesis` or `explain` of the scenario; empty before it was told."""
        return self.texts.get(name, {}).get(language, "")

    def add(self, at: float, record: Record) -> None:
        """Takes in a record of a lesson; others change nothing."""
        kind = record["kind"]
        if kind in ("lesson.title", "lesson.hypothesis", "lesson.explain"):
            self.texts[kind.removeprefix("lesson.")] = _texts(record)
        elif kind == "lesson.step":
            said = _texts(record)
            self.steps.append(LessonStep(record["number"], record["of"], said, record.get("name"), at))
        elif kind == "lesson.theory":
            self.theories.append(_theory(at, record))
        elif kind == "prediction":
            self.predictions[record["number"]] = _prediction(record)
        elif kind == "prediction.result" and (known := self.predictions.get(record["number"])):
            known.result = record
        elif kind == "lesson.short":
            self.short[record["step"]] = record["orders"]
        elif kind == "lesson.gone":
            self.gone[record["step"]] = record["orders"]
        elif kind == "expect":
            self.expected.append(
                Expected(record["that"], record["expected"], record["observed"], record["holds"])
            )

    def lines(self) -> Iterator[DrawnLine]:
        """The lines of theory and of the class, for what was predicted of a link or of how it drains."""
        for prediction in self.predictions.values():
            step, _, fact = prediction.observe.partition(".")
            for theory in self.theories:
                if theory.step == step and fact in (f"pending.{'.'.join(theory.link)}", "seconds"):
                    yield from _lines(prediction, theory)


def _lines(prediction: Prediction, theory: Theory) -> Iterator[DrawnLine]:
    is_drain, result = prediction.observe.endswith(".seconds"), prediction.result
    unit: Literal["events", "seconds"] = "seconds" if is_drain else "events"
    if theory.per_second is not None and theory.seconds:
        end = max(0.0, theory.start + theory.per_second * theory.seconds)  # both are rounded in a log
        points = ((theory.at, theory.start), (theory.at + theory.seconds, end))
        value = theory.seconds if is_drain else end
        yield DrawnLine("theory", theory.link, points, value, unit, result.get("theory_error"))
    if not prediction.votes:
        return
    if prediction.of == "curve" and theory.seconds:
        drawn = middle_line(prediction.votes, theory.seconds)
    elif is_drain:
        numbers = [float(vote) for vote in prediction.votes if isinstance(vote, int | float)]
        drawn = ((0.0, theory.start), (max(median(numbers), 0.01), 0.0)) if numbers else ()
    else:
        return
    if drawn:
        line = tuple((theory.at + at, value) for at, value in drawn)
        value = drawn[-1][0] if is_drain else drawn[-1][1]
        yield DrawnLine("class", theory.link, line, value, unit, result.get("class_error"))


def middle_line(votes: Sequence[Vote], seconds: float) -> Points:
    """The line in the middle of those that a class drew: at each moment the median. A number stands for a
    straight line that ends there."""
    lines: list[Points] = [
        ((0.0, 0.0), (seconds, float(vote))) if isinstance(vote, int | float) else vote for vote in votes
    ]
    moments = sorted({at for line in lines for at, _ in line if at <= seconds})
    return tuple((at, median(value_at(line, at) for line in lines)) for at in moments)


def value_at(points: Points, at: float) -> float:
    """The value of a drawn line at a moment; its ends go on level."""
    for (left, low), (right, high) in pairwise(points):
        if left <= at <= right:
            return high if right == left else low + (high - low) * (at - left) / (right - left)
    return points[0][1] if at < points[0][0] else points[-1][1]


def _texts(record: Record) -> Texts:
    """The text of a record in both languages; an older log has it in one."""
    said = str(record.get("step", ""))
    return {"pt-BR": str(record.get("pt-BR", said)), "en": str(record.get("en", said))}


def _prediction(record: Record) -> Prediction:
    return Prediction(
        number=record["number"],
        of=record["of"],
        question=record["question"],
        unit=record["unit"],
        observe=str(record["observe"] or ""),
        votes=[_vote(vote) for vote in record["votes"]],
        choices=record.get("choices") or {},
    )


def _vote(said: Any) -> Vote:
    return tuple((float(at), float(value)) for at, value in said) if isinstance(said, list) else said


def _theory(at: float, record: Record) -> Theory:
    return Theory(
        step=record["step"],
        link=(record["sender"], record["receiver"]),
        at=at,
        start=float(record["start"]),
        per_second=record["per_second"],
        seconds=record["seconds"],
    )
