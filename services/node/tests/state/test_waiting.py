"""Who waits for rights, and what is asked for them."""

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.waiting import Demand, Waiting, WaitingList, demand_of

PLENTY = {"rice": 1000, "beans": 1000}


def waiting(lamport: int, *, reach: dict[str, int] | None = None, **needs: int) -> Waiting:
    return Waiting((lamport, "matriz", f"{lamport:012d}"), needs, PLENTY if reach is None else reach)


def listed(*orders: Waiting) -> WaitingList:
    made = WaitingList()
    for order in orders:
        made.add(order)
    return made


OLD, YOUNG = waiting(3, rice=4, beans=1), waiting(8, rice=2)


@pytest.mark.parametrize(
    ("before", "reserved"),
    [
        (None, {"rice": 6, "beans": 1}),  # a newcomer leaves what everybody who waits needs
        (YOUNG.age, {"rice": 4, "beans": 1}),  # who waits leaves what the older ones need
        (OLD.age, {}),  # the oldest leaves nothing
        ((3, "filial-norte", "9"), {}),  # at one instant the branch's name decides
    ],
)
def test_everybody_leaves_what_older_orders_need(
    before: tuple[int, str, str] | None, reserved: dict[str, int]
) -> None:
    assert listed(YOUNG, OLD).reserved(before=before) == reserved


def test_who_left_the_list_reserves_nothing_any_more() -> None:
    orders = listed(OLD, YOUNG)
    orders.remove(OLD)
    orders.remove(OLD)
    assert orders.reserved(before=None) == {"rice": 2}


@pytest.mark.parametrize(
    ("product", "available", "demand"),
    [
        ("rice", 100, Demand(wanted=6, age=OLD.age)),  # all of them together, with the oldest one's age
        ("rice", 5, Demand(wanted=6, age=OLD.age)),  # each alone could be served, so both ask
        ("rice", 3, Demand(wanted=2, age=YOUNG.age)),  # the old one is larger than all there is
        ("rice", 1, Demand(wanted=0, age=None)),  # none can be served by what is known here: only ask
        ("rice", 0, Demand(wanted=0, age=None)),
        ("beans", 9, Demand(wanted=1, age=OLD.age)),
        ("tea", 9, None),  # nobody waits for it
    ],
)
def test_what_is_asked_for_is_what_can_be_served(product: str, available: int, demand: Demand | None) -> None:
    needs = listed(OLD, YOUNG).needs_of(product, within_reach=True)
    assert demand_of(needs, available=available) == demand


def test_a_question_is_met_by_no_rights_and_a_wish_by_as_many_as_it_names() -> None:
    question, wish = Demand(wanted=0, age=None), Demand(wanted=2, age=OLD.age)
    assert [question.is_met_by(rights) for rights in (0, 5)] == [False, False]
    assert [wish.is_met_by(rights) for rights in (1, 2)] == [False, True]


def test_what_is_impossible_reserves_nothing_of_any_product() -> None:
    reach = {"rice": 3, "beans": 1000}
    impossible = waiting(1, reach=reach, rice=4, beans=5)
    assert listed(impossible, YOUNG).reserved(before=None) == {"rice": 2}


def test_what_another_product_makes_impossible_is_not_asked_for() -> None:
    impossible = waiting(1, reach={"rice": 3, "beans": 1000}, rice=4, beans=5)
    for within_reach in (True, False):
        assert listed(impossible).needs_of("beans", within_reach=within_reach) == {}
    assert listed(impossible).needs_of("rice", within_reach=True) == {}
    assert listed(impossible).needs_of("rice", within_reach=False) == {impossible.age: 4}


UNITS = st.integers(1, 12)
PRODUCTS = ("beans", "rice", "tea")
REACH = st.fixed_dictionaries({product: st.integers(0, 20) for product in PRODUCTS})
NEEDS = st.dictionaries(st.sampled_from(PRODUCTS), UNITS, min_size=1)


def queue(orders: Sequence[dict[str, int]], reach: dict[str, int]) -> list[Waiting]:
    return [waiting(number, reach=reach, **needs) for number, needs in enumerate(orders)]


@given(orders=st.lists(NEEDS, max_size=8), reach=REACH)
def test_the_orders_that_are_waited_for_can_all_be_served(
    orders: list[dict[str, int]], reach: dict[str, int]
) -> None:
    """So no order that rights allow is held back for the sake of one that rights cannot serve."""
    reserved = listed(*queue(orders, reach)).reserved(before=None)
    assert all(units <= reach[product] for product, units in reserved.items())


@given(orders=st.lists(NEEDS, min_size=1, max_size=8), reach=REACH)
def test_an_order_that_fits_beside_its_elders_reserves_all_it_needs_and_any_other_nothing(
    orders: list[dict[str, int]], reach: dict[str, int]
) -> None:
    made = queue(orders, reach)
    kept = [listed(*made).reserved(before=order.age) for order in made]
    kept.append(listed(*made).reserved(before=None))
    for order, (before, after) in zip(made, pairwise(kept), strict=True):
        added = {product: units - before.get(product, 0) for product, units in after.items()}
        added = {product: units for product, units in added.items() if units}
        fits = all(before.get(p, 0) + units <= reach[p] for p, units in order.needs.items())
        assert added == (dict(order.needs) if fits else {})


@given(
    orders=st.lists(NEEDS, max_size=6),
    impossible=st.lists(st.tuples(st.integers(0, 6), st.sampled_from(PRODUCTS), UNITS), max_size=4),
    reach=REACH,
)
def test_impossible_orders_change_nothing_for_the_others(
    orders: list[dict[str, int]], impossible: list[tuple[int, str, int]], reach: dict[str, int]
) -> None:
    possible = queue(orders, reach)
    others = [
        Waiting((place, "filial-sul", str(number)), {product: reach[product] + units}, reach)
        for number, (place, product, units) in enumerate(impossible)
    ]
    alone, beside = listed(*possible), listed(*possible, *others)
    for age in (None, *(order.age for order in possible)):
        assert beside.reserved(before=age) == alone.reserved(before=age)
    for product in PRODUCTS:
        asked_for = [of.needs_of(product, within_reach=True) for of in (alone, beside)]
        assert asked_for[0] == asked_for[1]
