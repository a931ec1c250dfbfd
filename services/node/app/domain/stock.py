"""The bounded counter with epochs: pure rules of stock (Balegas et al. 2015, arXiv 1503.09052).

A cell is (product, branch, epoch). Only that branch, in that epoch, writes it; every field only grows,
and `version` counts its movements. So merging two views is a field-wise maximum: commutative,
associative, idempotent, and a duplicated or late snapshot is harmless. A branch spends only rights:

    rights = received + returned + recovered - sold - removed - granted to others
             + granted to this very epoch

A stale view of the others only understates one's own rights, so it is safe to act on.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from operator import attrgetter, ge
from typing import Any, Literal

from app.domain.bounds import MOST_UNITS_OF_GRANT
from app.domain.forms import COUNTS, Row, greater_beyond
from app.domain.life import Life
from app.domain.values import value

Policy = Literal["escrow", "optimistic"]
"""What a branch may sell: only its rights, or whatever it believes the company has."""


@value(frozen=True, slots=True)
class Cell:
    """One life's movements of one product. Quantities are units, cumulative since the epoch began. `beyond`
    are fields of later revisions (app.domain.forms), which no rule of stock reads."""

    product_id: str
    branch: str
    epoch: str
    received: int = 0
    returned: int = 0
    returned_frozen: int = 0
    recovered: int = 0
    written_off: int = 0
    sold: int = 0
    removed: int = 0
    version: int = 0
    granted: Mapping[Life, int] = field(default_factory=dict)
    beyond: Mapping[str, Any] = field(default_factory=dict, compare=False)

    @property
    def life(self) -> Life:
        return Life(self.branch, self.epoch)

    def add(self, movement: str, quantity: int, *, times: int = 1) -> "Cell":
        """The cell after one movement (`received`, `sold`, …) of `quantity` ≥ 1 units, or after so many
        that are `quantity` together."""
        values = list(_values_of(self))  # many times as fast as `replace`: each line of an order does this
        values[_PLACE[movement]] += quantity
        values[_PLACE["version"]] += times
        return Cell(*values)

    def grant(self, to: Life, quantity: int) -> "Cell":
        """The cell after giving `quantity` ≥ 1 units' rights to another life."""
        granted = {**self.granted, to: self.granted.get(to, 0) + quantity}
        return replace(self, version=self.version + 1, granted=granted)

    def as_json(self) -> Row:
        """The canonical form, for the wire and the digest."""
        *row, version, granted, beyond = _values_of(self)
        given = {life.key: quantity for life, quantity in granted.items()} if granted else {}
        found = dict(zip(_FIRST, row, strict=True))
        found["granted"], found["version"] = given, version
        return {**found, **beyond} if beyond else found


_NAMES = tuple(field.name for field in fields(Cell))
_PLACE = {name: place for place, name in enumerate(_NAMES)}
_FIRST = _NAMES[: _PLACE["version"]]
_values_of = attrgetter(*_NAMES)
_counts_of = attrgetter(*COUNTS)


@dataclass(frozen=True, slots=True)
class Totals:
    """The company's stock of one product as known here. `frozen` belongs to dead lives and waits for a stock
    count. `oversold` is how far sales exceed receipts. Under escrow that happens only when a count found more
    missing than was frozen; it lasts until another count corrects it."""

    available: int
    frozen: int
    oversold: int


def merge(ours: Cell, theirs: Cell) -> Cell:
    """The least cell that contains both views of the same life."""
    counts = {name: max(getattr(ours, name), getattr(theirs, name)) for name in COUNTS}
    granted = {
        life: max(ours.granted.get(life, 0), theirs.granted.get(life, 0))
        for life in sorted({*ours.granted, *theirs.granted})
    }
    beyond = greater_beyond((ours.version, ours.beyond), (theirs.version, theirs.beyond))
    version = max(ours.version, theirs.version)
    return replace(ours, version=version, granted=granted, beyond=beyond, **counts)


def united(ours: Iterable[Cell], theirs: Iterable[Cell]) -> list[Cell]:
    """Both views of one product, merged life by life."""
    found = {cell.life: cell for cell in ours}
    for cell in theirs:
        found[cell.life] = merge(found[cell.life], cell) if cell.life in found else cell
    return list(found.values())


