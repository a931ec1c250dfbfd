"""Bugs of lost disks: lives that are not told apart, the dead that are heard, units counted too early."""

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from random import Random
from typing import Any
from unittest import mock

from app.database import Actor, Transaction
from app.database.identity import begin_start
from app.domain import stock
from app.domain.errors import CountBlocked
from app.domain.life import Life
from app.domain.stock import Cell, Totals
from app.state.commands import stock_count
from app.state.tables import order_durability, orders, spendable, stock_table
from app.state.tables.life_table import LIVING_CURSORS
from app.sync.catchup import snapshot
from app.sync.guards.fencer import Fencer
from app.sync.guards.readiness import Readiness
from app.sync.lifecycle.bootstrap import Bootstrap
from app.sync.log import cursors
from app.sync.peering.peers import Peer, Peers
from app.sync.rules import inbox
from app.sync.rules.inbox import Admission
from app.sync.rules.position import Position
from app.sync.stock import count_service
from app.sync.wire.messages import Hello, Page
from tests.recovery.test_lives import (
    test_a_batch_of_the_dead_life_that_arrives_late_is_refused,
    test_a_node_serves_when_all_that_can_be_reached_were_asked,
    test_an_old_page_takes_nothing_back,
    test_another_content_of_the_same_version_is_an_alarm,
    test_what_only_a_dead_life_of_a_peer_stored_counts_as_stored_nowhere,
)
from tests.recovery.test_rolled_back_nodes import (
    test_a_rolled_back_database_is_found_before_it_serves_and_gets_its_orders_back,
    test_hellos_that_come_late_or_twice_end_nobodys_life,
    test_orders_that_only_the_rolled_back_disk_held_are_announced_once_more,
    test_units_of_an_order_of_an_earlier_life_join_the_frozen_pool_when_it_is_cancelled,
)
from tests.recovery.test_salvage import test_no_stock_is_counted_while_a_damaged_file_may_hold_more
from tests.recovery.test_stock_counts import (
    test_a_death_that_a_member_alone_knows_enlarges_the_set_and_it_starts_again,
    test_an_unreachable_member_blocks_the_count,
    test_counting_twice_releases_once,
    test_recovered_units_wait_for_every_members_acknowledgement,
)
from tests.state.test_ledger import test_another_history_of_a_life_is_reported_and_merged_and_ends_it
from tests.teeth.bug import Checked, Directed, Simulated, bug


@bug("each life of a disk has a name of its own", Simulated(seed=2, wipes=True))
def the_same_life_after_a_lost_disk() -> AbstractContextManager[object]:
    """An empty file begins with an epoch made from the branch's name: what died with the disk lives again."""

    def again(connection: Any, *, cluster_id: str, name: str, **_random: Any) -> Any:
        return begin_start(connection, cluster_id=cluster_id, name=name, random=Random(name))

    return mock.patch("app.database.opened.begin_start", again)


@bug("a new life begins without rights", Checked(seed=9, wipes=True))
def rights_of_the_branch() -> AbstractContextManager[object]:
    """A new life spends what its branch's earlier lives had, as far as peers know."""

    def rights_of(life: Life, cells: Iterable[Cell]) -> int:
        return _rights_of_branch(life[0], cells)

    return mock.patch.object(stock, "rights_of", rights_of)


@bug("a new life begins without rights", Checked(seed=9, wipes=True))
def newest_row_wins_across_a_wipe() -> AbstractContextManager[object]:
    """One row per branch: the newest version counts, whoever wrote it, so a wiped branch goes on with what
    its peers happen to know of it."""

    def rights_of(life: Life, cells: Iterable[Cell]) -> int:
        newest: dict[str, Cell] = {}
        for cell in cells:
            if cell.branch not in newest or newest[cell.branch].version < cell.version:
                newest[cell.branch] = cell
        return _rights_of_branch(life[0], newest.values())

    return mock.patch.object(stock, "rights_of", rights_of)


def _rights_of_branch(branch: str, cells: Iterable[Cell]) -> int:
    rights = 0
    for cell in cells:
        rights += sum(quantity for to, quantity in cell.granted.items() if to[0] == branch)
        if cell.branch == branch:
            rights += cell.received + cell.returned + cell.recovered - cell.sold - cell.removed
            rights -= sum(cell.granted.values())
    return rights


