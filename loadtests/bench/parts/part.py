"""What a part is, and its rounds."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from branchlab.console import note
from loadtests.bench.notes import Notes
from loadtests.bench.room import Room


@dataclass(frozen=True)
class Part:
    """Measures the `ratios`. `before` and `each` are the seconds that it takes before its rounds and in each;
    where a machine is so slow that it takes three times as long, it ends with the rounds it has."""

    name: str
    ratios: tuple[str, ...]
    before: float
    each: float
    play: Callable[[Room, Notes, Iterator[int]], None]

    def seconds(self, rounds: int) -> float:
        return self.before + self.each * rounds

    def rounds(self, room: Room, notes: Notes) -> Iterator[int]:
        """The numbers of the rounds, as long as there is time."""
        end = time.monotonic() + 3 * self.seconds(room.rounds)
        for number in range(room.rounds):
            if number and time.monotonic() > end:
                notes.remark(
                    f"{self.name}: {number} rounds of {room.rounds}; this machine is too slow for more"
                )
                return
            note(f"{self.name}: round {number + 1} of {room.rounds}")
            yield number
