"""Stock rows by who tells them: a life's own word, its branch's, and what others say."""

from functools import partial

import pytest

from app.database import Transaction
from app.domain import stock
from app.domain.errors import BeyondBounds
from app.domain.life import Life
from app.domain.stock import Cell, rights_of
from app.domain.times import DAMAGED, shown
from app.state.commands import grants, stock_count
from app.state.registry import replicated
from app.state.tables import cell_json, life_table, membership, stock_table
from tests.support.branch import Branch, Branches

OLD, NEW, LIAR = Life("norte", "e0"), Life("norte", "e1"), Life("sul", "e1")


@pytest.fixture
def matriz(branches: Branches) -> Branch:
    return make_matriz(branches)


def make_matriz(branches: Branches) -> Branch:
    """A branch that knows the product rice, and norte's two lives, of which one is over."""
    branch = branches.make("matriz")
    branch.product("rice")
    branch.do(lambda tx: life_table.learn_deaths(tx, [OLD], by=NEW))
    branch.do(lambda tx: life_table.learn_life(tx, NEW))
    return branch


def hear(branch: Branch, speaker: Life, cell: Cell, *, rebuilds: bool = False) -> stock_table.Merged:
    """Merge a cell that a life tells, while this branch is empty and reaches nobody, if it `rebuilds`."""

    def merge(tx: Transaction) -> stock_table.Merged:
        founded, tx.counters.founded = tx.counters.founded, int(not rebuilds)
        with tx.hearing(speaker, unreached=lambda _branch: rebuilds):
            merged = stock_table.merge(tx, [cell])
        tx.counters.founded = founded
        return merged

    return branch.do(merge)


def granted(branch: Branch, giver: Life, units: int) -> Cell:
    """A cell by which `giver` received units and granted all of them to the branch."""
    return Cell(
        branch.product_id("rice"), *giver, received=units, granted={branch.life: units}, version=units + 1
    )


def give_back(branch: Branch) -> None:
    for product_id in grants.products_owed(branch.connection):
        branch.do(partial(grants.give_back, product_id=product_id))


def usable(branch: Branch) -> int:
    cells = stock_table.cells_of(branch.connection, branch.product_id("rice"))
    return stock_table.usable_rights(branch.connection, cells, branch.life)


def received(branch: Branch, life: Life) -> int:
    cells = stock_table.cells_of(branch.connection, branch.product_id("rice"))
    return stock_table.own_cell(cells, life, "").received


def test_a_grant_is_spent_by_its_givers_own_word_only(matriz: Branch) -> None:
    hear(matriz, NEW, granted(matriz, NEW, 3))
    assert usable(matriz) == 3
    hear(matriz, LIAR, granted(matriz, NEW, 50))
    assert (usable(matriz), received(matriz, NEW)) == (3, 3)
    hear(matriz, LIAR, granted(matriz, OLD, 50))
    assert (usable(matriz), received(matriz, OLD)) == (3, 50)


def test_what_a_life_said_before_it_ended_is_spent_and_what_others_add_is_not(matriz: Branch) -> None:
    hear(matriz, OLD, granted(matriz, OLD, 3))
    for speaker in (NEW, LIAR):
        hear(matriz, speaker, granted(matriz, OLD, 50))
        assert (usable(matriz), received(matriz, OLD)) == (3, 50)


def test_what_only_others_say_that_a_dead_life_granted_is_frozen_with_it(matriz: Branch) -> None:
    hear(matriz, OLD, granted(matriz, OLD, 3))
    hear(matriz, LIAR, granted(matriz, OLD, 50))
    give_back(matriz)
    hear(matriz, LIAR, granted(matriz, OLD, 50))
    give_back(matriz)
    cells = stock_table.cells_of(matriz.connection, matriz.product_id("rice"))
    assert stock_table.own_cell(cells, matriz.life, "").granted == {OLD: 47}
    assert rights_of(matriz.life, cells) == usable(matriz) == 3
    totals = matriz.totals(matriz.product_id("rice"))
    assert (totals.available, totals.frozen) == (3, 47)


def test_a_merge_writes_no_row_of_this_nodes_own(matriz: Branch) -> None:
    """A disk that went back merges before it knows that its life is over."""
    hear(matriz, LIAR, granted(matriz, OLD, 50))
    cells = stock_table.cells_of(matriz.connection, matriz.product_id("rice"))
    assert stock_table.own_cell(cells, matriz.life, "").version == 0
    assert usable(matriz) == 0


@pytest.mark.parametrize(("may_move", "given_back"), [(True, {OLD: 50}), (False, {})])
def test_a_count_finds_given_back_what_was_unconfirmed(
    matriz: Branch, *, may_move: bool, given_back: dict[Life, int]
) -> None:
    """Units that are frozen only after a count would wait for the next one."""
    hear(matriz, LIAR, granted(matriz, OLD, 50))
    product_id = matriz.product_id("rice")
    handed = matriz.do(
        lambda tx: stock_count.hand_over(tx, product_id, [OLD], counter=NEW, may_move=may_move)
    )
    assert stock_table.own_cell(handed.cells, matriz.life, product_id).granted == given_back


def test_a_life_that_only_others_call_dead_is_given_nothing_back(matriz: Branch) -> None:
    """It may live, and would sell what it never gave."""
    living = Life("norte", "e2")
    matriz.do(lambda tx: life_table.learn_deaths(tx, [living], by=LIAR))
    hear(matriz, LIAR, granted(matriz, living, 50))
    give_back(matriz)
    cells = stock_table.cells_of(matriz.connection, matriz.product_id("rice"))
    assert (stock_table.own_cell(cells, matriz.life, "").granted, usable(matriz)) == ({}, 0)
    matriz.do(lambda tx: life_table.learn_deaths(tx, [living], by=NEW))
    give_back(matriz)
    cells = stock_table.cells_of(matriz.connection, matriz.product_id("rice"))
    assert stock_table.own_cell(cells, matriz.life, "").granted == {living: 50}


