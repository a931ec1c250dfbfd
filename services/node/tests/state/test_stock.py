"""The bounded counter, case by case."""

from typing import Any

import pytest

from app.domain import stock
from app.domain.bounds import MOST_UNITS_OF_GRANT
from app.domain.life import Life
from app.domain.stock import Cell, Compared, SoldUnits, Totals

MATRIZ, NORTE, SUL = Life("matriz", "e1"), Life("norte", "e1"), Life("sul", "e1")
OLD_NORTE = Life("norte", "e0")


def cell(life: Life, *, granted: dict[Life, int] | None = None, **counts: int) -> Cell:
    fields: dict[str, Any] = {"version": 1, **counts}
    return Cell("p", *life, granted=granted or {}, **fields)


def test_a_movement_grows_one_count_and_the_version_by_one_each() -> None:
    assert cell(MATRIZ, received=5).add("sold", 2) == cell(MATRIZ, received=5, sold=2, version=2)


def test_grants_to_one_life_add_up() -> None:
    given = cell(MATRIZ, received=5).grant(NORTE, 2).grant(SUL, 1).grant(NORTE, 1)
    assert given == cell(MATRIZ, received=5, granted={NORTE: 3, SUL: 1}, version=4)


def test_a_cell_is_not_changed_by_what_follows_it() -> None:
    before = cell(MATRIZ, received=5)
    before.add("sold", 1)
    before.grant(NORTE, 1)
    assert before == cell(MATRIZ, received=5)


def test_a_cell_has_one_canonical_form() -> None:
    assert cell(MATRIZ, received=5, granted={NORTE: 2}, version=2).as_json() == {
        "product_id": "p",
        "branch": "matriz",
        "epoch": "e1",
        "received": 5,
        "returned": 0,
        "returned_frozen": 0,
        "recovered": 0,
        "written_off": 0,
        "sold": 0,
        "removed": 0,
        "granted": {"norte@e1": 2},
        "version": 2,
    }


@pytest.mark.parametrize(
    ("life", "rights"),
    [
        (MATRIZ, 4),  # received 10 + returned 1 - sold 2 - removed 1 - granted 3 and 1
        (NORTE, 1),  # granted to this very epoch 3 - sold 2
        (OLD_NORTE, 0),  # granted to it 1 - sold 1
        (SUL, 0),  # nobody gave it anything
    ],
)
def test_rights_are_what_a_life_got_minus_what_it_spent(life: Life, rights: int) -> None:
    cells = [
        cell(MATRIZ, received=10, returned=1, sold=2, removed=1, granted={NORTE: 3, OLD_NORTE: 1}),
        cell(NORTE, sold=2),
        cell(OLD_NORTE, sold=1),
    ]
    assert stock.rights_of(life, cells) == rights


def test_rights_start_at_nothing_while_the_company_has_stock() -> None:
    """The mistake of a counter whose rights start from the company's value: both sides could sell all."""
    assert stock.rights_of(NORTE, [cell(MATRIZ, received=10)]) == 0


def test_a_grant_to_an_earlier_life_is_no_right_of_the_present_one() -> None:
    cells = [cell(MATRIZ, received=10, granted={OLD_NORTE: 4})]
    assert stock.rights_of(NORTE, cells) == 0
    assert stock.rights_of(OLD_NORTE, cells) == 4


def test_of_an_absurd_grant_no_more_counts_than_rows_can_add_up() -> None:
    cells = [cell(MATRIZ, received=2**62, granted={NORTE: 2**62}), cell(NORTE, sold=1)]
    assert stock.rights_of(NORTE, cells) == MOST_UNITS_OF_GRANT - 1


def test_what_a_stock_count_recovered_is_the_counters_right() -> None:
    cells = [cell(MATRIZ, recovered=3, sold=1), cell(OLD_NORTE, received=3)]
    assert [stock.rights_of(life, cells) for life in (MATRIZ, NORTE)] == [2, 0]


def test_units_returned_frozen_are_nobodys_rights() -> None:
    assert stock.rights_of(MATRIZ, [cell(MATRIZ, received=3, sold=3, returned_frozen=2)]) == 0


