"""Wrong rules, each planted by replacing one function while histories are played: they are how we know that
the model would notice. Nothing of this is in the node."""

from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import AbstractContextManager, ExitStack
from typing import Any
from unittest import mock

from app.domain import stock
from app.domain.life import Life
from app.domain.stock import Cell
from app.sync.rules import fencing
from app.sync.rules.fencing import Fencing
from app.sync.rules.position import ORIGIN
from tests.model.branch import Branch
from tests.model.messages import Ask, Cells, Grant, Hello
from tests.model.network import Network

Plant = Callable[[], AbstractContextManager[object]]


def grants_to_the_branch_instead_of_the_epoch() -> AbstractContextManager[object]:
    """What was granted to an earlier life of the branch counts for the present one."""

    def rights_of(life: Life, cells: Iterable[Cell]) -> int:
        rights = 0
        for cell in cells:
            rights += sum(quantity for to, quantity in cell.granted.items() if to[0] == life[0])
            if cell.life == life:
                rights += cell.received + cell.returned + cell.recovered - cell.sold - cell.removed
                rights -= sum(cell.granted.values())
        return rights

    return mock.patch.object(stock, "rights_of", rights_of)


def rights_of_a_dead_epoch() -> AbstractContextManager[object]:
    """A branch goes on to spend what an earlier life of it held, as far as is known of that life."""
    rights_of = stock.rights_of

    def all_lives(life: Life, cells: Collection[Cell]) -> int:
        lives = {cell.life for cell in cells if cell.branch == life[0]} | {life}
        return sum(rights_of(each, cells) for each in lives)

    return mock.patch.object(stock, "rights_of", all_lives)


def the_newest_row_wins_after_a_wipe() -> AbstractContextManager[object]:
    """An empty node takes its old row back from its peers and sells on in the old life."""
    fetch = Branch.fetch

    def take_back(empty: Branch, donor: Branch, **options: Any) -> None:
        old = [cell for life, cell in donor.disk.cells.items() if life[0] == empty.name]
        if not empty.disk.founded and old and not empty.disk.log:
            newest = max(old, key=lambda cell: cell.version)
            head, event = donor.disk.positions.get(newest.life, ORIGIN)
            empty.me, empty.disk.epoch = newest.life, newest.epoch
            empty.disk.cells[newest.life] = newest
            empty.disk.log = [event] * head
        fetch(empty, donor, **options)

    return mock.patch.object(Branch, "fetch", take_back)


def the_last_row_to_arrive_wins() -> AbstractContextManager[object]:
    """Rows are replaced instead of merged, so that a late one takes back what is known."""
    return mock.patch.object(stock, "merge", lambda _ours, theirs: theirs)


def a_grant_counts_twice() -> AbstractContextManager[object]:
    """The receiver adds what an answer grants to what the giver's row says."""
    accept = Branch.accept

    def twice(branch: Branch, grant: Grant) -> None:
        accept(branch, grant)
        if grant.quantity:
            branch.move(branch.own().add("returned", grant.quantity))

    return mock.patch.object(Branch, "accept", twice)


def a_grant_is_answered_and_not_written() -> AbstractContextManager[object]:
    """The answer leaves before its commit, and the commit never comes."""
    give = Branch.give

    def promise(branch: Branch, ask: Ask) -> Grant:
        before, log = branch.own(), list(branch.disk.log)
        grant = give(branch, ask)
        if grant.quantity:
            branch.disk.log = log
            branch.disk.cells[branch.me] = before
        return grant

    return mock.patch.object(Branch, "give", promise)


def a_wish_is_an_increment() -> AbstractContextManager[object]:
    """Whoever asks again gets as much again, though the giver has no more."""

    def size(*, wanted: int, **_known: Any) -> int:
        return max(0, wanted)

    return mock.patch.object(stock, "grant_size", size)


def sell_what_the_company_has() -> AbstractContextManager[object]:
    """A sale looks at the company's total as known here, not at the branch's own rights."""

    def company(branch: Branch) -> int:
        return stock.totals(branch.disk.cells.values(), branch.disk.dead).available

    return mock.patch.object(Branch, "usable", company)