def test_an_absurd_grant_of_a_dead_life_takes_none_of_this_nodes_own_units(matriz: Branch) -> None:
    matriz.adjust("rice", 10)
    hear(matriz, LIAR, granted(matriz, OLD, 2**61))
    give_back(matriz)
    assert usable(matriz) == 10


def test_a_branchs_own_word_replaces_what_a_donor_said_of_it(matriz: Branch) -> None:
    hear(matriz, LIAR, granted(matriz, NEW, 50), rebuilds=True)
    assert (usable(matriz), received(matriz, NEW)) == (0, 50)
    merged = hear(matriz, NEW, granted(matriz, NEW, 3))
    assert (merged.forks, usable(matriz), received(matriz, NEW)) == ([], 3, 3)
    assert len(hear(matriz, NEW, granted(matriz, NEW, 2)).forks) == 0  # an older view, of one history


def test_a_new_life_was_granted_nothing_by_what_others_said(matriz: Branch) -> None:
    hear(matriz, OLD, granted(matriz, OLD, 3))
    hear(matriz, LIAR, granted(matriz, OLD, 5))
    matriz.next_life()
    hear(matriz, LIAR, granted(matriz, OLD, 9))
    assert usable(matriz) == 0


def test_what_others_said_of_a_living_life_is_not_handed_on(matriz: Branch) -> None:
    hear(matriz, LIAR, granted(matriz, NEW, 50), rebuilds=True)
    cells = stock_table.cells_of(matriz.connection, matriz.product_id("rice"))
    assert stock_table.tellable(matriz.connection, cells, {OLD}) == []
    assert stock_table.tellable(matriz.connection, cells, {OLD, NEW}) == cells
    product = matriz.product_id("rice")
    assert stock_table.without_hearsay(matriz.connection, NEW, [product, "other"]) == ["other"]


@pytest.mark.parametrize(
    ("life", "version", "speaker", "taken"),
    [
        (NEW, 1, LIAR, False),
        (NEW, 2, NEW, True),
        (OLD, 1, LIAR, True),
        (OLD, 2, LIAR, False),  # a later life may have cancelled it, and its stock row is not taken
        (OLD, 2, NEW, True),
    ],
)
def test_an_order_is_taken_with_its_effects_or_not_at_all(
    matriz: Branch, life: Life, version: int, speaker: Life, *, taken: bool
) -> None:
    row = {"branch": life.branch, "epoch": life.epoch, "version": version}

    def admitted(tx: Transaction) -> bool:
        with tx.hearing(speaker):
            return bool(replicated.admissible(tx, replicated.get("orders"), [row]))

    assert matriz.do(admitted) is taken


@pytest.mark.parametrize("seconds", [1e12, -1e18, float("nan"), float("inf"), "now", None])
def test_a_time_that_no_node_could_have_written_is_shown_as_damaged(seconds: object) -> None:
    assert shown(seconds) == DAMAGED


def test_a_row_with_more_grants_than_any_node_makes_is_refused(matriz: Branch) -> None:
    many = {f"sul@life {number}": 1 for number in range(1_001)}
    row = {**granted(matriz, NEW, 1).as_json(), "granted": many}
    with pytest.raises(BeyondBounds):
        cell_json.cell_from_json(row)


def frozen_of_a_branch_that_left(matriz: Branch, *, grant_comes_first: bool) -> int:
    """The frozen units after a life of a branch that left was granted 2, where nobody named that life."""
    cell = Cell(matriz.product_id("rice"), *NEW, received=5, granted={Life("leste", "e7"): 2}, version=6)
    steps = [
        partial(hear, matriz, NEW, cell),
        partial(matriz.do, lambda tx: membership.learn(tx, ["leste"])),
    ]
    for step in steps if grant_comes_first else reversed(steps):
        step()
    cells = stock_table.cells_of(matriz.connection, matriz.product_id("rice"))
    return stock.totals(cells, life_table.dead_lives(matriz.connection)).frozen


def test_a_grant_to_an_unnamed_life_is_frozen_once_its_branch_leaves(branches: Branches) -> None:
    assert frozen_of_a_branch_that_left(make_matriz(branches), grant_comes_first=True) == 2


def test_a_grant_to_an_unnamed_life_of_a_branch_that_left_is_frozen(branches: Branches) -> None:
    assert frozen_of_a_branch_that_left(make_matriz(branches), grant_comes_first=False) == 2


def test_a_life_of_a_member_that_was_granted_units_is_not_over(matriz: Branch) -> None:
    member = Life("leste", "e7")
    cell = Cell(matriz.product_id("rice"), *NEW, received=5, granted={member: 2}, version=6)

    hear(matriz, NEW, cell)

    assert member not in life_table.dead_lives(matriz.connection)


def test_what_others_say_of_a_decommissioned_branchs_lives_is_handed_on(branches: Branches) -> None:
    matriz, life = make_matriz(branches), Life("leste", "e7")
    matriz.do(lambda tx: life_table.learn_deaths(tx, [life], by=LIAR))
    assert life not in life_table.deaths_to_tell(matriz.connection)

    matriz.do(lambda tx: membership.learn(tx, ["leste"]))

    assert life in life_table.deaths_to_tell(matriz.connection)
