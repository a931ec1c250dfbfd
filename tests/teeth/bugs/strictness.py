"""Bugs of what is understood of a command: a slip, an unread body or a hidden character is passed over."""

from contextlib import AbstractContextManager
from unittest import mock

from app.api import order_texts, strictness
from app.api.strictness import Takes
from app.domain import characters, row_checks
from app.domain.errors import Invalid
from tests.api.test_order_texts import (
    test_quantities_beyond_their_bounds_are_named_as_the_model_names_them,
)
from tests.api.test_strict_commands import (
    test_a_body_that_nobody_reads_sells_nothing,
    test_a_slip_in_the_address_sells_nothing,
)
from tests.sync.test_older_texts import test_what_an_older_version_stored_is_applied_and_not_parked
from tests.teeth.bug import Directed, bug
from tests.test_characters import test_the_lab_and_the_node_refuse_characters_by_one_rule

_UNDERSTOOD = "a command that is not fully understood is refused"
_HIDDEN = "\u200bX1"
_VECTOR = {
    "about": "a zero width space before",
    "text": _HIDDEN,
    "key": "hidden_character U+200B",
    "name": "hidden_character U+200B",
}


@bug(_UNDERSTOOD, Directed(test_a_slip_in_the_address_sells_nothing, {"slip": "?twise=true"}))
def an_unknown_parameter_is_passed_over() -> AbstractContextManager[object]:
    """A parameter that a route does not take changes nothing."""
    return mock.patch.object(Takes, "faults", return_value=[])


@bug(_UNDERSTOOD, Directed(test_a_body_that_nobody_reads_sells_nothing))
def a_body_that_nobody_reads_is_passed_over() -> AbstractContextManager[object]:
    """A route without a body acts, whatever the body of the request says."""
    return mock.patch.object(strictness, "has_body", return_value=False)


@bug(
    "two keys can be told apart by looking",
    Directed(test_the_lab_and_the_node_refuse_characters_by_one_rule, {"vector": _VECTOR}),
)
def what_cannot_be_seen_is_taken() -> AbstractContextManager[object]:
    """A key or a name may hold anything but controls."""
    return mock.patch.object(characters, "_refused", return_value=None)


@bug(
    "what an older version stored is never parked for a character",
    Directed(test_what_an_older_version_stored_is_applied_and_not_parked, {"written": _HIDDEN}),
)
def peers_are_held_to_what_people_may_enter() -> AbstractContextManager[object]:
    """A row from a peer is judged by the rule for new texts."""
    checked = row_checks._text

    def narrow(name: str, value: object, *, longest: int) -> str:
        found = checked(name, value, longest=longest)
        if fault := characters.name_fault(found):
            raise Invalid(name, fault.reason)
        return found

    return mock.patch.object(row_checks, "_text", narrow)


@bug(_UNDERSTOOD, Directed(test_quantities_beyond_their_bounds_are_named_as_the_model_names_them))
def a_plain_order_takes_any_quantity() -> AbstractContextManager[object]:
    """Only the model bounds quantities, which a plain order never meets."""
    return mock.patch.object(order_texts, "MAX_QUANTITY", 10**30)
