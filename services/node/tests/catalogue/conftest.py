"""Two branches that exchange snapshots by hand."""

import pytest

from tests.support.branch import Branch, Branches


@pytest.fixture
def apart(branches: Branches) -> tuple[Branch, Branch]:
    """`matriz` and `norte` of one network, which know nothing of each other yet."""
    return branches.make("matriz"), branches.make("norte")
