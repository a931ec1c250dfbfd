"""Passwords."""

import asyncio
from collections.abc import Callable
from random import Random
from typing import TypeVar

import pytest

from app.runtime import Lane
from app.security.passwords import Passwords, password_fault

T = TypeVar("T")


class RecordingExecutor:
    """Runs work at once and remembers in which lanes."""

    def __init__(self) -> None:
        self.lanes: list[Lane] = []

    async def run(self, lane: Lane, work: Callable[[], T]) -> T:
        self.lanes.append(lane)
        return work()

    def close(self) -> None:
        """Nothing to free."""


def passwords(seed: int = 1, *, executor: RecordingExecutor | None = None) -> Passwords:
    return Passwords(rounds=4, random=Random(seed), executor=executor or RecordingExecutor())


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("correct horse", None),
        ("é" * 36, None),  # 72 bytes
        ("é" * 37, "password_too_long"),
        ("x" * 11, "password_too_short"),
        ("x" * 12 + "\0", "control_character"),
        ("x" * 12 + "\ud800", "lone_surrogate"),
    ],
)
def test_a_new_password_fits_or_there_is_a_reason(password: str, reason: str | None) -> None:
    assert password_fault(password) == reason


def test_only_the_right_password_is_right() -> None:
    async def scenario() -> list[bool]:
        known = await passwords().hash("correct horse")
        return [await passwords().check(attempt, known) for attempt in ("correct horse", "Correct horse", "")]

    assert asyncio.run(scenario()) == [True, False, False]


@pytest.mark.parametrize("attempt", ["x" * 73, "x\0", "\ud800"])
def test_what_bcrypt_cannot_take_is_simply_wrong(attempt: str) -> None:
    async def scenario() -> bool:
        return await passwords().check(attempt, await passwords().hash("correct horse"))

    assert not asyncio.run(scenario())


@pytest.mark.parametrize("attempt", ["correct horse", "x" * 73])
def test_an_unknown_user_costs_one_bcrypt_like_a_known_one(attempt: str) -> None:
    executor = RecordingExecutor()
    assert not asyncio.run(passwords(executor=executor).check(attempt, None))
    assert executor.lanes == ["crypto"]


def test_salts_come_from_the_injected_random() -> None:
    """A simulated history with a password in it must replay byte by byte."""

    async def one(seed: int) -> str:
        return await passwords(seed).hash("correct horse")

    assert asyncio.run(one(7)) == asyncio.run(one(7))
    assert asyncio.run(one(7)) != asyncio.run(one(8))
