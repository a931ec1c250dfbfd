"""What a class was asked, and how it voted."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import isfinite
from typing import Any, Literal

from branchlab.checking.runlog import Record
from branchlab.checking.timeline.lesson import Texts, Vote
from branchlab.language import Language

Kind = Literal["choice", "number", "curve"]
MOST_POINTS = 40


@dataclass
class Question:
    """One question. A voter has one vote: the last one before it was `closed` counts. `texts` and
    `choices_in` are the question in both languages, where it has them. Of a line to be drawn, `top` is the
    highest value that the paper has, and `seconds` how long it is."""

    id: int
    text: str
    choices: tuple[str, ...]
    opened: float
    of: Kind = "choice"
    texts: Texts = field(default_factory=dict)
    choices_in: Mapping[str, Sequence[str]] = field(default_factory=dict)
    top: float = 0.0
    seconds: float = 0.0
    closed: float | None = None
    votes: dict[str, Vote] = field(default_factory=dict)

    @classmethod
    def of_record(cls, at: float, record: Record) -> "Question":
        """The question as a log has it."""
        return cls(
            id=record["question"],
            text=record["text"],
            choices=tuple(record["choices"]),
            opened=at,
            of=record.get("of", "choice"),
            texts=record.get("texts") or {},
            choices_in=record.get("choices_in") or {},
            top=float(record.get("top") or 0.0),
            seconds=float(record.get("seconds") or 0.0),
        )

    def said(self, language: Language) -> str:
        """The question in that language, or as it was asked."""
        return self.texts.get(language, self.text)

    def choices_said(self, language: Language) -> Sequence[str]:
        """The answers to choose from, likewise."""
        return self.choices_in.get(language, self.choices)

    def vote_of(self, said: Any) -> Vote | None:
        """What somebody sent, as a vote on this question; None where it is none."""
        if self.of == "choice":
            is_one = isinstance(said, int) and not isinstance(said, bool) and 0 <= said < len(self.choices)
            return said if is_one else None
        if self.of == "number" or not isinstance(said, list | tuple):
            return said if _is_number(said) else None
        pairs = [tuple(pair) for pair in said if isinstance(pair, list | tuple) and len(pair) == 2]
        is_line = (
            1 < len(pairs) == len(said) <= MOST_POINTS
            and all(_is_number(at) and _is_number(value) for at, value in pairs)
            and all(left[0] < right[0] for left, right in pairwise(pairs))
        )
        return tuple((float(at), float(value)) for at, value in pairs) if is_line else None

    def vote(self, voter: str, said: Any) -> None:
        """Takes a vote in; one that is none, or after the end, changes nothing."""
        if self.closed is None and (vote := self.vote_of(said)) is not None:
            self.votes[voter] = vote

    @property
    def tally(self) -> list[int]:
        """Votes for each choice."""
        counts = Counter(vote for vote in self.votes.values() if isinstance(vote, int))
        return [counts[place] for place in range(len(self.choices))]


def remembered(questions: Mapping[int, Question], before: float) -> dict[int, Question]:
    """Those that are open, were closed since, or are the newest."""
    newest = max(questions, default=None)
    return {
        number: one
        for number, one in questions.items()
        if one.closed is None or one.closed >= before or number == newest
    }


def _is_number(said: Any) -> bool:
    return isinstance(said, int | float) and not isinstance(said, bool) and isfinite(said) and said >= 0
