"""Bugs of decommissioned branches: known on one disk alone, not told, alive after all, still waited for."""

from contextlib import AbstractContextManager
from types import SimpleNamespace
from unittest import mock

from app.database import Transaction
from app.domain import members
from app.state.tables import life_table, membership, spendable
from app.sync.guards.readiness import Readiness
from app.sync.lifecycle.hello_handler import HelloHandler
from app.sync.peering.peers import Peer, Peers
from app.sync.synchronizer import ReplicaSynchronizer
from tests.recovery.test_counts_without_the_gone import (
    test_a_count_that_a_branch_blocks_goes_on_when_it_is_decommissioned,
    test_it_counts_only_when_a_majority_has_it,
    test_lives_that_a_liar_named_to_one_node_block_no_count_once_it_is_decommissioned,
    test_recovered_units_wait_no_longer_for_who_is_decommissioned_and_known_to_be,
    test_two_halves_of_a_cut_that_decommission_each_other_count_nothing,
    test_what_a_member_alone_knew_is_forgotten_with_its_disk_and_counts_no_more,
)
from tests.recovery.test_decommissioned import (
    test_a_branch_that_cannot_call_is_told_by_a_member_that_was_started_again,
    test_a_decommissioned_branch_that_comes_back_is_told_and_stops,
    test_a_life_learnt_of_later_is_over_at_once,
    test_two_branches_that_decommission_each_other_both_hear_of_it,
)
from tests.state.test_hearsay import (
    test_a_grant_to_an_unnamed_life_is_frozen_once_its_branch_leaves,
    test_what_others_say_of_a_decommissioned_branchs_lives_is_handed_on,
)
from tests.teeth.bug import Directed, bug

_ALONE = "a decommissioning counts when a majority of the members has it"


@bug(_ALONE, Directed(test_it_counts_only_when_a_majority_has_it))
def a_count_goes_on_though_no_peer_has_the_decommissioning() -> AbstractContextManager[object]:
    """A stock count waits no longer for a branch that no majority knows to be gone."""
    return mock.patch.object(membership, "pending", return_value=[])


@bug(_ALONE, Directed(test_two_halves_of_a_cut_that_decommission_each_other_count_nothing))
def half_of_the_members_is_a_majority() -> AbstractContextManager[object]:
    """A decommissioning counts where half of the members store it, as both halves of a cut do."""
    return mock.patch.object(members, "majority", lambda count: (count + 1) // 2)


@bug(_ALONE, Directed(test_recovered_units_wait_no_longer_for_who_is_decommissioned_and_known_to_be))
def recovered_units_are_free_though_no_peer_has_the_decommissioning() -> AbstractContextManager[object]:
    """Recovered units wait no longer for a branch that this node alone knows to be gone."""
    known_here = SimpleNamespace(done=lambda connection, **_others: {*membership.decommissioned(connection)})
    return mock.patch.object(spendable, "membership", known_here)


@bug(_ALONE, Directed(test_what_a_member_alone_knew_is_forgotten_with_its_disk_and_counts_no_more))
def a_lost_disk_still_counts_as_a_witness() -> AbstractContextManager[object]:
    """Whoever once had a decommissioning counts as having it, though its disk was lost since."""
    every = "SELECT branch, peer FROM decommission_witnesses ORDER BY branch, peer"
    return mock.patch.object(membership, "_WITNESSES", every)


@bug(
    "every life of a decommissioned branch is over",
    Directed(test_a_life_learnt_of_later_is_over_at_once),
)
def a_later_life_of_a_gone_branch_lives() -> AbstractContextManager[object]:
    """Only the lives that were known when a branch was decommissioned are over."""
    learn_life = Transaction.learn_life

    def learn(tx: Transaction, life: tuple[str, str], *, over: bool) -> None:
        with mock.patch.object(Transaction, "decommissioned", frozenset()):
            learn_life(tx, life, over=over)

    return mock.patch.object(Transaction, "learn_life", learn)


@bug(
    "what a life of a decommissioned branch was granted is frozen",
    Directed(test_a_grant_to_an_unnamed_life_is_frozen_once_its_branch_leaves),
)
def only_lives_that_were_named_can_be_over() -> AbstractContextManager[object]:
    """Units granted to a life that nobody named here count as the company's, though its branch left."""
    return mock.patch.object(life_table, "learn_granted")


@bug(
    "a branch that left blocks no count",
    Directed(
        test_lives_that_a_liar_named_to_one_node_block_no_count_once_it_is_decommissioned,
        {"listener": "matriz"},
    ),
)
def only_stored_lives_of_a_gone_branch_are_over() -> AbstractContextManager[object]:
    """Where there is no room for a life of a decommissioned branch, its end is not believed."""
    return mock.patch.object(life_table, "over", lambda tx, _lives: life_table.dead_lives(tx.connection))


@bug(
    "all nodes know the same dead lives",
    Directed(test_what_others_say_of_a_decommissioned_branchs_lives_is_handed_on),
)
def a_gone_branchs_lives_stay_hearsay() -> AbstractContextManager[object]:
    """What others say of a decommissioned branch's lives is not handed on: that branch never confirms it."""
    told = life_table._TO_TELL.replace("OR e.branch IN (SELECT branch FROM decommissioned)", "")
    return mock.patch.object(life_table, "_TO_TELL", told)


@bug(
    "a decommissioned branch stops when it hears of it",
    Directed(test_a_decommissioned_branch_that_comes_back_is_told_and_stops),
)
def a_decommissioned_branch_goes_on() -> AbstractContextManager[object]:
    """A branch that is told that it is decommissioned serves on."""
    return mock.patch.object(Readiness, "close")


@bug(
    "a decommissioned branch that lives is told",
    Directed(test_two_branches_that_decommission_each_other_both_hear_of_it),
)
def nobody_tells_a_decommissioned_branch() -> AbstractContextManager[object]:
    """A decommissioned branch hears of it only where it calls."""

    async def keep_quiet(_hello_handler: HelloHandler, _peer: Peer) -> bool:
        return True

    return mock.patch.object(HelloHandler, "say_farewell", keep_quiet)


@bug(
    "a decommissioned branch that lives is told",
    Directed(test_a_branch_that_cannot_call_is_told_by_a_member_that_was_started_again),
)
def who_was_gone_at_the_start_is_not_told() -> AbstractContextManager[object]:
    """A node that starts calls the members only, so that its restart ends what it said to the others."""
    serve = ReplicaSynchronizer._serve

    async def serve_members(self: ReplicaSynchronizer, peer: Peer) -> None:
        if not peer.decommissioned:
            await serve(self, peer)

    return mock.patch.object(ReplicaSynchronizer, "_serve", serve_members)


@bug(
    "nobody waits for a decommissioned branch",
    Directed(test_a_count_that_a_branch_blocks_goes_on_when_it_is_decommissioned),
)
def a_gone_branch_is_waited_for() -> AbstractContextManager[object]:
    """A decommissioned branch stays among the members of this node."""
    return mock.patch.object(Peers, "note_gone")
