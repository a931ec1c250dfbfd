"""Bugs of belief: a member is believed about others, a message counts twice, and nothing is too large."""

import sqlite3
import sys
from contextlib import AbstractContextManager
from typing import Any
from unittest import mock

from app.database import kept_totals, transaction
from app.domain import bounds, testimony
from app.domain.testimony import Word
from app.security.used_tokens import UsedTokens
from app.state.commands import grants
from app.state.repair import disowned
from app.state.tables import membership, stock_table
from app.sync.guards import kept_watch
from app.sync.guards.kept_watch import KeptWatch
from app.sync.guards.readiness import Readiness
from app.sync.lifecycle import hello_handler
from app.sync.lifecycle.hello_handler import HelloHandler
from app.sync.log import receiver
from app.sync.peering.peers import Peer
from tests.recovery.test_lives_without_room import (
    test_a_liar_that_names_hundreds_of_its_own_lives_keeps_no_true_one_out,
    test_nodes_are_compared_though_one_cannot_store_a_life_that_is_over,
)
from tests.recovery.test_lying_donors import (
    test_an_order_that_its_branch_never_took_is_moved_out_when_it_speaks,
    test_an_order_under_an_id_of_another_branch_gives_way_to_the_true_one,
    test_what_a_donor_said_of_a_silent_branch_ends_when_that_branch_speaks,
)
from tests.recovery.test_lying_members import (
    test_a_count_ends_no_life_that_has_not_said_so_itself,
    test_a_fenced_node_gives_no_units_away,
    test_a_hello_that_calls_a_living_epoch_dead_ends_it_nowhere,
    test_a_hello_that_claims_more_of_a_life_than_there_is_ends_it_not,
    test_a_token_is_good_for_one_request_also_after_a_restart,
    test_a_transfers_answer_grants_nothing_in_anothers_name,
    test_logical_time_far_ahead_is_refused_and_hurts_nobody,
    test_thousands_of_dead_lives_are_not_stored,
    test_what_others_say_that_a_dead_life_granted_is_not_spent,
)
from tests.recovery.test_parked_and_lost import test_a_donor_fills_no_disk_with_what_it_hands_over
from tests.sync.test_kept_room import (
    test_a_member_fills_no_disk_with_rows_that_no_version_knows,
    test_a_member_fills_no_disk_with_what_nobody_can_apply,
    test_what_another_connection_wrote_is_counted,
    test_what_can_be_applied_again_makes_room,
)
from tests.sync.test_kept_watch import (
    test_a_node_without_room_for_a_branch_raises_an_alarm_until_there_is_room,
    test_the_alarm_of_a_message_that_never_fits_says_so_and_ends_when_it_comes_no_more,
)
from tests.sync.test_rebirth import test_what_a_branch_that_left_says_ends_no_life
from tests.teeth.bug import Directed, bug

_OTHERS = "nobody speaks for another"


@bug(_OTHERS, Directed(test_a_transfers_answer_grants_nothing_in_anothers_name))
def a_member_is_believed_about_a_living_branch() -> AbstractContextManager[object]:
    """Rows of a third branch's living epoch are merged whoever sends them."""
    return mock.patch.object(testimony, "weigh_rows", return_value=Word.OWN)


@bug(
    "a unit is spent only if its giver said that it gave it",
    Directed(test_what_others_say_that_a_dead_life_granted_is_not_spent),
)
def what_others_say_was_granted_is_spent() -> AbstractContextManager[object]:
    """A grant by a dead life that only a third branch reported counts as rights."""
    return mock.patch.object(testimony, "unconfirmed_units", return_value=0)


@bug(
    "what only others say a dead life granted is frozen with it",
    Directed(test_what_others_say_that_a_dead_life_granted_is_not_spent),
)
def what_others_say_was_granted_is_in_limbo() -> AbstractContextManager[object]:
    """Units that nobody may spend are not given back to the dead life they came from."""
    return mock.patch.object(grants, "give_back")


