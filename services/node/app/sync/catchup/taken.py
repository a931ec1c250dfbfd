"""What an asker has of the events that a donor keeps parked. The stock that the donor's orders took may be in
them, and so in no row."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any

from app.domain.life import Life
from app.sync.wire.messages import Page

Marks = Mapping[str, str]
"""By life, keyed "node@epoch": a mark of what a donor keeps parked of it, but for events of orders."""


@dataclass
class Taken:
    """What was taken over of a donor's parked events, but for events of orders.

    - `marks` are the donor's, of the lives of which nothing came or went while its events were taken over.
    - `refused` are the lives of which the donor's word did not count then: their events were passed over.
    """

    marks: Marks = field(default_factory=dict)
    refused: AbstractSet[Life] = frozenset()

    def note(self, said: Sequence[Marks | None], *, refused: AbstractSet[Life]) -> None:
        """Note that all was taken over. `said` are the marks in each of the donor's answers meanwhile."""
        first, *later = (marks or {} for marks in said)
        self.marks = {key: mark for key, mark in first.items() if all(m.get(key) == mark for m in later)}
        self.refused = refused

    def refuse(self, lives: AbstractSet[Life]) -> None:
        """Count nothing of these lives as taken over."""
        self.refused = self.refused | lives

    def unsure(self, page: Page) -> AbstractSet[Life]:
        """The lives, of branches whose orders a page shows, of which the donor kept something parked as it
        read the page that may not be among what was taken over. Empty for a page that does not say."""
        shown = {row.get("branch") for row in page.rows}
        parked = {Life.parse(key): mark for key, mark in (page.parked_marks or {}).items()}
        return {
            life for life, mark in parked.items() if life.branch in shown and self.marks.get(life.key) != mark
        }

    def lacks(self, row: Any) -> bool:
        """Whether the effect of an order may be in an event that was passed over. A changed order may have
        given its units back in a later life of its branch."""
        if not isinstance(row, Mapping) or not {"branch", "epoch"} <= row.keys():
            return False  # its own check refuses it
        changed = row.get("version") != 1
        return any(
            life.branch == row["branch"] and (changed or life.epoch == row["epoch"]) for life in self.refused
        )


NOTHING_REFUSED = Taken()
