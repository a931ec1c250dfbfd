"""A message of the liar that is about to leave."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

from tests.simulation.lying.heard import Heard

HELLO, EVENT, TRANSFER = "/replica/hello", "/replica/event", "/replica/transfer"
SNAPSHOT, SEAL, TOTALS = "/replica/snapshot", "/replica/seal", "/replica/totals"
MOST = 2**62
"""The greatest number that a message may hold."""


@dataclass
class Telling:
    """A message to the branch `to`, by its path, and whether it is an `answer`. A lie changes the `body`."""

    path: str
    answer: bool
    to: str
    body: dict[str, Any]
    heard: Heard
    random: Random

    def someone(self, but: str = "") -> str | None:
        """Another branch of which the liar has heard, or None. `but` is not chosen."""
        others = self.heard.others(but)
        return self.random.choice(others) if others else None


Lie = Callable[[Telling], str | None]
"""Changes a message, and returns what it now says, in a few words; None where nothing was changed."""
