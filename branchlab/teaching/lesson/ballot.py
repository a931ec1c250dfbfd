"""The class's predictions of one scenario: taken until the method begins, and not a moment longer."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from branchlab.errors import LabError
from branchlab.language import _
from branchlab.teaching.lesson.model import Predict

Curve = Sequence[tuple[float, float]]
Vote = float | int | Curve
"""A number, the place of a choice from 0, or a drawn line as (seconds, value)."""
_EXAMPLE = '{"s2-branch-down": [{"ana": 120}]}'


@dataclass
class Ballot:
    """The votes on each question of a scenario. A voter's last vote before `lock` counts."""

    questions: Sequence[Predict]
    votes: list[dict[str, Vote]] = field(default_factory=list)
    is_locked: bool = False

    def __post_init__(self) -> None:
        self.votes = self.votes or [{} for _ in self.questions]

    def cast(self, question: int, voter: str, vote: Vote) -> None:
        """Takes a vote. LabError after the lock, or for no answer to this question."""
        if self.is_locked:
            raise LabError(_("the prediction is locked: what happens has begun"))
        predict = self.questions[question]
        if predict.kind == "choice":
            choices = predict.choices.en if predict.choices else []
            if not isinstance(vote, int) or not 0 <= vote < len(choices):
                raise LabError(_("the choices are 0 to {last}, not {vote}", last=len(choices) - 1, vote=vote))
        elif isinstance(vote, int | float) and vote < 0:
            raise LabError(_("a prediction is 0 or more"))
        self.votes[question][voter] = vote

    def lock(self) -> None:
        """Ends the vote; the method may begin."""
        self.is_locked = True

    def middle(self, question: int) -> float | None:
        """The median of the numbers, or the choice of most; None without votes. Of a curve its last value."""
        votes = [_end(vote) for vote in self.votes[question].values()]
        if not votes:
            return None
        if self.questions[question].kind == "choice":
            return max(sorted(set(votes)), key=votes.count)
        return median(votes)


def _end(vote: Vote) -> float:
    return float(vote) if isinstance(vote, int | float) else float(vote[-1][1])


def read_votes(path: Path) -> Mapping[str, Sequence[Mapping[str, Vote]]]:
    """SCENARIO → for each of its questions VOTER → vote, from a JSON file. LabError for another form."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise LabError(_("cannot read the votes {path}: {error}", path=path, error=error)) from None
    if not isinstance(found, dict) or not all(isinstance(one, list) for one in found.values()):
        raise LabError(_("{path} is not as {example}", path=path, example=_EXAMPLE))
    return found
