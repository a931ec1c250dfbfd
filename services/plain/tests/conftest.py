"""Plain nodes for the tests: a branch alone, and two of them."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.plain_company import Company


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def alone(tmp_path: Path) -> AsyncIterator[Company]:
    """A company of one branch, `matriz`."""
    company = Company(tmp_path)
    await company.start("matriz")
    yield company
    await company.close()


@pytest.fixture
async def two(tmp_path: Path) -> AsyncIterator[Company]:
    """A company of two branches, `matriz` and `norte`."""
    company = Company(tmp_path)
    await company.start("matriz", "norte")
    await company.start("norte", "matriz")
    yield company
    await company.close()
