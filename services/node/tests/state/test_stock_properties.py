"""What holds of the bounded counter whatever happens in whatever order."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from app.domain import stock
from app.domain.forms import COUNTS
from app.domain.life import Life
from app.domain.stock import Cell, SoldUnits

LIVES: list[Life] = [Life("matriz", "e1"), Life("norte", "e1"), Life("sul", "e1"), Life("norte", "e0")]
DEAD = LIVES[3]
counts = st.integers(0, 1000)
lives = st.sampled_from(LIVES)


def cells(life: Life = LIVES[0]) -> st.SearchStrategy[Cell]:
    """Any view of one life's cell; no two need come from one history."""
    granted = st.dictionaries(lives, st.integers(1, 1000))
    fields: dict[str, Any] = dict.fromkeys((*COUNTS, "version"), counts)
    return st.builds(Cell, st.just("p"), st.just(life[0]), st.just(life[1]), granted=granted, **fields)


@given(cells(), cells())
def test_merging_is_commutative(one: Cell, other: Cell) -> None:
    assert stock.merge(one, other) == stock.merge(other, one)


@given(cells(), cells(), cells())
def test_merging_is_associative(one: Cell, other: Cell, third: Cell) -> None:
    left = stock.merge(stock.merge(one, other), third)
    assert left == stock.merge(one, stock.merge(other, third))


@given(cells(), cells())
def test_merging_is_idempotent(one: Cell, other: Cell) -> None:
    merged = stock.merge(one, other)
    assert stock.merge(merged, merged) == merged
    assert stock.merge(merged, other) == merged


@given(cells(), cells(), st.booleans())
def test_a_view_of_another_life_is_compared_as_the_two_are_merged(
    ours: Cell, other: Cell, contains_ours: bool
) -> None:
    theirs = stock.merge(ours, other) if contains_ours else other
    found = stock.compare(ours, theirs, me=DEAD)
    merged = stock.merge(ours, theirs)
    assert found.after == (None if merged == ours else merged)
    assert found.is_fork == (ours != theirs and stock.is_fork(ours, theirs))


@given(st.tuples(*(cells(life) for life in LIVES)), st.sets(lives))
def test_available_and_frozen_are_all_there_is(view: tuple[Cell, ...], dead: set[Life]) -> None:
    found = stock.totals(view, dead)
    into = sum(cell.received + cell.returned + cell.returned_frozen for cell in view)
    out = sum(cell.sold + cell.removed + cell.written_off for cell in view)
    assert found.oversold == max(out - into, 0)
    if into - out >= found.frozen:
        assert found.available + found.frozen == into - out


@given(
    st.dictionaries(lives, st.integers(0, 500), min_size=1),
    st.lists(st.integers(1, 50), min_size=4, max_size=4),
    st.integers(0, 500),
)
def test_surplus_conserves_rights_and_leaves_what_is_reserved(
    rights: dict[Life, int], weights: list[int], reserved: int
) -> None:
    me = min(rights)
    demand = dict(zip(LIVES, weights, strict=True))
    moves = stock.surplus_moves(
        me, rights=rights, demand={life: demand[life] for life in rights}, reserved=reserved
    )
    assert me not in moves
    assert all(quantity > 0 for quantity in moves.values())
    if moves:
        assert rights[me] - sum(moves.values()) >= reserved
        assert sum(moves.values()) <= rights[me]


@given(
    st.dictionaries(lives, st.integers(0, 500), min_size=2),
    st.lists(st.integers(1, 50), min_size=4, max_size=4),
)
def test_surplus_that_moved_does_not_move_again(rights: dict[Life, int], weights: list[int]) -> None:
    """Nobody gives back what it was just given: the loop settles after one turn of each."""
    demand = {life: weight for life, weight in zip(LIVES, weights, strict=True) if life in rights}
    for me in sorted(rights):
        for life, quantity in stock.surplus_moves(me, rights=rights, demand=demand, reserved=0).items():
            rights = {**rights, me: rights[me] - quantity, life: rights[life] + quantity}
    again = [stock.surplus_moves(me, rights=rights, demand=demand, reserved=0) for me in sorted(rights)]
    assert sum(sum(moves.values()) for moves in again) <= len(rights)


@given(st.integers(0, 10**6), st.lists(lives, unique=True), st.lists(counts, min_size=4, max_size=4))
def test_no_split_gives_away_more_than_was_received(
    quantity: int, peers: list[Life], sold: list[int]
) -> None:
    demand = {life: sold[LIVES.index(life)] for life in peers}
    for shares in (
        stock.equal_split(quantity, peers),
        stock.demand_split(quantity, own_demand=3, demand=demand),
    ):
        assert sum(shares.values()) <= quantity
        assert all(share >= 1 for share in shares.values())


