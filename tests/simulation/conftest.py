"""Fixtures of the simulator's own tests."""

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.database.migrations import migrate
from app.state.registry.canonical_forms import FORMS


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A migrated database file that no node has opened yet, to be copied."""
    path = tmp_path_factory.mktemp("simulation") / "template.db"
    migrate(path, forms=FORMS)
    gc.freeze()  # each history ends with a collection, which need not look at all that was imported
    yield path
    gc.unfreeze()