@bug("what was granted to a life dies with it", Simulated(seed=7, wipes=True))
def grants_without_the_receivers_epoch() -> AbstractContextManager[object]:
    """A grant is to a branch: its next life finds what the last was given, though not what that spent."""
    rights_of = stock.rights_of

    def of_branch(life: Life, cells: Iterable[Cell]) -> int:
        cells = list(cells)
        elsewhere = (to for cell in cells for to in cell.granted.items() if to[0] != life)
        return rights_of(life, cells) + sum(units for to, units in elsewhere if to[0] == life[0])

    return mock.patch.object(stock, "rights_of", of_branch)


@bug(
    "units of an earlier life's order are nobody's before a count",
    Directed(test_units_of_an_order_of_an_earlier_life_join_the_frozen_pool_when_it_is_cancelled),
)
def cancel_after_a_wipe_adds_to_rights() -> AbstractContextManager[object]:
    """Cancelling an order of an earlier life gives its units back to the present one."""
    add = Cell.add

    def to_rights(cell: Cell, movement: str, quantity: int) -> Cell:
        return add(cell, "returned" if movement == "returned_frozen" else movement, quantity)

    return mock.patch.object(Cell, "add", to_rights)


@bug(
    "who was rolled back begins another life",
    Directed(test_a_rolled_back_database_is_found_before_it_serves_and_gets_its_orders_back),
)
def epoch_kept_after_a_roll_back() -> AbstractContextManager[object]:
    """A node that is told that peers know more of its life than its disk does goes on with it."""

    async def go_on(_fencer: Fencer, _epoch: str, _why: str, **_rivals: Any) -> None:
        pass

    return mock.patch.object(Fencer, "begin", go_on)


@bug(
    "orders that peers lack are announced again",
    Directed(test_orders_that_only_the_rolled_back_disk_held_are_announced_once_more),
)
def orders_not_announced_again() -> AbstractContextManager[object]:
    """A new life on an old disk tells nobody of the orders that only this disk holds."""
    return mock.patch.object(orders, "announce_again", return_value=0)


@bug(
    "nothing a dead life says is heard",
    Directed(test_a_batch_of_the_dead_life_that_arrives_late_is_refused),
)
def dead_lives_are_heard() -> AbstractContextManager[object]:
    """A batch counts whoever sent it, though its life is over."""
    admit = inbox.admit

    def listen(after: Position, through: Position, **known: Any) -> Admission:
        return admit(after, through, **{**known, "is_over": False})

    return mock.patch.object(inbox, "admit", listen)


@bug(
    "an order at risk is shown at risk",
    Directed(test_what_only_a_dead_life_of_a_peer_stored_counts_as_stored_nowhere),
)
def copies_of_dead_lives_count() -> AbstractContextManager[object]:
    """What a peer had acknowledged counts as stored there, though its disk is lost since."""
    stack = ExitStack()
    for module in (order_durability, spendable, cursors):
        for name, statement in list(vars(module).items()):
            if isinstance(statement, str) and name != "LIVING_CURSORS" and LIVING_CURSORS in statement:
                of_all = statement.replace(LIVING_CURSORS, "(SELECT * FROM cursors)")
                stack.enter_context(mock.patch.object(module, name, of_all))
    return stack


@bug(
    "a delayed hello ends nobody's life",
    Directed(test_hellos_that_come_late_or_twice_end_nobodys_life),
)
def late_hellos_count() -> AbstractContextManager[object]:
    """A hello is believed, however old the process is that said it."""

    def believe(_peers: Peers, _peer: Peer, _hello: Hello) -> None:
        pass

    return mock.patch.object(Peers, "require_latest", believe)


@bug(
    "two versions of one history are noticed",
    Directed(test_another_content_of_the_same_version_is_an_alarm),
)
def another_content_of_the_same_version_is_not_noticed() -> AbstractContextManager[object]:
    """Rows of one version are taken for the same row."""
    return mock.patch.object(stock, "is_fork", return_value=False)