@bug(
    "a branch's own word replaces a donor's",
    Directed(test_what_a_donor_said_of_a_silent_branch_ends_when_that_branch_speaks),
)
def a_donors_word_about_a_living_branch_stays() -> AbstractContextManager[object]:
    """What a donor said of a branch that was silent is merged with what that branch says."""
    return mock.patch.object(stock_table, "_confirm", return_value=False)


@bug("only a branch ends its own life", Directed(test_a_hello_that_calls_a_living_epoch_dead_ends_it_nowhere))
def a_hello_ends_another_branchs_living_epoch() -> AbstractContextManager[object]:
    """A life is over as soon as any member calls it so."""
    return mock.patch.object(testimony, "weigh_death", return_value=Word.BRANCH)


@bug("only a branch ends its own life", Directed(test_a_count_ends_no_life_that_has_not_said_so_itself))
def a_count_is_sealed_unseen() -> AbstractContextManager[object]:
    """A member seals a count whatever lives the counter calls dead."""
    return mock.patch.object(testimony, "unbelieved", return_value=[])


@bug(
    "evidence against an own life is looked into",
    Directed(test_a_hello_that_claims_more_of_a_life_than_there_is_ends_it_not),
)
def an_accusation_counts_unasked() -> AbstractContextManager[object]:
    """Who posts that it has more of a node's life than the node ends that life."""

    async def believe(handler: HelloHandler, _peer: Peer, epoch: str, why: str) -> None:
        await handler._fencer.begin(epoch, why, witness=None)

    return mock.patch.object(HelloHandler, "look_into", believe)


@bug("a message counts once", Directed(test_a_token_is_good_for_one_request_also_after_a_restart))
def a_token_is_good_for_many_requests() -> AbstractContextManager[object]:
    """A token is taken as often as it comes."""
    return mock.patch.object(UsedTokens, "use", return_value=True)


@bug("what comes in is bounded", Directed(test_logical_time_far_ahead_is_refused_and_hurts_nobody))
def logical_time_has_no_bound() -> AbstractContextManager[object]:
    """Any logical time is taken over."""
    return mock.patch.object(transaction, "lamport_limit", return_value=2**63)


@bug("what comes in is bounded", Directed(test_thousands_of_dead_lives_are_not_stored))
def any_number_of_lives_is_stored() -> AbstractContextManager[object]:
    """Every life that a hello names is stored, and named in the next hello."""
    return mock.patch.object(testimony, "may_store_life", return_value=True)


@bug(
    "an order's id is its branch's",
    Directed(test_an_order_under_an_id_of_another_branch_gives_way_to_the_true_one),
)
def who_comes_first_has_the_id() -> AbstractContextManager[object]:
    """An order under an id of another branch keeps the true one out."""
    return mock.patch.object(testimony, "takes_id", return_value=False)


@bug(
    "a branch's own word replaces a donor's",
    Directed(test_an_order_that_its_branch_never_took_is_moved_out_when_it_speaks),
)
def invented_orders_stay() -> AbstractContextManager[object]:
    """What a donor invented of a silent branch stays when that branch does not have it."""
    return mock.patch.object(disowned, "move_out", return_value=[])


@bug("a fenced node moves no units", Directed(test_a_fenced_node_gives_no_units_away))
def a_fenced_node_gives_units_away() -> AbstractContextManager[object]:
    """Surplus moves whatever speaks against this node's life."""
    return mock.patch.object(Readiness, "selling", True)


@bug("a branch that left ends no life", Directed(test_what_a_branch_that_left_says_ends_no_life))
def a_branch_that_left_is_believed() -> AbstractContextManager[object]:
    """An answer on its way while its branch is decommissioned counts against a life."""
    return mock.patch.object(membership, "has_left", return_value=False)


