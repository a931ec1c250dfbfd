"""The truth of a history: how many units really are on the company's shelves, and what was written."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from app.domain.life import Life
from app.domain.stock import Cell


class Oversold(Exception):
    """More units left than ever arrived."""


@dataclass(slots=True)
class _Account:
    """One life's units, signed: `moved` are those that really came and went at its hands; `booked` and
    `corrected` are the sums of its own row by version: movements, and what its stock counts took away."""

    moved: int = 0
    booked: dict[int, int] = field(default_factory=lambda: {0: 0})
    corrected: dict[int, int] = field(default_factory=lambda: {0: 0})
    version: int = 0


class Shelf:
    """Counts units as they come and go, by nobody's books. Raises Oversold the moment one too many leaves."""

    def __init__(self) -> None:
        self.units = 0
        self.sold = 0
        self._accounts: dict[Life, _Account] = {}
        self._came_back: dict[int, Life] = {}

    def moved(self, life: Life, quantity: int) -> None:
        """Units arrive (> 0) or leave (< 0) at a life's hands."""
        self._account(life).moved += quantity
        self.units += quantity
        self.sold -= min(quantity, 0)
        if self.units < 0:
            raise Oversold(f"{-self.units} more units left than were there")

    def came_back(self, life: Life, order: int, quantity: int) -> None:
        """What a cancelled order took comes back once, however often it is cancelled: by a life that died
        before anybody heard of it, and again by the next one. It is the later one's that is on the books."""
        before = self._came_back.get(order)
        self._came_back[order] = life
        self._account(life).moved += quantity
        if before is None:
            self.units += quantity
        else:
            self._account(before).moved -= quantity

    def wrote(self, row: Cell, *, booked: int = 0, corrected: int = 0) -> None:
        """A life wrote its row, whether or not anybody will ever see it."""
        account = self._account(row.life)
        account.booked[row.version] = account.booked[account.version] + booked
        account.corrected[row.version] = account.corrected[account.version] + corrected
        account.version = row.version

    def missing(self, views: Iterable[Collection[Cell]], dead: Collection[Life] | None) -> int:
        """What an honest count finds: units that left unrecorded, minus unrecorded receipts, and minus what
        earlier counts corrected.

        For lives not among the `dead` it includes what left, for example by a copy that no node knows of, but
        no receipts: the life that has them may still be heard from. With `dead` None, all lives count in
        full.
        """
        seen: dict[Life, int] = {}
        for view in views:
            for cell in view:
                seen[cell.life] = max(cell.version, seen.get(cell.life, 0))
        corrected = of_dead = of_all = 0
        for life, account in self._accounts.items():
            version = seen.get(life, 0)
            unseen = account.booked[version] - account.moved
            corrected += account.corrected[version]
            of_all += unseen
            if dead is None or life in dead:
                of_dead += unseen
        return max(of_dead, of_all) - corrected

    def _account(self, life: Life) -> _Account:
        account = self._accounts.get(life)
        if account is None:
            account = self._accounts[life] = _Account()
        return account
