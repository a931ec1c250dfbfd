"""Histories over whole nodes in virtual time: pauses, time-outs and outages cost nothing."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.recovery.trial import Trial
from tests.support.company import Company
from tests.support.virtual import VirtualLoop


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "asyncio", {"loop_factory": VirtualLoop}


@pytest.fixture
async def trial(company: Company, tmp_path: Path) -> AsyncIterator[Trial]:
    """A company whose disks a test may lose, copy and roll back."""
    made = Trial(company, tmp_path)
    try:
        yield made
    finally:
        await made.close()