def _contains(later: Cell, earlier: Cell) -> bool:
    """Whether no count and no grant of the earlier view is greater."""
    granted = later.granted
    return all(map(ge, _counts_of(later), _counts_of(earlier))) and all(
        granted.get(life, 0) >= quantity for life, quantity in earlier.granted.items()
    )


def is_fork(ours: Cell, theirs: Cell) -> bool:
    """Whether two views cannot come from one history: the same version has other content, or the newer view
    does not contain the older one, although every field only grows."""
    if ours.version == theirs.version:
        return ours != theirs
    return merge(ours, theirs) != max(ours, theirs, key=lambda cell: cell.version)


@dataclass(frozen=True, slots=True)
class Compared:
    """A peer's view of a cell, compared with the cell here. `after` is the cell to write, or None where
    nothing changes. `is_ahead` says that the peer has more of this very life than its disk has, and
    `is_fork` that the two views cannot come from one history."""

    after: Cell | None = None
    is_ahead: bool = False
    is_fork: bool = False


UNCHANGED = Compared()
AHEAD = Compared(is_ahead=True)


def compare(ours: Cell | None, theirs: Cell, *, me: Life) -> Compared:
    """What to do with a peer's view of a cell. The cell of this very life (`me`) is compared, never
    changed."""
    if ours == theirs and theirs.beyond == ours.beyond:
        return UNCHANGED
    if theirs.life == me:
        more = ours is None or theirs.version > ours.version or is_fork(ours, theirs)
        return AHEAD if more else UNCHANGED
    if ours is None or (theirs.version > ours.version and _contains(theirs, ours)):
        return Compared(after=theirs)  # as it nearly always is: what `merge` would make of the two
    after, fork = merge(ours, theirs), is_fork(ours, theirs)
    changed = after != ours or after.beyond != ours.beyond
    return Compared(after=after if changed else None, is_fork=fork)


def units_that_count(granted: int) -> int:
    """The units of a grant that count as rights: at most MOST_UNITS_OF_GRANT of one giver."""
    return min(granted, MOST_UNITS_OF_GRANT)


def rights_of(life: Life, cells: Iterable[Cell]) -> int:
    """Units that `life` may still sell, remove or grant, by these cells of one product.

    A grant counts only if it names this very epoch: units given to an earlier life are frozen with it.
    """
    rights = 0
    for cell in cells:
        if cell.granted:
            rights += units_that_count(cell.granted.get(life, 0))
        if cell.epoch == life.epoch and cell.branch == life.branch:
            rights += own_rights(cell)
    return rights


def own_rights(cell: Cell) -> int:
    """What a cell says of its own life's rights. To them come those that other cells grant to it."""
    rights = cell.received + cell.returned + cell.recovered - cell.sold - cell.removed
    return rights - sum(cell.granted.values()) if cell.granted else rights


def totals(cells: Collection[Cell], dead: Collection[Life]) -> Totals:
    """The company's stock by these cells of one product; `dead` are the lives known to be over.

    The frozen pool is one for the company: the rights of all dead lives, plus units returned to them,
    minus what stock counts have recovered or written off since.
    """
    company = sum(
        c.received + c.returned + c.returned_frozen - c.sold - c.removed - c.written_off for c in cells
    )
    lives = {cell.life for cell in cells} | {life for cell in cells for life in cell.granted}
    frozen = sum(rights_of(life, cells) for life in sorted(lives) if life in dead)
    frozen += sum(c.returned_frozen - c.recovered - c.written_off for c in cells)
    return Totals(available=max(company - frozen, 0), frozen=frozen, oversold=max(-company, 0))


def counted(own: Cell, *, frozen: int, missing: int) -> Cell:
    """The counter's own cell after a stock count of a pool of `frozen` units, of which `missing` left
    unrecorded.

    `missing` is negative where more is there than was recorded. The rest of the pool is recovered. A pool
    below zero stays visible until another count corrects it.
    """
    if missing > 0:
        own = own.add("written_off", missing)
    elif missing < 0:
        own = own.add("returned_frozen", -missing)
    return own.add("recovered", frozen - missing) if frozen > missing else own


