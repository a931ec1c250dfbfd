"""Lives in which two processes ran at once, each on its copy of one disk: what both moved, and what that
excuses.

If a peer receives messages of both, neither may continue. If every peer can tell the copy from the process it
knows, the copy may spend nothing that both hold. Otherwise either may spend until it learns of the other.
Then, and only then, both may have spent the same units.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from operator import add

from tests.simulation.watching import rollbacks
from tests.simulation.watching.rollbacks import Cell, CellKey, Grant, Life, Stock

GONE = "gone"


@dataclass
class Fork:
    """A life whose disk was copied when it had moved `kept`. `heard` says that every peer received messages
    of both processes and reached the first one. `moved` is what the life has moved by each disk, by its
    machine's label."""

    life: Life
    kept: Stock
    heard: bool
    first: str
    copy: str
    moved: dict[str, Stock] = field(init=False)
    is_open: bool = True

    def __post_init__(self) -> None:
        self.moved = {self.first: self.kept, self.copy: self.kept}

    def since(self, label: str) -> Stock:
        """What one disk moved since there are two."""
        return rollbacks.difference(self.moved[label], self.kept)

    def other(self, label: str) -> Stock:
        """What the other disk moved since there are two."""
        (other,) = self.moved.keys() - {label}
        return self.since(other)

    def spent_twice(self) -> Counter[str]:
        """How many units of each product both may have spent: at most those of the one that spent less."""
        one, another = (rollbacks.spent(self.since(label)) for label in self.moved)
        return one & another


@dataclass
class Forks:
    """All disks of a history that existed twice, none of them twice in one life."""

    _of: dict[Life, Fork] = field(default_factory=dict)
    _contested: set[Life] = field(default_factory=set)

    def add(self, fork: Fork) -> None:
        self._of[fork.life] = fork

    def is_known(self, life: Life) -> bool:
        return life in self._of

    def begin(self, life: Life) -> None:
        """A life of this branch begins. While two processes claim the branch, it may be ended like the one
        before."""
        if any(fork.is_open for fork in self._of_branch(life[0])):
            self._contested.add(life)

    def close(self, branch: str, *, keeps_copy: bool) -> None:
        """One of the two disks is thrown away; the other goes on as the branch's only one."""
        for fork in self._of_branch(branch):
            if fork.is_open:
                kept, gone = (fork.copy, fork.first) if keeps_copy else (fork.first, fork.copy)
                fork.moved = {branch: fork.moved[kept], GONE: fork.moved[gone]}
                fork.is_open = False

    def move(self, life: Life, label: str, moved: Stock) -> None:
        """Store all that a life has moved by one disk."""
        if life in self._of:
            self._of[life].moved[label] = moved

    def real_cell(self, key: CellKey, cell: Cell, label: str) -> Cell:
        """What was moved in truth where this disk says `cell`."""
        fork = self._of.get(key[1:])
        other = fork.other(label).cells.get(key) if fork else None
        return tuple(map(add, cell, other)) if other else cell

    def real_grant(self, grant: Grant, quantity: int, label: str) -> int:
        """What was granted in truth where this disk says `quantity`."""
        fork = self._of.get((grant[1], grant[2]))
        return quantity + (fork.other(label).grants.get(grant, 0) if fork else 0)

    def excused(self) -> Counter[str]:
        """How many units of each product may have been spent twice."""
        return sum((fork.spent_twice() for fork in self._of.values()), Counter())

    def overspent(self, life: Life, label: str) -> list[str]:
        """The products whose common units a copy spent, although all peers reached the first process."""
        fork = self._of.get(life)
        if fork is None or not fork.heard or label != fork.copy:
            return []
        return [product for product, units in sorted(rollbacks.spent(fork.since(label)).items()) if units > 0]

    def may_end(self, life: Life) -> bool:
        """Whether the life's branch has a reason to begin another one."""
        return life in self._of or life in self._contested

    def is_split(self, branch: str) -> bool:
        """Whether a life of the branch has two histories, and every count shows only the greater one."""
        return any(
            all(moved != fork.kept for moved in fork.moved.values()) for fork in self._of_branch(branch)
        )

    def _of_branch(self, branch: str) -> Iterator[Fork]:
        return (fork for life, fork in self._of.items() if life[0] == branch)
