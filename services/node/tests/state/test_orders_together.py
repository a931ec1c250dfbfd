"""Orders that are placed together are what each would be after the other: the same rows, to the byte."""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.database import Actor, Transaction
from app.database.commands import Command
from app.domain.errors import OutOfRights, StateError
from app.domain.stock import Policy
from app.services.order_service import Placing
from app.services.rights_broker import Attempt
from app.state.commands import orders_together
from app.state.commands.order_commands import Placed, PlaceOrder
from app.state.tables import cell_mirror, orders, stock_table
from tests.support.branch import ACTOR, Branch, Branches

TABLES = ("orders", "order_lines", "events", "audit", "node", "digest_buckets")
UNORDERED = ("stock", "stock_grants", "own_cells")
"""Tables in which a row's number says nothing."""


@dataclass
class Client:
    gone: bool = False

    def step_aside(self) -> None:
        """It has no place to give up."""


@dataclass(frozen=True)
class Wanted:
    """An order as a client sends it."""

    lines: tuple[tuple[str, int], ...] = (("rice", 1),)
    customer: str = "ALFKI"
    note: str | None = None
    key: str | None = None
    request_hash: str = "hash"
    actor: Actor = ACTOR
    policy: Policy = "escrow"
    gone: bool = False
    reserved: Mapping[str, int] = field(default_factory=dict)
    """By sku."""

    def attempt(self, shop: Branch) -> Attempt[Placed]:
        order = PlaceOrder(self.customer, self.lines, self.note)
        placing = Placing(order, self.actor, self.key, self.request_hash, self.policy)
        reserved = {shop.product_id(sku): units for sku, units in self.reserved.items()}
        return Attempt(placing, Client(self.gone), reserved)


def alone(attempt: Attempt[Placed]) -> Command:
    """The same, as a command that says of no others that they are of its kind."""
    return attempt.__call__


def stocked(branches: Branches) -> Branch:
    """A branch with two customers, and units of three products; of the third some are a peer's."""
    branch = branches.make("matriz")
    norte = branches.make("norte")
    for code in ("ALFKI", "Ção"):
        branch.customer(code)
    for sku, units in (("rice", 30), ("beans", 9), ('o"leo%s', 5)):
        branch.product(sku, price_cents=units * 7)
        branch.adjust(sku, units, share="equal" if units == 5 else "keep", peers=[norte.life])
    branch.product("none")
    return branch


@pytest.fixture
def shop(branches: Branches) -> Branch:
    return stocked(branches)


def rows_of(shop: Branch) -> dict[str, list[Any]]:
    def rows(table: str) -> list[Any]:
        return [tuple(row) for row in shop.connection.execute(f"SELECT * FROM {table}")]

    return {
        **{table: rows(table) for table in TABLES},
        **{table: sorted(rows(table)) for table in UNORDERED},
    }


def told(outcomes: Sequence[Any]) -> list[Any]:
    return [
        (outcome.value, type(outcome.error), vars(outcome.error) if outcome.error else None, outcome.wrote)
        for outcome in outcomes
    ]


@contextmanager
def counting() -> Iterator[list[int]]:
    """How many orders were placed together, each time that it was tried."""
    counts: list[int] = []
    place = orders_together.place_orders

    def counted(tx: Transaction, attempts: Iterable[Any]) -> list[Placed]:
        placed = place(tx, attempts)
        counts.append(len(placed))
        return placed

    with mock.patch.object(Placing, "together", staticmethod(counted)):
        yield counts


LINES = st.lists(
    st.tuples(
        st.sampled_from(["rice", "RICE ", "beans", 'o"leo%s', "beans", "none", "unknown"]),
        st.sampled_from([1, 1, 1, 2, 3, 7]),
    ),
    min_size=1,
    max_size=3,
).map(tuple)
ORDERS = st.builds(
    Wanted,
    lines=LINES,
    customer=st.sampled_from(["ALFKI", "alfki", "Ção", "ALFKI", "ALFKI", "nobody"]),
    note=st.sampled_from([None, None, 'by "noon"\\', "ç"]),
    key=st.sampled_from([None, None, "k", "l", "m"]),
    request_hash=st.sampled_from(["hash", "hash", "another"]),
    actor=st.sampled_from([ACTOR, replace(ACTOR, user_id="another", request_id="r")]),
    policy=st.sampled_from(["escrow"] * 9 + ["optimistic"]),
    gone=st.sampled_from([False] * 9 + [True]),
    reserved=st.sampled_from([{}, {}, {"rice": 20}, {"beans": 1}]),
)