def grant_size(*, wanted: int, asker_rights: int, giver_rights: int, reserved: int) -> int:
    """How many units a giver grants: those that the asker lacks, as far as the giver's rights exceed the
    units `reserved` for its own older waiting orders.

    `wanted` is a target, not an increment, so a repeated or delayed request grants nothing twice. There is no
    minimum, no halving and no forecast: with exact stock, every unit must be able to reach its buyer.
    """
    return max(0, min(wanted - asker_rights, giver_rights - reserved))


def equal_split(quantity: int, among: Collection[Life]) -> dict[Life, int]:
    """Shares of received units for the peers `among`; what does not divide stays with the receiver."""
    share = quantity // (len(among) + 1)
    return dict.fromkeys(among, share) if share else {}


def demand_split(quantity: int, *, own_demand: int, demand: Mapping[Life, int]) -> dict[Life, int]:
    """Shares of received units in proportion to demand; what does not divide stays with the receiver."""
    whole = own_demand + sum(demand.values())
    shares = {life: quantity * units // whole for life, units in demand.items()} if whole else {}
    return {life: share for life, share in shares.items() if share}


HYSTERESIS = 1.2
"""A branch gives away nothing in the background below this multiple of its own share."""

LACK = 2
"""A branch is given units in the background only while it holds at most one in so many of its share. Evening
out less takes more transfers and saves no order (`make model DEMAND=1`)."""


def surplus_moves(
    me: Life, *, rights: Mapping[Life, int], demand: Mapping[Life, int], reserved: int
) -> dict[Life, int]:
    """What `me` should grant in the background so that rights follow demand.

    `rights` and `demand` have every living life, `me` included. Demand is units sold, at least 1 each, so
    that a new branch gets something. Nothing moves while `me` holds less than HYSTERESIS times its
    proportional share. A life that holds more than half of its own share gets nothing, and units that waiting
    orders need (`reserved`) never move.
    """
    whole, weight = sum(rights.values()), sum(demand.values())
    mine = rights[me]
    target = {life: whole * demand[life] // weight for life in rights}
    if mine <= HYSTERESIS * target[me]:
        return {}
    spare = mine - max(target[me], reserved)
    moves: dict[Life, int] = {}
    poorest_first = sorted(
        (life for life in rights if life != me), key=lambda life: (rights[life] - target[life], life)
    )
    for life in poorest_first:
        give = min(spare, target[life] - rights[life])
        if give > 0 and rights[life] * LACK <= target[life]:
            moves[life] = give
            spare -= give
    return moves


PRIOR_SHARE = 4
"""One in so many of a branch's equal share counts as demand before it has sold anything."""


def surplus_of(me: Life, cells: Collection[Cell], *, peers: Iterable[Life], reserved: int) -> dict[Life, int]:
    """What `me` should grant each of `peers` in the background, by these cells of one product. Demand is what
    each life has sold. Units that waiting orders need (`reserved`) never move."""
    lives = [me, *peers]
    sold = {cell.life: cell.sold for cell in cells}
    rights = {life: max(rights_of(life, cells), 0) for life in lives}
    # Before anything was sold, every branch counts alike; a few sales must not outweigh that at once.
    prior = max(1, sum(rights.values()) // (PRIOR_SHARE * len(lives)))
    demand = {life: sold.get(life, 0) + prior for life in lives}
    return surplus_moves(me, rights=rights, demand=demand, reserved=reserved)


@dataclass(frozen=True, slots=True)
class SoldUnits:
    """One order's units of an oversold product, with its place in logical time."""

    lamport: int
    branch: str
    order_id: str
    quantity: int


def deficits(oversold: int, sales: Iterable[SoldUnits]) -> list[SoldUnits]:
    """Which orders the oversold units are attributed to: the last ones by (lamport, branch, id).

    The same list on every node that knows the same orders; the quantities add up to `oversold`, or to less
    where removals, which are no orders, took what was not there.
    """
    named: list[SoldUnits] = []
    for sale in sorted(sales, key=lambda s: (s.lamport, s.branch, s.order_id), reverse=True):
        if oversold <= 0:
            break
        short = min(oversold, sale.quantity)
        named.append(replace(sale, quantity=short))
        oversold -= short
    return named
