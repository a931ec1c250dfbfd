"""Bugs of what the writer remembers of rows: it keeps what was undone, or misses what else was written."""

from contextlib import AbstractContextManager
from typing import Any
from unittest import mock

from app.database.deferred import CommandRows, DeferredRows
from app.database.effects import Effects
from app.database.mirror import Mirror
from tests.database.test_mirror import (
    test_a_key_that_comes_twice_in_a_group_makes_one_order,
    test_what_a_refused_order_took_is_there_for_the_next,
)
from tests.state.test_repair import test_a_total_that_is_set_is_counted_from_the_one_in_the_file
from tests.teeth.bug import Directed, Simulated, bug


@bug(
    "what is remembered of a row is what the file says",
    Directed(test_what_a_refused_order_took_is_there_for_the_next, {"reads": False}),
)
def refused_changes_are_remembered() -> AbstractContextManager[object]:
    """What a command changed of the mirror stays when the command is refused."""
    return mock.patch.object(Mirror, "forget_changes", Mirror.keep)


@bug("what is remembered of a row is what the file says", Simulated())
def the_mirror_outlives_a_rollback() -> AbstractContextManager[object]:
    """Nothing is dropped when something is undone, or when a new epoch begins."""
    return mock.patch.object(Mirror, "drop", Mirror.keep)


@bug("what is remembered of a row is what the file says", Simulated())
def applied_events_pass_the_mirror_by() -> AbstractContextManager[object]:
    """A peer's rows are merged into the file, and the writer goes on with those that it remembers."""
    return mock.patch.object(Mirror, "_touched", return_value=None)


@bug(
    "the same key is the same order",
    Directed(test_a_key_that_comes_twice_in_a_group_makes_one_order),
)
def deferred_orders_are_not_found_by_their_key() -> AbstractContextManager[object]:
    """An order of the same group, which the file does not have yet, is not looked for."""
    return mock.patch.object(CommandRows, "found", return_value=[])


@bug("an order is written whole", Simulated())
def deferred_rows_of_a_group_are_lost() -> AbstractContextManager[object]:
    """A command that reads the file forgets what earlier commands of its group deferred."""
    begin: Any = CommandRows._begin

    def forgetful(rows: CommandRows, earlier: DeferredRows | None) -> None:
        if earlier is not None:
            earlier.forget()
        begin(rows, earlier)

    return mock.patch.object(CommandRows, "_begin", forgetful)


@bug(
    "what is remembered of a total is what the file says",
    Directed(test_a_total_that_is_set_is_counted_from_the_one_in_the_file),
)
def a_total_that_was_set_is_still_remembered() -> AbstractContextManager[object]:
    """The change of a total that was counted anew is added to the one that the writer remembers."""
    never = property(lambda _effects: False, lambda _effects, _value: None)
    return mock.patch.object(Effects, "recounted", never)