@bug(
    "a life that was lived twice ends",
    Directed(test_another_history_of_a_life_is_reported_and_merged_and_ends_it, {"version": 3}),
)
def a_newer_row_is_believed_whatever_it_lacks() -> AbstractContextManager[object]:
    """Only rows of one version are compared; a newer one may have forgotten a movement of an older one."""

    def same_version_only(ours: Cell, theirs: Cell) -> bool:
        return ours.version == theirs.version and ours != theirs

    return mock.patch.object(stock, "is_fork", same_version_only)


@bug("an older view of a row changes nothing", Directed(test_an_old_page_takes_nothing_back))
def a_snapshot_replaces() -> AbstractContextManager[object]:
    """Rows fetched from a peer are written over what is known, instead of merged."""
    merge_page = snapshot.merge_page

    def replace_rows(tx: Transaction, page: Page, **options: Any) -> stock_table.Merged:
        with mock.patch.object(stock, "merge", lambda _ours, theirs: theirs):
            return merge_page(tx, page, **options)

    return mock.patch.object(snapshot, "merge_page", replace_rows)


@bug(
    "a rebuilt node knows what all reachable peers know",
    Directed(test_a_node_serves_when_all_that_can_be_reached_were_asked),
)
def one_peer_is_enough_to_rebuild() -> AbstractContextManager[object]:
    """A wiped node serves as soon as one peer has told what it knows."""

    async def fetched(founding: Bootstrap, members: list[Peer]) -> bool:
        for peer in members:
            if not founding._catch_up.is_done(peer):
                founding._catch_up.want(peer)
        return any(founding._catch_up.is_done(peer) for peer in members)

    return mock.patch.object(Bootstrap, "_fetched", fetched)


@bug(
    "a count has every member's word",
    Directed(test_an_unreachable_member_blocks_the_count),
)
def count_without_all_acknowledgements() -> AbstractContextManager[object]:
    """A member that does not answer is left out of a stock count."""
    handover = count_service.CountService._handover

    async def shrug(
        service: count_service.CountService, peer: Peer, count: stock_count.Count
    ) -> stock_count.Handover:
        try:
            return await handover(service, peer, count)
        except CountBlocked:
            return stock_count.Handover(dead=count.dead, cells=[], life=Life(peer.name, ""))

    return mock.patch.object(count_service.CountService, "_handover", shrug)


@bug(
    "a count has every member's word",
    Directed(test_no_stock_is_counted_while_a_damaged_file_may_hold_more, {"damaged": "sul"}),
)
def a_count_does_not_wait_for_what_comes_back() -> AbstractContextManager[object]:
    """Members answer a count before they have looked into their damaged files."""
    return mock.patch.object(Readiness, "require_all_back")


@bug(
    "a count is for the deaths that all know",
    Directed(test_a_death_that_a_member_alone_knows_enlarges_the_set_and_it_starts_again),
)
def a_death_learnt_while_counting_is_left_out() -> AbstractContextManager[object]:
    """A count goes on with the dead lives it began with, though a member knew of another."""
    release = stock_count.release

    def hurry(tx: Transaction, count: stock_count.Count, *, handovers: Any, actor: Actor) -> bool:
        same = {name: replace(handover, dead=count.dead) for name, handover in handovers.items()}
        return release(tx, count, handovers=same, actor=actor)

    return mock.patch.object(stock_count, "release", hurry)


@bug(
    "recovered units wait for every member's acknowledgement",
    Directed(test_recovered_units_wait_for_every_members_acknowledgement),
)
def recovered_units_are_sold_at_once() -> AbstractContextManager[object]:
    """What a count recovered may be sold before the members know that it was."""
    return mock.patch.object(spendable, "unusable", return_value={})


@bug("counting twice releases once", Directed(test_counting_twice_releases_once))
def a_second_count_releases_again() -> AbstractContextManager[object]:
    """The frozen pool a count finds is what died, whatever earlier counts took out of it."""
    totals = stock.totals

    def forgetful(cells: Sequence[Cell], dead: Any) -> Totals:
        found = totals(cells, dead)
        recovered = sum(cell.recovered for cell in cells)
        return Totals(found.available, found.frozen + recovered, found.oversold)

    return mock.patch.object(stock, "totals", forgetful)