@bug(
    "honest branches become alike again",
    Directed(test_a_liar_that_names_hundreds_of_its_own_lives_keeps_no_true_one_out),
)
def a_liars_own_names_use_up_the_room() -> AbstractContextManager[object]:
    """Lives that a branch named itself count where others tell of one more."""

    def one_room(*, known_of_branch: int, by_own_word: bool, **_rest: object) -> bool:
        most = bounds.MOST_LIVES_OF_BRANCH if by_own_word else bounds.MOST_LIVES_BY_HEARSAY
        return known_of_branch < most

    return mock.patch.object(testimony, "may_store_life", one_room)


@bug(
    "honest branches become alike again",
    Directed(test_nodes_are_compared_though_one_cannot_store_a_life_that_is_over, {"loser": "sul"}),
)
def one_life_without_room_keeps_nodes_apart() -> AbstractContextManager[object]:
    """Nodes whose heads differ are never compared."""
    return mock.patch.object(hello_handler, "APART_AFTER", sys.maxsize)


_ROOM = "what nobody can use fills no disk"


def _uncounted(pool: str) -> AbstractContextManager[object]:
    of_branch = kept_totals.of_branch

    def others(*known: Any) -> dict[str, int]:
        return {name: size for name, size in of_branch(*known).items() if name != pool}

    return mock.patch.object(kept_totals, "of_branch", others)


@bug(_ROOM, Directed(test_a_member_fills_no_disk_with_what_nobody_can_apply))
def what_cannot_be_applied_is_kept_without_end() -> AbstractContextManager[object]:
    """A batch is taken however much of its sender is parked already."""
    return _uncounted("own")


@bug(_ROOM, Directed(test_a_member_fills_no_disk_with_rows_that_no_version_knows))
def rows_of_unknown_relations_are_kept_without_end() -> AbstractContextManager[object]:
    """The room for such rows is looked at where events are parked, and nowhere else."""

    apply = receiver._apply

    def unseen(*known: Any) -> receiver.Receipt:
        receipt = apply(*known)
        receipt.merged.kept = False
        return receipt

    return mock.patch.object(receiver, "_apply", unseen)


@bug(_ROOM, Directed(test_a_donor_fills_no_disk_with_what_it_hands_over))
def what_is_handed_over_is_kept_without_end() -> AbstractContextManager[object]:
    """Events that a donor hands over are taken however many there are."""
    return _uncounted("handed")


@bug(_ROOM, Directed(test_what_can_be_applied_again_makes_room))
def what_was_applied_is_counted_for_ever() -> AbstractContextManager[object]:
    """The total hears of rows that come, and not of those that go."""
    deaf = kept_totals._FOLLOW.replace(
        " AFTER DELETE ON main.parked BEGIN", " AFTER DELETE ON main.parked WHEN FALSE BEGIN"
    )
    return mock.patch.object(kept_totals, "_FOLLOW", deaf)


@bug(_ROOM, Directed(test_what_another_connection_wrote_is_counted))
def what_is_kept_is_counted_once() -> AbstractContextManager[object]:
    """What somebody else wrote to the file meanwhile is in no total."""
    follow = kept_totals.KeptTotals.follow

    def once(totals: kept_totals.KeptTotals, connection: sqlite3.Connection) -> None:
        if totals._counted is None:
            follow(totals, connection)

    return mock.patch.object(kept_totals.KeptTotals, "follow", once)


@bug(_ROOM, Directed(test_a_node_without_room_for_a_branch_raises_an_alarm_until_there_is_room))
def only_the_sender_learns_that_there_is_no_room() -> AbstractContextManager[object]:
    """The node that is full says nothing of it."""
    return mock.patch.object(KeptWatch, "note", mock.AsyncMock())


@bug(
    "an alarm ends with what it is raised for",
    Directed(test_the_alarm_of_a_message_that_never_fits_says_so_and_ends_when_it_comes_no_more),
)
def what_never_fits_is_waited_for() -> AbstractContextManager[object]:
    """The alarm stays until there is room, also for a message that is larger than all the room."""
    is_over = KeptWatch._is_over

    async def waited_for(watch: KeptWatch, refused: kept_watch._Refused) -> bool:
        return refused.can_fit and await is_over(watch, refused)

    return mock.patch.object(KeptWatch, "_is_over", waited_for)
