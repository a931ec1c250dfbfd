"""Bugs of the receiving side: events applied twice, left out, or taken out of their order."""

from contextlib import AbstractContextManager
from typing import Any
from unittest import mock

from app.database import Transaction
from app.domain.errors import Invalid
from app.state.registry import replicated
from app.state.tables import stock_table
from app.sync.log import dead_letters, receiver
from app.sync.rules import inbox
from app.sync.rules.inbox import Admission
from app.sync.rules.position import Position
from app.sync.wire import kinds, merging
from app.sync.wire.messages import Batch, WireEvent
from tests.recovery.test_queues import (
    test_a_batch_that_comes_again_late_changes_nothing,
    test_a_peer_that_is_behind_is_told_from_where_it_is_even_before_any_hello,
)
from tests.recovery.test_silent_divergence import test_a_parked_order_is_listed_and_applied_when_somebody_asks
from tests.sync.test_batches import (
    test_a_batch_with_a_bad_event_is_applied_but_for_that_one,
    test_a_lifes_own_word_confirms_what_others_said_of_it_also_where_it_says_the_same,
)
from tests.teeth.bug import Directed, Simulated, bug
from tests.teeth.receiving import apply_each_by


@bug("each event takes effect once", Directed(test_a_batch_that_comes_again_late_changes_nothing))
def no_deduplication() -> AbstractContextManager[object]:
    """A receiver takes every batch for the next one, and its position from the last that came."""
    admit = inbox.admit

    def forget(after: Position, through: Position, *, known: Position, **rest: Any) -> Admission:
        return admit(after, through, known=after, **rest)

    return mock.patch.object(inbox, "admit", forget)


@bug(
    "what cannot be applied is kept and shown",
    Directed(test_a_parked_order_is_listed_and_applied_when_somebody_asks),
)
def drop_what_cannot_be_applied() -> AbstractContextManager[object]:
    """An event that fails at the receiver is logged, so to speak, and gone."""

    def drop(_tx: Transaction, _batch: Batch, _event: WireEvent, _error: Exception) -> None:
        pass

    return mock.patch.object(dead_letters, "park", drop)


@bug("no event is left out", Simulated())
def skip_what_fails_once() -> AbstractContextManager[object]:
    """Every tenth order that arrives is dropped, and the position moves on."""
    apply = kinds.apply
    arrived = 0

    def careless(tx: Transaction, event: Any, *, origin: str) -> Any:
        nonlocal arrived
        arrived += event.kind == "order_created"
        if event.kind == "order_created" and arrived % 10 == 0:
            return stock_table.Merged()
        return apply(tx, event, origin=origin)

    return apply_each_by(careless)


@bug(
    "one bad event holds up nothing but its own entity",
    Directed(test_a_batch_with_a_bad_event_is_applied_but_for_that_one),
)
def drop_a_batch_with_a_bad_event() -> AbstractContextManager[object]:
    """A batch of which one event cannot be applied counts as applied."""
    apply_together = receiver._apply_together

    def all_or_nothing(*asked: Any, **options: Any) -> bool:
        apply_together(*asked, **options)
        return True

    return mock.patch.object(receiver, "_apply_together", all_or_nothing)


@bug(
    "a life's own word confirms what others said of it",
    Directed(test_a_lifes_own_word_confirms_what_others_said_of_it_also_where_it_says_the_same),
)
def the_same_row_is_no_news() -> AbstractContextManager[object]:
    """Rows that are here, if only by the word of others, are left out of a batch before it is merged."""
    merge = merging.merge_together

    def news(tx: Transaction, told: merging.RowsBy, origin: str) -> stock_table.Merged:
        with mock.patch.object(stock_table, "hearsay_of", return_value={}):
            _, cells = replicated.get("stock").bulk(tx, told.get("stock", []), origin)
        return merge(tx, {**told, "stock": list(cells)}, origin)

    return mock.patch.object(kinds, "merge_together", news)


@bug(
    "a gap is noticed",
    Directed(test_a_peer_that_is_behind_is_told_from_where_it_is_even_before_any_hello),
)
def gap_not_noticed() -> AbstractContextManager[object]:
    """A receiver takes whatever comes next for what comes next."""
    admit = inbox.admit

    def believe(after: Position, through: Position, *, known: Position, **rest: Any) -> Admission:
        return admit(after, through, known=after if known.seq < after.seq else known, **rest)

    return mock.patch.object(inbox, "admit", believe)


@bug("what only a newer version can read waits for it", Simulated(seed=66))
def skip_what_a_newer_version_wrote() -> AbstractContextManager[object]:
    """Events of an unknown kind or a newer version count as applied, so that nothing is in the way."""
    apply = kinds.apply

    def shrug(tx: Transaction, event: Any, *, origin: str) -> Any:
        try:
            return apply(tx, event, origin=origin)
        except Invalid as error:
            if error.field not in ("kind", "schema_version"):
                raise
            return stock_table.Merged()

    return apply_each_by(shrug)
