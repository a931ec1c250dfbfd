"""Keys are taken one by one while a screen is live, and the terminal is afterwards as it was."""

import asyncio
import io
import os
import pty
import sys
import termios

import pytest

from branchlab.keyboard import pressed_keys


def test_keys_are_taken_as_they_are_pressed_and_the_terminal_is_given_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ours, theirs = pty.openpty()
    with os.fdopen(ours, "wb", buffering=0) as keyboard, os.fdopen(theirs) as terminal:
        monkeypatch.setattr(sys, "stdin", terminal)
        before = termios.tcgetattr(terminal)

        async def run() -> list[str]:
            with pressed_keys() as keys:
                assert keys is not None
                keyboard.write(b" q")
                return [await keys.get(), await keys.get()]

        assert asyncio.run(asyncio.wait_for(run(), timeout=20)) == [" ", "q"]
        assert termios.tcgetattr(terminal) == before


def test_where_there_is_no_terminal_there_are_no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> bool:
        with pressed_keys() as keys:
            return keys is None

    with open(os.devnull, encoding="utf-8") as nothing:
        monkeypatch.setattr(sys, "stdin", nothing)
        assert asyncio.run(run())
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    assert asyncio.run(run())
