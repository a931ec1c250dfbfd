"""How a bug gets at each event that a receiver applies."""

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from typing import Any
from unittest import mock

from app.domain.errors import Invalid
from app.state.tables.stock_table import Merged
from app.sync.wire import kinds


def apply_each_by(apply: Callable[..., Merged]) -> AbstractContextManager[object]:
    """Apply one event after the other by this function, in place of `kinds.apply`."""

    def one_by_one(*_asked: Any, **_options: Any) -> Merged:
        raise Invalid("batch", "each_by_itself")

    stack = ExitStack()
    stack.enter_context(mock.patch.object(kinds, "apply_together", one_by_one))
    stack.enter_context(mock.patch.object(kinds, "apply", apply))
    return stack
