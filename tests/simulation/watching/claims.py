"""What a member that lies says of its own stock: the only word of its that may bring others to sell.

The promise. For each product, the units that honest branches sold and removed, less those that came back,
are never more than

    the units that honest branches received
    - the units that they granted to the liar
    + the units that the liar granted to them, by its own stock rows.

A liar's own rows are in its power: it may claim units that never arrived, and may grant one unit to two
branches. So all that any honest file ever held of its grants to honest lives counts, and nothing else does:
not what it says of another branch's rows, nor of lives that it does not live.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.simulation.watching.rollbacks import Cell, CellKey, Grant, Life


@dataclass
class Claims:
    """The grants of the branch that lies, `liar`, to the `lives` of honest branches; of nobody where nobody
    lies. With `may_end_lives`, its lies are such that an honest branch may have to begin another life."""

    liar: str | None = None
    may_end_lives: bool = False
    lives: set[Life] = field(default_factory=set)
    _granted: dict[Grant, int] = field(default_factory=dict)

    def is_of_liar(self, branch: str) -> bool:
        return branch == self.liar

    def lived(self, cells: Mapping[CellKey, Cell]) -> Mapping[CellKey, Cell]:
        """Those of a file's cells that some branch wrote. A liar may have invented others."""
        if self.liar is None:
            return cells
        return {key: cell for key, cell in cells.items() if key[1] == self.liar or key[1:] in self.lives}

    def may_be_false(self, branch: str) -> bool:
        """Whether files may hold rows of a branch that do not fit together: it lies, or a life of it was
        ended by a lie, and everybody may say anything of that one."""
        lives = sum(life[0] == branch for life in self.lives)
        return self.liar is not None and (branch == self.liar or lives > 1)

    def take(self, grants: Mapping[Grant, int]) -> None:
        """Note the grants that an honest file holds: of each the most that any file held."""
        for grant, quantity in grants.items():
            if grant[1] == self.liar:
                self._granted[grant] = max(quantity, self._granted.get(grant, 0))

    def units(self, grants: Mapping[Grant, int]) -> Counter[str]:
        """How many units of each product honest branches may sell by the liar's word, less those that they
        granted to it (`grants`)."""
        units: Counter[str] = Counter()
        for (product, _, _, branch, epoch), quantity in self._granted.items():
            units[product] += quantity if (branch, epoch) in self.lives else 0
        for (product, _, _, branch, _), quantity in grants.items():
            units[product] -= quantity if branch == self.liar else 0
        return units
