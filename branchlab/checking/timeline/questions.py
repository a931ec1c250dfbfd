"""What a class was asked, and how it voted."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Question:
    """One question. A voter has one vote: the last one before it was `closed` counts."""

    id: int
    text: str
    choices: tuple[str, ...]
    opened: float
    closed: float | None = None
    votes: dict[str, int] = field(default_factory=dict)

    def vote(self, voter: str, choice: int) -> None:
        """Takes a vote in; one for no choice, or after the end, changes nothing."""
        if self.closed is None and 0 <= choice < len(self.choices):
            self.votes[voter] = choice

    @property
    def tally(self) -> list[int]:
        """Votes for each choice."""
        counts = Counter(self.votes.values())
        return [counts[place] for place in range(len(self.choices))]