@pytest.mark.parametrize(
    ("cells", "dead", "expected"),
    [
        ([], [], Totals(available=0, frozen=0, oversold=0)),
        ([cell(MATRIZ, received=9, sold=2, removed=1)], [], Totals(available=6, frozen=0, oversold=0)),
        ([cell(MATRIZ, received=9, sold=2)], [MATRIZ], Totals(available=0, frozen=7, oversold=0)),
        # Given to a life that never wrote a row of its own and is over: frozen, not lost.
        ([cell(MATRIZ, received=9, granted={NORTE: 4})], [NORTE], Totals(available=5, frozen=4, oversold=0)),
        # Returned to an earlier epoch: the company's, but nobody's to sell until a count.
        (
            [cell(OLD_NORTE, received=5, sold=2), cell(NORTE, returned_frozen=2)],
            [OLD_NORTE],
            Totals(available=0, frozen=5, oversold=0),
        ),
        # A count recovered three of them and wrote one off.
        (
            [cell(OLD_NORTE, received=5), cell(MATRIZ, recovered=3, written_off=1)],
            [OLD_NORTE],
            Totals(available=3, frozen=1, oversold=0),
        ),
        # The counter died too: what it recovered and did not sell is frozen once, not twice.
        (
            [cell(OLD_NORTE, received=5), cell(MATRIZ, recovered=5, sold=1)],
            [OLD_NORTE, MATRIZ],
            Totals(available=0, frozen=4, oversold=0),
        ),
        # Two branches sold the same units while apart, under the optimistic policy.
        (
            [cell(MATRIZ, received=5, sold=4), cell(NORTE, sold=4)],
            [],
            Totals(available=0, frozen=0, oversold=3),
        ),
    ],
)
def test_the_companys_stock(cells: list[Cell], dead: list[Life], expected: Totals) -> None:
    assert stock.totals(cells, dead) == expected


def test_merging_takes_the_most_advanced_of_every_field() -> None:
    ours = cell(MATRIZ, received=5, sold=1, granted={NORTE: 2}, version=3)
    theirs = cell(MATRIZ, received=5, sold=3, granted={NORTE: 1, SUL: 1}, version=5)
    merged = cell(MATRIZ, received=5, sold=3, granted={NORTE: 2, SUL: 1}, version=5)
    assert stock.merge(ours, theirs) == merged


@pytest.mark.parametrize(
    ("theirs", "expected"),
    [
        (cell(MATRIZ, received=5, version=2), False),  # the same row again
        (cell(MATRIZ, received=6, version=3), False),  # a later one
        (cell(MATRIZ, received=4, version=1), False),  # an earlier one
        (cell(MATRIZ, received=6, version=2), True),  # one writer cannot have written both
        (cell(MATRIZ, received=5, granted={NORTE: 1}, version=2), True),
        (cell(MATRIZ, received=4, sold=1, version=3), True),  # a later one that forgot a unit received
        (cell(MATRIZ, received=2, removed=1, version=1), True),  # an earlier one with a movement never made
    ],
)
def test_views_that_no_one_history_can_have_are_a_fork(theirs: Cell, expected: bool) -> None:
    assert stock.is_fork(cell(MATRIZ, received=5, version=2), theirs) is expected


HERE = cell(NORTE, received=5, version=2)
LATER = cell(NORTE, received=6, version=3)
OTHER = cell(NORTE, received=6, version=2)


@pytest.mark.parametrize(
    ("ours", "theirs", "me", "expected"),
    [
        (HERE, HERE, MATRIZ, Compared()),
        (None, HERE, MATRIZ, Compared(after=HERE)),
        (HERE, LATER, MATRIZ, Compared(after=LATER)),
        (LATER, HERE, MATRIZ, Compared()),
        (HERE, OTHER, MATRIZ, Compared(after=OTHER, is_fork=True)),
        (HERE, HERE, NORTE, Compared()),
        (LATER, HERE, NORTE, Compared()),
        (None, HERE, NORTE, Compared(is_ahead=True)),
        (HERE, LATER, NORTE, Compared(is_ahead=True)),
        (HERE, OTHER, NORTE, Compared(is_ahead=True)),
    ],
)
def test_a_peers_view_is_merged_but_of_this_very_life_only_compared(
    ours: Cell | None, theirs: Cell, me: Life, expected: Compared
) -> None:
    assert stock.compare(ours, theirs, me=me) == expected


@pytest.mark.parametrize(
    ("frozen", "missing", "grown"),
    [
        (5, 0, {"recovered": 5, "version": 2}),
        (5, 2, {"recovered": 3, "written_off": 2, "version": 3}),
        (5, 5, {"written_off": 5, "version": 2}),
        (5, 7, {"written_off": 7, "version": 2}),  # the pool is below zero now, for all to see
        (5, -1, {"recovered": 6, "returned_frozen": 1, "version": 3}),
        (-2, -2, {"returned_frozen": 2, "version": 2}),
        (0, 0, {}),
    ],
)
def test_a_count_recovers_what_remains_of_the_pool(frozen: int, missing: int, grown: dict[str, Any]) -> None:
    assert stock.counted(cell(MATRIZ), frozen=frozen, missing=missing) == cell(MATRIZ, **grown)


