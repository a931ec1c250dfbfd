"""Disks that went back to an older copy of themselves: what they forgot, and what that excuses.

A branch whose disk went back must learn that from its peers, end that life, and spend nothing more in it. If
every peer that knew more was unreachable, or there was none, it cannot. Then, and only then, it may spend
once more what it had spent since the copy was made.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from operator import add, gt, sub
from typing import NamedTuple

CellKey = tuple[str, str, str]
"""(product, branch, epoch)."""
Cell = tuple[int, ...]
Grant = tuple[str, ...]
"""(product, branch, epoch, to branch, to epoch)."""
Life = tuple[str, str]


class Stock(NamedTuple):
    """All that was ever moved: by one file, or in truth."""

    cells: Mapping[CellKey, Cell]
    grants: Mapping[Grant, int]


@dataclass
class Rollback:
    """A life whose disk went back.

    - `forgotten` is what had been moved since the copy was made, `events` the ids of the events written
      since, by seq.
    - `seen` is what peers have of the life. `knowers` are the branches whose disks have more of the life than
      the copy, each with the stock of it that it has, or None if it has later events, too.
    - `known` says whether there were any at first, `surfaced` whether another branch has received since what
      was under way then.
    - `fenced` says that all branches with more could be asked: then nothing excuses spending.
    """

    life: Life
    kept: Stock
    forgotten: Stock
    seen: Stock
    events: Mapping[int, str]
    fenced: bool
    knowers: dict[str, Stock | None]
    known: bool = field(init=False)
    surfaced: bool = False

    def __post_init__(self) -> None:
        self.known = bool(self.knowers)


@dataclass
class Rollbacks:
    """All disks of a history that went back."""

    _of: dict[Life, list[Rollback]] = field(default_factory=dict)

    def add(self, rollback: Rollback) -> None:
        self._of.setdefault(rollback.life, []).append(rollback)

    def forget(self, branch: str) -> None:
        """A branch's disk was lost, too, and with it what it had of other lives."""
        for rollback in self._all():
            rollback.knowers.pop(branch, None)

    def real_cell(self, key: CellKey, cell: Cell) -> Cell:
        """What was moved in truth when the life's file now shows `cell`."""
        for rollback in self._of.get(key[1:], ()):
            forgotten = rollback.forgotten.cells.get(key)
            cell = tuple(map(add, cell, forgotten)) if forgotten else cell
        return cell

    def real_grant(self, grant: Grant, quantity: int) -> int:
        """What was granted in truth when the life's file now shows `quantity`."""
        life = (grant[1], grant[2])
        return quantity + sum(r.forgotten.grants.get(grant, 0) for r in self._of.get(life, ()))

    def forgot(self, life: Life, truth: Stock, kept: Stock) -> Stock:
        """What the file of a life forgets when it goes back to a copy: all that was moved in truth, without
        what is in the copy and what the file had forgotten before."""
        forgotten = difference(truth, kept)
        for rollback in self._of.get(life, ()):
            forgotten = difference(forgotten, rollback.forgotten)
        return forgotten

    def merged_away(self, key: CellKey, truth: Cell) -> Cell:
        """How much of a cell's movements no disk can show. Its life has two histories, merging keeps only the
        greater count, and what no peer received of the first history is lost."""
        gone: Cell = (0,) * len(truth)
        for rollback in self._of.get(key[1:], ()):
            if rollback.known and not rollback.fenced:
                kept, forgotten, seen = (
                    stock.cells.get(key, (0,) * len(truth))
                    for stock in (rollback.kept, rollback.forgotten, rollback.seen)
                )
                told = tuple(max(0, s - k) for s, k in zip(seen, kept, strict=True))
                since = (t - k - f for t, k, f in zip(truth, kept, forgotten, strict=True))
                gone = tuple(
                    g + (f - t) + min(t, s) for g, f, t, s in zip(gone, forgotten, told, since, strict=True)
                )
        return gone

    def wrote(self, life: Life, seq: int, event_id: str) -> bool:
        """Whether the life once had this event and forgot it. A node that has it shows another history."""
        found = [rollback for rollback in self._of.get(life, ()) if rollback.events.get(seq) == event_id]
        for rollback in found:
            rollback.surfaced = True
        return bool(found)

    def excused(self) -> Counter[str]:
        """How many units of each product may have been spent twice."""
        excused: Counter[str] = Counter()
        for rollback in self._all():
            if not (rollback.known and rollback.fenced):
                excused.update(spent(rollback.forgotten))
        return excused

    def overspent(self, life: Life, now: Stock) -> list[str]:
        """The products of which a life spent more, although its branch could learn that its disk went
        back."""
        return [
            product
            for rollback in self._of.get(life, ())
            if rollback.known and rollback.fenced
            for product, units in sorted((spent(now) - spent(rollback.kept)).items())
            if units > 0
        ]

    def may_end(self, life: Life) -> bool:
        """Whether the life's branch has a reason to begin another one."""
        return life in self._of

    def may_be_forked(self, branch: str) -> bool:
        """Whether a life of the branch may have two histories, so that every count shows only the greater
        one. That is so if it continued after its disk had gone back, before it met a peer that knew more."""
        return any(r.life[0] == branch and (r.surfaced or (r.known and not r.fenced)) for r in self._all())

    def unnoticed(self, life: Life, now: Stock) -> bool:
        """Whether this life continues although some other disk has more of it and could report that. If only
        rows show it, that is until the life's own rows contain all that is in those."""
        return any(
            seen is None or not _holds(now, seen)
            for rollback in self._of.get(life, ())
            for seen in rollback.knowers.values()
        )

    def _all(self) -> Iterable[Rollback]:
        return (rollback for rollbacks in self._of.values() for rollback in rollbacks)


def of_life(life: Life, cells: Mapping[CellKey, Cell], grants: Mapping[Grant, int]) -> Stock:
    """The part of some stock that this life moved."""
    return Stock(
        {key: cell for key, cell in cells.items() if key[1:] == life},
        {grant: quantity for grant, quantity in grants.items() if grant[1:3] == life},
    )


def difference(truth: Stock, kept: Stock) -> Stock:
    """What is in the truth and not in a copy of one life's file."""
    cells = {
        key: tuple(map(sub, cell, kept.cells.get(key, (0,) * len(cell)))) for key, cell in truth.cells.items()
    }
    return Stock(
        cells, {grant: quantity - kept.grants.get(grant, 0) for grant, quantity in truth.grants.items()}
    )


def _holds(stock: Stock, part: Stock) -> bool:
    """Whether a part of a life's stock could be an earlier state of it."""
    cells = all(
        key in stock.cells and not any(map(gt, cell, stock.cells[key])) for key, cell in part.cells.items()
    )
    return cells and all(stock.grants.get(grant, 0) >= n for grant, n in part.grants.items())


def spent(stock: Stock) -> Counter[str]:
    """Units by product that a life sold, removed or granted away."""
    spent: Counter[str] = Counter()
    for (product, _, _), cell in stock.cells.items():
        spent[product] += cell[SOLD] + cell[REMOVED]
    for grant, quantity in stock.grants.items():
        spent[grant[0]] += quantity
    return spent


SOLD, REMOVED = 5, 6
"""Where a cell counts what was sold and removed (observer.GROWING)."""
