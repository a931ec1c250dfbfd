"""Bugs of what cannot be applied: forgotten too early, left behind, or taken for stored."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from typing import Any
from unittest import mock

from app.database import Transaction
from app.domain.life import Life
from app.state.tables import order_effects, stock_table
from app.sync.catchup import donor_state, importer, snapshot
from app.sync.catchup.donor_state import DonorState
from app.sync.catchup.taken import Taken
from app.sync.log import dead_letters
from app.sync.log.outbox import EMPTY_LOG
from app.sync.peering.peers import Peer
from app.sync.rules import acknowledgement
from app.sync.rules.acknowledgement import Cursor, Log, Reported
from app.sync.wire.kinds import KINDS
from app.sync.wire.messages import Batch, HandedEvent, Head, Page, WireEvent
from tests.recovery.test_durable_orders import test_a_peer_that_could_only_park_the_order_has_not_stored_it
from tests.recovery.test_parked_and_lost import (
    test_what_a_donor_handed_over_before_its_disk_was_lost_is_tried_everywhere,
    test_what_a_donor_was_handed_itself_comes_with_the_orders_that_it_was_handed,
    test_what_is_parked_is_handed_over_with_the_rows_and_outlives_who_handed_it_over,
    test_what_is_parked_of_an_order_comes_after_the_rows_that_it_took,
)
from tests.recovery.test_parked_meanwhile import (
    test_a_donor_that_goes_on_parking_holds_nobody_up,
    test_a_position_is_not_taken_over_at_a_life_that_ended_during_the_fetch,
    test_an_order_that_a_donor_is_still_fetching_waits_for_the_stock_that_it_took,
    test_an_order_that_a_donor_parks_during_a_fetch_waits_for_the_stock_that_it_took,
    test_what_a_donor_parks_during_a_fetch_comes_before_the_orders_that_it_belongs_to,
    test_what_was_passed_over_of_a_life_is_taken_before_its_orders_though_the_life_ended_meanwhile,
)
from tests.sync.test_handover import (
    test_a_donor_that_is_not_as_far_does_not_speak_for_a_state_that_holds_more,
    test_a_later_life_says_nothing_of_what_an_earlier_one_told,
    test_of_a_life_that_two_processes_lived_both_events_at_one_seq_are_kept,
)
from tests.teeth.bug import Directed, bug


@bug(
    "a position stands for what is in the rows or parked",
    Directed(
        test_what_is_parked_is_handed_over_with_the_rows_and_outlives_who_handed_it_over,
        {"kind": "order_created"},
    ),
)
def positions_without_what_is_parked() -> AbstractContextManager[object]:
    """Who fetches whole rows counts all as applied that its donor got, and leaves there what it parked."""
    return mock.patch.object(donor_state, "take", return_value=stock_table.Merged())


@bug(
    "an order shows with what it took",
    Directed(test_what_is_parked_of_an_order_comes_after_the_rows_that_it_took),
)
def parked_orders_come_before_the_rows() -> AbstractContextManager[object]:
    """All that a donor keeps parked is taken over first, orders too."""
    return mock.patch.object(HandedEvent, "is_of_order", property(lambda _event: False))


@bug(
    "an order shows with what it took",
    Directed(test_what_a_donor_was_handed_itself_comes_with_the_orders_that_it_was_handed),
)
def what_a_donor_was_handed_stays_with_it() -> AbstractContextManager[object]:
    """Of what a donor keeps parked, only what its own positions cover is taken."""
    take = donor_state.take

    def covered(
        tx: Transaction, parked: Iterable[HandedEvent], heads: Mapping[str, Head], **how: Any
    ) -> stock_table.Merged:
        kept = [handed for handed in parked if handed.event.seq <= heads.get(handed.life.key, EMPTY_LOG).seq]
        return take(tx, kept, heads, **how)

    return mock.patch.object(donor_state, "take", covered)


@bug(
    "an order shows with what it took",
    Directed(
        test_what_a_donor_parks_during_a_fetch_comes_before_the_orders_that_it_belongs_to,
        {"is_older": False},
    ),
)
def a_donor_is_taken_to_park_nothing_meanwhile() -> AbstractContextManager[object]:
    """What a donor keeps parked is taken over once, before its rows, and never looked at again."""
    return mock.patch.object(DonorState, "is_sure_of", return_value=True)


@bug(
    "an order shows with what it took",
    Directed(test_a_donor_that_goes_on_parking_holds_nobody_up),
)
def a_second_reading_shows_its_orders_at_once() -> AbstractContextManager[object]:
    """A page that is read again is merged whole, and shows orders of which yet more is parked."""

    def whole(peer: Peer, page: Page) -> Callable[[Transaction], stock_table.Merged]:
        return lambda tx: snapshot.merge_page(tx, page, donor=peer.name)

    return mock.patch.object(importer, "_merging_before", whole)


@bug(
    "an order shows with what it took",
    Directed(test_an_order_that_a_donor_parks_during_a_fetch_waits_for_the_stock_that_it_took),
)
def orders_parked_meanwhile_are_taken_too() -> AbstractContextManager[object]:
    """All orders that a donor keeps parked at the end are taken over, though its stock was read before."""
    return mock.patch.object(DonorState, "had", return_value=True)


@bug(
    "an order shows with what it took",
    Directed(test_what_was_passed_over_of_a_life_is_taken_before_its_orders_though_the_life_ended_meanwhile),
)
def what_was_refused_counts_as_taken() -> AbstractContextManager[object]:
    """An order is taken as soon as its life is over, though what it took was refused before and is parked."""
    return mock.patch.object(Taken, "lacks", return_value=False)


@bug(
    "an order shows with what it took",
    Directed(test_an_order_that_a_donor_is_still_fetching_waits_for_the_stock_that_it_took),
)
def whoever_has_no_more_events_has_no_more_orders() -> AbstractContextManager[object]:
    """What shows at a donor is taken to be covered by its position, also while it fetches."""
    return mock.patch.object(order_effects, "fitting", lambda _connection, rows: rows)


@bug(
    "a position stands for what is in the rows or parked",
    Directed(test_a_position_is_not_taken_over_at_a_life_that_ended_during_the_fetch),
)
def a_life_that_ended_meanwhile_counts_as_fetched() -> AbstractContextManager[object]:
    """What is over at the end of a fetch is taken to have been over at its beginning."""
    return mock.patch.object(donor_state, "over", return_value=None)


@bug(
    "a life speaks for itself only",
    Directed(test_a_later_life_says_nothing_of_what_an_earlier_one_told),
)
def a_later_life_covers_an_earlier_one() -> AbstractContextManager[object]:
    """What a branch tells of a product clears whatever it had told of it, before its disk was lost too."""

    def of_the_branch(tx: Transaction, life: Life, event: WireEvent, **_range: Any) -> None:
        for kind in KINDS[event.kind].covers:
            tx.connection.execute(
                "DELETE FROM parked WHERE origin = ? AND kind = ? AND entity = ?",
                (life[0], kind, event.entity),
            )

    return mock.patch.object(dead_letters, "forget_covered", of_the_branch)


@bug(
    "who speaks for an event has all that it said",
    Directed(test_a_donor_that_is_not_as_far_does_not_speak_for_a_state_that_holds_more),
)
def whoever_passed_the_seq_has_it_all() -> AbstractContextManager[object]:
    """A peer that is past a parked event's place is taken to have what it said, though a state moved forward
    says what came after."""
    return mock.patch.object(donor_state, "_is_beyond", return_value=False)


@bug(
    "a parked event ends where it can be applied",
    Directed(test_what_a_donor_handed_over_before_its_disk_was_lost_is_tried_everywhere),
)
def what_no_position_covers_is_never_tried() -> AbstractContextManager[object]:
    """What a donor handed over before its disk was lost waits for a position that nobody has any more."""
    return mock.patch.object(dead_letters, "try_beyond", return_value=stock_table.Merged())


@bug(
    "a parked order is not stored",
    Directed(test_a_peer_that_could_only_park_the_order_has_not_stored_it),
)
def a_parked_order_counts_as_stored() -> AbstractContextManager[object]:
    """Whatever a peer acknowledged is stored there."""
    move = acknowledgement.move

    def all_of_it(cursor: Cursor, reported: Reported, log: Log) -> Cursor | None:
        return move(cursor, reported._replace(parked=()), log)

    return mock.patch.object(acknowledgement, "move", all_of_it)


@bug(
    "an event is itself by its id, not by its seq",
    Directed(test_of_a_life_that_two_processes_lived_both_events_at_one_seq_are_kept),
)
def a_batch_ends_all_that_is_parked_of_its_range() -> AbstractContextManager[object]:
    """What another process of the same life wrote at those seqs is taken for told, too."""

    def by_seq(tx: Transaction, batch: Batch) -> None:
        tx.connection.execute(
            "DELETE FROM parked WHERE origin = ? AND epoch = ? AND seq > ? AND seq <= ?",
            (batch.origin, batch.epoch, batch.after.seq, batch.through.seq),
        )

    return mock.patch.object(dead_letters, "forget_told", by_seq)