def a_cancellation_after_a_wipe_gives_rights() -> AbstractContextManager[object]:
    """Whatever life sold it, a cancelled order's units are rights again."""
    cancel = Branch.cancel

    def returned(branch: Branch, number: int) -> None:
        order = branch.disk.orders[number]
        if order.life[0] == branch.name:
            branch.disk.orders[number] = order._replace(life=branch.me)
        cancel(branch, number)
        branch.disk.orders[number] = branch.disk.orders[number]._replace(life=order.life)

    return mock.patch.object(Branch, "cancel", returned)


def a_count_without_everybodys_word() -> AbstractContextManager[object]:
    """The counter releases what it knows itself, without the rows and deaths of the members."""
    release = Branch.release

    def alone(branch: Branch, dead: Sequence[Life], *, missing: int, handovers: dict[str, Any]) -> bool:
        return release(branch, dead, missing=missing, handovers=dict.fromkeys(handovers, ((), {})))

    def unheard(branch: Branch, _dead: Sequence[Life]) -> tuple[Sequence[Life], Cells]:
        return sorted(branch.disk.dead), branch.disk.cells

    return _both(mock.patch.object(Branch, "release", alone), mock.patch.object(Branch, "seal", unheard))


def a_count_that_nobody_remembers() -> AbstractContextManager[object]:
    """Members hand over what they know, and go on to listen to the lives that the count was about."""

    def unsealed(branch: Branch, _dead: Sequence[Life]) -> tuple[Sequence[Life], Cells]:
        return sorted(branch.disk.dead), branch.disk.cells

    return mock.patch.object(Branch, "seal", unsealed)


def a_count_forgets_what_left() -> AbstractContextManager[object]:
    """The whole pool is recovered, whatever the people counted."""
    counted = stock.counted

    def everything(own: Cell, *, frozen: int, missing: int) -> Cell:
        return counted(own, frozen=frozen, missing=0)

    return mock.patch.object(stock, "counted", everything)


def a_rolled_back_disk_sells_on() -> AbstractContextManager[object]:
    """Nobody looks whether a peer knows more of this life."""
    return mock.patch.object(fencing, "decide", return_value=Fencing.IGNORE)


def a_restored_copy_keeps_its_life() -> AbstractContextManager[object]:
    """Restoring an old copy begins no new epoch, and nobody looks whether a peer knows more."""
    return _both(mock.patch.object(Branch, "another_life", return_value=None), a_rolled_back_disk_sells_on())


def an_answer_of_the_dead_counts() -> AbstractContextManager[object]:
    """What a life granted before it ended is taken whenever it arrives, also after a count released it."""
    accept = Branch.accept

    def anyway(branch: Branch, grant: Grant) -> None:
        accept(branch, grant._replace(giver=Life("nobody", "")))

    return mock.patch.object(Branch, "accept", anyway)


def copies_are_not_looked_for() -> AbstractContextManager[object]:
    """Two processes on copies of one disk live on in one epoch."""

    def hear(branch: Branch, hello: Hello) -> Hello:
        return branch.say(ahead=branch.meet(hello))

    return _both(
        mock.patch.object(Branch, "hear", hear),
        mock.patch.object(Network, "look_for_the_one_before", return_value=None),
    )


def _both(*patches: AbstractContextManager[object]) -> AbstractContextManager[object]:
    stack = ExitStack()
    for patch in patches:
        stack.enter_context(patch)
    return stack


BUGS: tuple[Plant, ...] = (
    grants_to_the_branch_instead_of_the_epoch,
    rights_of_a_dead_epoch,
    the_newest_row_wins_after_a_wipe,
    the_last_row_to_arrive_wins,
    a_grant_counts_twice,
    a_grant_is_answered_and_not_written,
    a_wish_is_an_increment,
    sell_what_the_company_has,
    a_count_without_everybodys_word,
    a_count_forgets_what_left,
    a_rolled_back_disk_sells_on,
    a_restored_copy_keeps_its_life,
    an_answer_of_the_dead_counts,
    copies_are_not_looked_for,
)
"""Each is caught by some of a few thousand seeds."""

CAUGHT_AT: dict[Plant, int] = {
    a_count_without_everybodys_word: 5349,
    an_answer_of_the_dead_counts: 396,
    copies_are_not_looked_for: 281,
}
"""A seed that caught a rule which few seeds catch. Those after it are tried too, because another history is
drawn for a seed as soon as the model changes."""

DIRECTED: tuple[Plant, ...] = (a_cancellation_after_a_wipe_gives_rights, a_count_that_nobody_remembers)
"""Chance needs very many seeds for these; each has a history of its own."""