@pytest.mark.parametrize(
    ("wanted", "asker", "giver", "reserved", "granted"),
    [
        (5, 0, 10, 0, 5),  # what it lacks
        (5, 3, 10, 0, 2),  # no more than it lacks
        (5, 0, 2, 0, 2),  # no more than there is; no floor, no half
        (1, 0, 1, 0, 1),  # the last unit moves
        (5, 5, 10, 0, 0),  # the same request again: the target is reached
        (5, 7, 10, 0, 0),  # a delayed one: the target is passed
        (5, 0, 10, 8, 2),  # what older orders wait for here stays
        (5, 0, 10, 10, 0),
        (5, 0, 3, 8, 0),  # older orders here need more than there is
        (0, 0, 10, 0, 0),
        (5, 0, 0, 0, 0),
        (5, 0, -2, 0, 0),  # oversold under the optimistic policy
    ],
)
def test_a_grant_is_what_the_asker_lacks_as_far_as_spare_rights_go(
    wanted: int, asker: int, giver: int, reserved: int, granted: int
) -> None:
    size = stock.grant_size(wanted=wanted, asker_rights=asker, giver_rights=giver, reserved=reserved)
    assert size == granted


@pytest.mark.parametrize(
    ("quantity", "peers", "shares"),
    [
        (9, [NORTE, SUL], {NORTE: 3, SUL: 3}),
        (11, [NORTE, SUL], {NORTE: 3, SUL: 3}),  # five stay: the remainder is not worth a grant
        (2, [NORTE, SUL], {}),  # nobody gets a share of nothing
        (7, [], {}),
    ],
)
def test_an_equal_split_leaves_the_remainder_with_the_receiver(
    quantity: int, peers: list[Life], shares: dict[Life, int]
) -> None:
    assert stock.equal_split(quantity, peers) == shares


@pytest.mark.parametrize(
    ("quantity", "own", "demand", "shares"),
    [
        (10, 5, {NORTE: 3, SUL: 2}, {NORTE: 3, SUL: 2}),
        (10, 0, {NORTE: 1, SUL: 2}, {NORTE: 3, SUL: 6}),  # the remainder stays
        (10, 0, {NORTE: 0, SUL: 0}, {}),  # nothing is known of demand
        (10, 4, {NORTE: 0, SUL: 4}, {SUL: 5}),
    ],
)
def test_a_split_by_demand_follows_what_was_sold(
    quantity: int, own: int, demand: dict[Life, int], shares: dict[Life, int]
) -> None:
    assert stock.demand_split(quantity, own_demand=own, demand=demand) == shares


@pytest.mark.parametrize(
    ("rights", "reserved", "moves"),
    [
        ({MATRIZ: 90, NORTE: 0, SUL: 0}, 0, {NORTE: 30, SUL: 30}),
        ({MATRIZ: 90, NORTE: 0, SUL: 0}, 80, {NORTE: 10}),  # what waits here stays
        ({MATRIZ: 90, NORTE: 0, SUL: 0}, 95, {}),
        ({MATRIZ: 36, NORTE: 27, SUL: 27}, 0, {}),  # within 1.2 times the share
        ({MATRIZ: 46, NORTE: 15, SUL: 29}, 0, {NORTE: 15}),
        ({MATRIZ: 46, NORTE: 16, SUL: 28}, 0, {}),  # nobody holds less than half its share
        ({MATRIZ: 10, NORTE: 80, SUL: 0}, 0, {}),  # the rich give, the poor do not
        ({MATRIZ: 0, NORTE: 0, SUL: 0}, 0, {}),
    ],
)
def test_surplus_goes_to_the_poorest_first(
    rights: dict[Life, int], reserved: int, moves: dict[Life, int]
) -> None:
    demand = {MATRIZ: 1, NORTE: 1, SUL: 1}
    assert stock.surplus_moves(MATRIZ, rights=rights, demand=demand, reserved=reserved) == moves


def test_surplus_follows_demand() -> None:
    rights, demand = {MATRIZ: 100, NORTE: 0, SUL: 0}, {MATRIZ: 1, NORTE: 6, SUL: 3}
    moves = stock.surplus_moves(MATRIZ, rights=rights, demand=demand, reserved=0)
    assert moves == {NORTE: 60, SUL: 30}


@pytest.mark.parametrize(
    ("oversold", "expected"),
    [
        (0, []),
        (2, [("sul", "o4", 2)]),
        (3, [("sul", "o4", 3)]),
        (5, [("sul", "o4", 3), ("norte", "o3", 2)]),
        (99, [("sul", "o4", 3), ("norte", "o3", 2), ("matriz", "o2", 4), ("matriz", "o1", 1)]),
    ],
)
def test_oversold_units_are_the_last_orders_deficits(
    oversold: int, expected: list[tuple[str, str, int]]
) -> None:
    sales = [
        SoldUnits(7, "norte", "o3", 2),
        SoldUnits(3, "matriz", "o1", 1),
        SoldUnits(7, "sul", "o4", 3),  # the same instant as o3: the branch's name decides
        SoldUnits(7, "matriz", "o2", 4),
    ]
    named = stock.deficits(oversold, sales)
    assert [(sale.branch, sale.order_id, sale.quantity) for sale in named] == expected
