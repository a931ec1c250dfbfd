"""The keys that somebody presses while a live screen is shown."""

import asyncio
import contextlib
import os
import sys
import termios
import tty
from collections.abc import Iterator
from contextlib import contextmanager

Keys = asyncio.Queue[str]
"""The keys pressed and not yet taken, in order."""


@contextmanager
def pressed_keys() -> Iterator[Keys | None]:
    """The keys as they are pressed, without Enter; None where nobody can press any. Needs a running loop.

    Ctrl-C interrupts as ever. The terminal is afterwards as it was before.
    """
    try:
        terminal = sys.stdin.fileno()
        before = termios.tcgetattr(terminal)
    except (OSError, ValueError, termios.error):  # no terminal, or a closed one
        yield None
        return
    if _is_in_background(terminal):  # a shell's job there would be stopped for touching the terminal
        yield None
        return
    keys: Keys = asyncio.Queue()

    def take() -> None:
        with contextlib.suppress(OSError):
            for key in os.read(terminal, 64).decode("utf-8", errors="ignore"):
                keys.put_nowait(key)

    loop = asyncio.get_running_loop()
    tty.setcbreak(terminal, termios.TCSANOW)
    loop.add_reader(terminal, take)
    try:
        yield keys
    finally:
        loop.remove_reader(terminal)
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)


def _is_in_background(terminal: int) -> bool:
    try:
        return os.tcgetpgrp(terminal) != os.getpgrp()
    except OSError:  # a terminal that no shell controls
        return False
