"""Cells as they are read, written and merged."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain import stock
from app.domain.errors import Invalid, NotFound
from app.domain.life import Life
from app.domain.stock import Cell
from app.state.repair import altered_rows, checking
from app.state.tables import cell_json, life_table, stock_table, stock_views
from tests.support.branch import ACTOR, Branch, Branches

OLD, NEW = Life("norte", "e0"), Life("norte", "e1")


def document(**changes: Any) -> dict[str, Any]:
    return {**Cell("p", *NEW, received=3, version=1).as_json(), **changes}


def merge(branch: Branch, *cells: Cell) -> stock_table.Merged:
    return branch.do(lambda tx: stock_table.merge(tx, cells))


def cells(branch: Branch, product_id: str) -> dict[Life, Cell]:
    return {cell.life: cell for cell in stock_table.cells_of(branch.connection, product_id)}


def lives(branch: Branch) -> dict[Life, int]:
    rows = branch.connection.execute("SELECT branch, epoch, dead FROM epochs")
    return {Life(row[0], row[1]): row[2] for row in rows}


def test_a_cell_is_read_as_it_was_written(branches: Branches) -> None:
    matriz = branches.make("matriz")
    product = matriz.product("rice")
    matriz.adjust("rice", 9, share="equal", peers=[NEW, OLD])
    matriz.adjust("rice", -1)
    written = Cell(product, *matriz.life, received=9, removed=1, granted={OLD: 3, NEW: 3}, version=4)
    assert cells(matriz, product) == {matriz.life: written}


def test_a_peers_rows_are_merged_field_by_field(branches: Branches) -> None:
    matriz = branches.make("matriz")
    product = matriz.product("rice")
    later = Cell(product, *NEW, received=5, sold=2, version=3)
    assert merge(matriz, later).changed
    assert not merge(matriz, Cell(product, *NEW, received=5, version=1)).changed
    assert not merge(matriz, later).changed
    assert cells(matriz, product) == {NEW: later}


def test_merging_announces_nothing_but_wakes_who_waits_for_the_product(branches: Branches) -> None:
    matriz = branches.make("matriz")
    product = matriz.product("rice")
    before = matriz.head()
    changed = matriz.do(
        lambda tx: (stock_table.merge(tx, [Cell(product, *NEW, received=5, version=1)]), tx.effects.stock)[1]
    )
    assert (matriz.head(), changed) == (before, {product})


@pytest.mark.parametrize("version", [2, 3])
def test_another_history_of_a_life_is_reported_and_merged_and_ends_it(
    branches: Branches, version: int
) -> None:
    """The alarm is for people; the merge keeps every node at the same, safest view. What the life spent since
    its two histories parted nobody knows, so it must not go on."""
    matriz = branches.make("matriz")
    product = matriz.product("rice")
    merge(matriz, Cell(product, *NEW, received=5, version=2))
    merged = merge(matriz, Cell(product, *NEW, received=4, sold=1, version=version))
    assert merged.forks == [f"{product} of norte@e1"]
    assert cells(matriz, product) == {NEW: Cell(product, *NEW, received=5, sold=1, version=version)}
    assert lives(matriz)[NEW] == 1


@pytest.mark.parametrize(
    ("theirs", "ahead"),
    [
        ({"received": 5, "version": 1}, False),  # what this node wrote
        ({"received": 9, "version": 2}, True),  # more than this node wrote: its file was rolled back
        ({"received": 6, "version": 1}, True),  # another history: it was cloned
    ],
)
def test_a_peer_that_knows_more_of_this_very_life_changes_nothing_and_is_heard(
    branches: Branches, theirs: dict[str, Any], ahead: bool
) -> None:
    matriz = branches.make("matriz")
    product = matriz.product("rice")
    matriz.adjust("rice", 5)
    merged = merge(matriz, Cell(product, *matriz.life, **theirs))
    assert merged.ahead == ([product] if ahead else [])
    assert cells(matriz, product)[matriz.life].received == 5


def test_an_old_view_of_this_very_life_with_a_movement_it_never_made_is_heard(branches: Branches) -> None:
    matriz = branches.make("matriz")
    product = matriz.product("rice")
    matriz.adjust("rice", 5)
    matriz.adjust("rice", 5)
    view = Cell(product, *matriz.life, received=5, granted={NEW: 1}, version=1)
    assert merge(matriz, view).ahead == [product]


def test_an_old_view_of_this_very_life_is_no_alarm(branches: Branches) -> None:
    matriz = branches.make("matriz")
    product = matriz.product("rice")
    matriz.adjust("rice", 5)
    matriz.adjust("rice", 5)
    assert merge(matriz, Cell(product, *matriz.life, received=5, version=1)) == stock_table.Merged()


def test_lives_are_learnt_from_rows_and_those_of_this_branch_from_grants(branches: Branches) -> None:
    matriz = branches.make("matriz")
    product = matriz.product("rice")
    granted = {Life("sul", "e7"): 2, Life("matriz", "e7"): 1}
    merge(matriz, Cell(product, *NEW, received=5, granted=granted, version=2))
    assert lives(matriz) == {matriz.life: 0, NEW: 0, Life("matriz", "e7"): 1}


def test_another_life_of_ones_own_branch_is_over(branches: Branches) -> None:
    matriz = branches.make("matriz")
    product = matriz.product("rice")
    merge(matriz, Cell(product, *NEW, received=5, granted={Life("matriz", "before"): 2}, version=2))
    assert lives(matriz)[Life("matriz", "before")] == 1


def test_death_is_for_ever(branches: Branches) -> None:
    matriz = branches.make("matriz")
    matriz.do(lambda tx: life_table.learn_life(tx, OLD, dead=True))
    matriz.do(lambda tx: life_table.learn_life(tx, OLD))
    assert life_table.dead_lives(matriz.connection) == {OLD}


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        {},
        document(product_id=7),
        document(branch=""),
        document(received=-1),
        document(received=1.0),
        document(received=True),
        document(received="1"),
        document(received=2**63),
        document(version=0),
        document(version=None),
        document(granted=None),
        document(granted={"norte": 1}),
        document(granted={"@e1": 1}),
        document(granted={"norte@": 1}),
        document(granted={"norte@e1": 0}),
        document(granted={"norte@e1": -1}),
        document(granted={"norte@e1": "1"}),
    ],
)
def test_what_no_node_can_have_written_is_invalid(body: Any) -> None:
    with pytest.raises(Invalid):
        cell_json.cell_from_json(body)


@given(
    name=st.sampled_from(sorted(document())),
    value=st.one_of(
        st.sampled_from(
            [" a", "a ", "a b", "a\x00", "\u2028", "", "x" * 65, -1, 2**62, 2**62 + 1, True, 1.0, {}]
        ),
        st.text(max_size=3),
    ),
)
def test_a_plain_cell_is_read_as_one_that_is_looked_at_field_by_field(name: str, value: Any) -> None:
    body = document(**{name: value})

    def outcome(read: Callable[[Any], Cell]) -> Any:
        try:
            return read(body)
        except Invalid as invalid:
            return invalid.field, invalid.reason

    assert outcome(cell_json.cell_from_json) == outcome(cell_json._checked)


def test_a_cell_survives_the_wire() -> None:
    cell = Cell("p", *NEW, received=3, granted={OLD: 2}, version=2)
    assert cell_json.cell_from_json(cell.as_json()) == cell


def test_a_cell_is_written_by_its_own_life_only(branches: Branches) -> None:
    matriz = branches.make("matriz")
    foreign = Cell(matriz.product("rice"), *NEW)
    with pytest.raises(AssertionError):
        matriz.do(lambda tx: stock_table.move(tx, foreign, foreign.add("received", 1)))


def test_the_view_shows_the_company_the_branch_and_every_row(branches: Branches) -> None:
    matriz = branches.make("matriz")
    product = matriz.product("rice")
    matriz.adjust("rice", 10, share="equal", peers=[NEW])
    merge(matriz, Cell(product, *OLD, received=4, version=1))
    matriz.do(lambda tx: life_table.learn_life(tx, OLD, dead=True))
    view = stock_views.stock_view(matriz.connection, "RICE")
    assert (view.sku, view.available, view.frozen, view.oversold, view.here) == ("rice", 10, 4, 0, 5)
    assert [(row.branch, row.granted) for row in view.rows] == [
        ("matriz", {NEW: 5}),
        ("norte", {}),
    ]
    assert stock_views.stock_page(matriz.connection, "", 10) == [view]
    assert stock_views.stock_page(matriz.connection, product, 10) == []


def test_stock_of_an_unknown_product_is_not_found(branches: Branches) -> None:
    with pytest.raises(NotFound):
        stock_views.stock_view(branches.make("matriz").connection, "tea")


def test_oversold_units_are_named_with_the_orders_that_lack_them(branches: Branches) -> None:
    """The optimistic policy sells what both sides of a partition believe to be there."""
    matriz, norte = branches.make("matriz"), branches.make("norte")
    matriz.product("rice")
    matriz.adjust("rice", 5)
    matriz.send(norte)
    for branch in (matriz, norte):
        branch.customer("ALFKI")
    first = matriz.place("ALFKI", ("rice", 4), policy="optimistic")
    second = norte.place("ALFKI", ("rice", 3), policy="optimistic")
    matriz.send(norte)
    norte.send(matriz)
    lists = [stock_views.stock_view(branch.connection, "rice") for branch in (matriz, norte)]
    assert [view.oversold for view in lists] == [2, 2]
    assert lists[0].deficits == lists[1].deficits
    last = max((matriz, first), (norte, second), key=lambda placed: _place_in_time(*placed))
    assert [(units.order_id, units.branch, units.quantity) for units in lists[0].deficits] == [
        (last[1], last[0].identity.name, 2)
    ]
    assert {
        stock.rights_of(branch.life, cells(branch, branch.product_id("rice")).values())
        for branch in (matriz, norte)
    } == {1, -3}


def _place_in_time(branch: Branch, order_id: str) -> tuple[int, str, str]:
    row = branch.connection.execute("SELECT lamport, branch, id FROM orders WHERE id = ?", (order_id,))
    lamport, name, found = row.fetchone()
    return lamport, name, found


def loosen(branch: Branch, table: str) -> None:
    """Let a table hold what its types forbid, as damaged bytes do."""
    branch.connection.execute("PRAGMA foreign_keys = OFF")
    branch.connection.execute(f"ALTER TABLE {table} RENAME TO strict_{table}")
    branch.connection.execute(f"CREATE TABLE {table} AS SELECT * FROM strict_{table}")


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("stock", "UPDATE stock SET sold = 'x'"),
        ("stock", "UPDATE stock SET received = NULL"),
        ("stock_grants", "UPDATE stock_grants SET quantity = 'x'"),
        ("stock_grants", "UPDATE stock_grants SET quantity = 0.5"),
    ],
)
def test_a_number_that_is_none_ends_no_life_and_fails_no_reader(
    branches: Branches, table: str, change: str
) -> None:
    """The version of such a row is as doubtful as the rest of it."""
    matriz = branches.make("matriz")
    product = matriz.product("rice")
    matriz.adjust("rice", 9, share="equal", peers=[NEW])
    loosen(matriz, table)
    matriz.connection.execute(change)
    assert stock_table.without_altered(matriz.connection, matriz.life, [product, "other"]) == ["other"]
    troubles = checking.find_troubles(matriz.connection)
    assert [trouble.relation for trouble in troubles] == ["stock"]
    for trouble in troubles:
        matriz.do(partial(altered_rows.list_altered, trouble=trouble, asked=1, why="a test"))
    assert stock_views.stock_view(matriz.connection, "rice").rows == []
    assert matriz.do(lambda tx: altered_rows.accept(tx, actor=ACTOR)) == {"accepted": 0, "left": 1}