@pytest.mark.whole
@settings(max_examples=150)
@given(groups=st.lists(st.lists(ORDERS, min_size=2, max_size=7), min_size=1, max_size=3))
def test_together_is_one_after_the_other(
    schema: sqlite3.Connection, groups: Sequence[Sequence[Wanted]]
) -> None:
    with closing(Branches(schema)) as made, closing(Branches(schema)) as others:
        together, apart = stocked(made), stocked(others)
        for group in groups:
            outcomes, effects = together.run([one.attempt(together) for one in group])
            expected, changed = apart.run([alone(one.attempt(apart)) for one in group])
            assert told(outcomes) == told(expected)
            assert replace(effects, deltas={}) == replace(changed, deltas={})
            assert rows_of(together) == rows_of(apart)


def test_orders_of_a_group_are_placed_in_one_pass(shop: Branch) -> None:
    with counting() as counts:
        shop.do_all([Wanted().attempt(shop) for _ in range(5)])
    assert counts == [5]


def test_orders_placed_together_take_no_unit_twice(branches: Branches) -> None:
    shop = stocked(branches)
    outcomes = shop.do_all([Wanted((("rice", 12),)).attempt(shop) for _ in range(4)])
    assert [type(one.error) for one in outcomes] == [type(None), type(None), OutOfRights, OutOfRights]
    assert shop.rights(shop.product_id("rice")) == 6


@pytest.mark.parametrize(
    "odd",
    [
        Wanted(customer="nobody"),
        Wanted((("unknown", 1),)),
        Wanted((("none", 1),)),
        Wanted((("rice", 31),)),
        Wanted((("rice", 1), ("Rice", 1))),
        Wanted(reserved={"rice": 29}),
        Wanted(key="used"),
        Wanted(key="twice"),
        Wanted(policy="optimistic"),
        Wanted(gone=True),
    ],
)
def test_an_order_that_is_not_plain_is_looked_at_alone(branches: Branches, odd: Wanted) -> None:
    shop = stocked(branches)
    shop.do(Wanted(key="used").attempt(shop))
    group = [Wanted(), Wanted(key="twice"), odd, Wanted(), Wanted()]
    with counting() as counts:
        shop.do_all([one.attempt(shop) for one in group])
    assert counts == [2, 0, 2]


def test_an_order_by_an_altered_row_is_refused_and_the_others_are_placed(shop: Branch) -> None:
    shop.connection.execute("UPDATE products SET price_cents = 1 WHERE sku = 'beans'")
    group = [Wanted(), Wanted((("beans", 1),)), Wanted()]
    outcomes = shop.do_all([one.attempt(shop) for one in group])
    assert [outcome.error is None for outcome in outcomes] == [True, False, True]


def test_what_fails_half_way_is_undone_and_done_one_by_one(shop: Branch) -> None:
    with mock.patch.object(orders, "defer", side_effect=ValueError):
        outcomes = shop.do_all([Wanted(key="k").attempt(shop), Wanted().attempt(shop)])
    assert [type(outcome.error) for outcome in outcomes] == [ValueError, ValueError]
    outcomes = shop.do_all([Wanted(key="k").attempt(shop), Wanted().attempt(shop)])
    assert [outcome.error for outcome in outcomes] == [None, None]
    assert shop.rights(shop.product_id("rice")) == 28


def test_orders_of_recovered_units_are_looked_at_alone(shop: Branch) -> None:
    def recover(tx: Transaction) -> None:
        found = cell_mirror.find(tx, shop.product_id("rice"))
        assert found.own is not None
        stock_table.move(tx, found.own, found.own.add("recovered", 2))

    shop.do(recover)
    with counting() as counts:
        shop.do_all([Wanted().attempt(shop), Wanted().attempt(shop)])
    assert counts == [0]


def test_a_group_of_refusals_leaves_nothing_to_commit(shop: Branch) -> None:
    before = rows_of(shop)
    outcomes = shop.do_all([Wanted(customer="nobody").attempt(shop) for _ in range(3)])
    assert all(isinstance(outcome.error, StateError) for outcome in outcomes)
    assert rows_of(shop) == before
