"""Async tests here run in virtual time: pauses and time-outs cost nothing."""

import sqlite3
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support.branch import Branch
from tests.support.virtual import VirtualLoop


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "asyncio", {"loop_factory": VirtualLoop}


@pytest.fixture(scope="session")
def make_branches(schema: sqlite3.Connection) -> Iterator[Callable[[], list[Branch]]]:
    """Makes three branches that know a customer and a product, for one example of many: the same three
    databases in memory, filled anew each time."""
    made: list[Branch] = []

    def make() -> list[Branch]:
        while made:
            made.pop().close()
        made.extend(Branch(name, schema=schema) for name in ("matriz", "norte", "sul"))
        made[0].customer("ALFKI")
        made[0].product("rice")
        made[0].send(made[1])
        made[0].send(made[2])
        return made

    yield make
    while made:
        made.pop().close()
