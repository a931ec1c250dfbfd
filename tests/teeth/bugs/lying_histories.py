"""Bugs of belief that histories with a lying member catch: the whole network hears the lie, not one node."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any
from unittest import mock

from app.database import Transaction
from app.domain import testimony
from tests.recovery.test_lying_donors import test_a_donor_that_claims_to_have_no_more_cancels_nobodys_order
from tests.teeth.bug import Directed, Simulated, bug


@bug("nobody speaks for another", Simulated(seed=5, liars=True))
def nobody_minds_who_speaks() -> AbstractContextManager[object]:
    """All that a peer says is taken as if it were from this node's own disk."""

    @contextmanager
    def hearing(_tx: Transaction, _speaker: Any, **_options: Any) -> Iterator[None]:
        yield

    return mock.patch.object(Transaction, "hearing", hearing)


@bug(
    "an order is taken from its branch",
    Directed(test_a_donor_that_claims_to_have_no_more_cancels_nobodys_order),
)
def anybody_tells_orders() -> AbstractContextManager[object]:
    """A page's orders are merged whoever sends them, cancelled ones of living branches included."""
    return mock.patch.object(testimony, "may_tell_order", return_value=True)
