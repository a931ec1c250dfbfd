"""Async tests here run in virtual time: pauses and time-outs cost nothing."""

from typing import Any

import pytest

from tests.support.virtual import VirtualLoop


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "asyncio", {"loop_factory": VirtualLoop}
