"""Which dead lives all nodes have to know in the end."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from app.database.migrations import NEWEST
from tests.simulation.ending import files

LIFE = ("matriz", "first")


@pytest.fixture
def two() -> Iterator[files.Files]:
    """Two files of the newest schema. The first one has heard of the end of a life that the second does not
    know."""
    with closing(sqlite3.connect(":memory:")) as norte, closing(sqlite3.connect(":memory:")) as sul:
        for file in (norte, sul):
            file.executescript(NEWEST.read_text(encoding="utf-8"))
        norte.execute("INSERT INTO epochs VALUES (?, ?, 1)", LIFE)
        norte.execute("INSERT INTO hearsay_deaths VALUES (?, ?)", LIFE)
        yield {"norte": norte, "sul": sul}


def test_what_one_node_only_heard_of_a_life_without_rows_need_not_be_known(two: files.Files) -> None:
    assert files.deaths(two) == [[], []]


def test_the_end_of_a_life_that_anybody_has_a_row_of_must_be_known(two: files.Files) -> None:
    two["sul"].execute("INSERT INTO positions VALUES (?, ?, 3, 'an event', 0)", LIFE)
    assert files.deaths(two) == [[LIFE], []]


def test_an_end_that_its_own_branch_told_must_be_known(two: files.Files) -> None:
    two["norte"].execute("DELETE FROM hearsay_deaths")
    assert files.deaths(two) == [[LIFE], []]