@given(
    st.integers(0, 60),
    st.lists(
        st.builds(
            SoldUnits,
            st.integers(1, 5),
            st.sampled_from("abc"),
            st.text("xyz", min_size=1),
            st.integers(1, 9),
        ),
        unique_by=lambda sale: sale.order_id,
    ),
    st.randoms(use_true_random=False),
)
def test_deficits_are_the_same_list_everywhere(oversold: int, sales: list[SoldUnits], random: Any) -> None:
    named = stock.deficits(oversold, sales)
    elsewhere = list(sales)
    random.shuffle(elsewhere)
    assert stock.deficits(oversold, elsewhere) == named
    assert sum(sale.quantity for sale in named) == min(oversold, sum(sale.quantity for sale in sales))


class Counter(RuleBasedStateMachine):
    """Three branches and one dead life, each with its own view, that sell, grant and hear of each other in
    any order. The truth is every life's own cell, which only it writes."""

    ALIVE = LIVES[:3]

    @initialize(granted=st.integers(0, 5))
    def begin(self, granted: int) -> None:
        self.views: dict[Life, dict[Life, Cell]] = {life: {} for life in self.ALIVE}
        self.truth: dict[Life, Cell] = {}
        # The dead life once received stock, sold some, and nobody may use the rest.
        gone = Cell("p", *DEAD, received=10, sold=3, version=2)
        self.truth[DEAD] = gone.grant(self.ALIVE[0], granted) if granted else gone

    def own(self, life: Life) -> Cell:
        return self.views[life].get(life) or Cell("p", *life)

    def write(self, life: Life, cell: Cell) -> None:
        self.views[life][life] = self.truth[life] = cell

    def rights(self, life: Life, at: Life) -> int:
        return stock.rights_of(life, self.views[at].values())

    def spend(self, life: Life, movement: str, quantity: int) -> None:
        if self.rights(life, life) >= quantity:
            self.write(life, self.own(life).add(movement, quantity))

    @rule(life=st.sampled_from(ALIVE), quantity=st.integers(1, 9))
    def receive(self, life: Life, quantity: int) -> None:
        self.write(life, self.own(life).add("received", quantity))

    @rule(life=st.sampled_from(ALIVE), quantity=st.integers(1, 9))
    def sell(self, life: Life, quantity: int) -> None:
        self.spend(life, "sold", quantity)

    @rule(life=st.sampled_from(ALIVE), quantity=st.integers(1, 9))
    def remove(self, life: Life, quantity: int) -> None:
        self.spend(life, "removed", quantity)

    @rule(life=st.sampled_from(ALIVE), quantity=st.integers(1, 9))
    def take_back(self, life: Life, quantity: int) -> None:
        if self.own(life).sold - self.own(life).returned >= quantity:
            self.write(life, self.own(life).add("returned", quantity))

    @rule(
        giver=st.sampled_from(ALIVE),
        asker=st.sampled_from(ALIVE),
        wanted=st.integers(0, 20),
        reserved=st.integers(0, 5),
        stale=st.booleans(),
    )
    def grant(self, giver: Life, asker: Life, wanted: int, reserved: int, stale: bool) -> None:
        if giver == asker:
            return
        if not stale:
            self.hear(giver, asker)
        size = stock.grant_size(
            wanted=wanted,
            asker_rights=self.rights(asker, giver),
            giver_rights=self.rights(giver, giver),
            reserved=reserved,
        )
        if size:
            self.write(giver, self.own(giver).grant(asker, size))

    @rule(listener=st.sampled_from(ALIVE), speaker=st.sampled_from([*ALIVE, DEAD]))
    def hear(self, listener: Life, speaker: Life) -> None:
        known = self.views[listener]
        said = self.views[speaker] if speaker in self.views else {DEAD: self.truth[DEAD]}
        for life, cell in said.items():
            known[life] = stock.merge(known[life], cell) if life in known else cell

    @invariant()
    def nobody_spent_more_than_its_rights(self) -> None:
        cells = list(self.truth.values())
        assert all(stock.rights_of(life, cells) >= 0 for life in LIVES)

    @invariant()
    def rights_are_conserved(self) -> None:
        cells = list(self.truth.values())
        into = sum(cell.received + cell.returned for cell in cells)
        out = sum(cell.sold + cell.removed for cell in cells)
        assert sum(stock.rights_of(life, cells) for life in LIVES) == into - out

    @invariant()
    def no_view_overstates_what_its_owner_may_spend(self) -> None:
        cells = list(self.truth.values())
        assert all(self.rights(life, life) <= stock.rights_of(life, cells) for life in self.ALIVE)

    def teardown(self) -> None:
        """Once everybody has heard everybody, all see the same cells."""
        if not hasattr(self, "views"):
            return
        for _ in range(2):
            for listener in self.ALIVE:
                for speaker in [*self.ALIVE, DEAD]:
                    self.hear(listener, speaker)
        assert all(self.views[life] == self.truth for life in self.ALIVE)


def test_rights_are_conserved_and_never_overspent_whatever_happens() -> None:
    run_state_machine_as_test(Counter, settings=settings(max_examples=60, stateful_step_count=40))
