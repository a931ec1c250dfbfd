"""Who waits for rights, and what is asked for them."""

import pytest

from app.domain.waiting import Demand, Waiting, WaitingList, demand_of


def waiting(lamport: int, **needs: int) -> Waiting:
    return Waiting(age=(lamport, "matriz", f"{lamport:012d}"), needs=needs)


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
        ("rice", 1, Demand(wanted=2, age=None)),  # none can be served by what is known here: ask last
        ("rice", 0, Demand(wanted=2, age=None)),
        ("beans", 9, Demand(wanted=1, age=OLD.age)),
        ("tea", 9, None),  # nobody waits for it
    ],
)
def test_what_is_asked_for_is_what_can_be_served(product: str, available: int, demand: Demand | None) -> None:
    assert demand_of(listed(OLD, YOUNG).needs_of(product), available=available) == demand
