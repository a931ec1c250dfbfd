"""Clients that were refused and send the same again before their time. Their answer waits until the time is
over.

A refusal costs little, and still many times ten thousand of them a second would leave nothing for orders.
Who waits for an answer sends nothing more: each connection costs one refusal in its time.
"""

import asyncio
from collections.abc import Callable

from app.api.front import Refused, Repetition

HELD_BYTES = 8 * 1024
"""The longest request that waits so. Longer ones are refused again at once: they would take up memory."""

_LONGEST_LINE = 256

Release = Callable[[bytes, Repetition], None]


class Early:
    """What the client of one connection was told last, and what it sent too early."""

    def __init__(self, release: Release) -> None:
        self._loop = asyncio.get_running_loop()
        self._release = release
        self._until = 0.0
        self._line = b""
        self._repetition: Repetition | None = None
        self._held = b""
        self._timer: asyncio.TimerHandle | None = None

    @property
    def holds(self) -> bool:
        """Whether a request waits here."""
        return self._timer is not None

    def note(self, refused: Refused, data: bytes) -> None:
        """Note that the request `data` was refused, and for how long its client was told to stay away."""
        end = data.find(b"\r\n", 0, _LONGEST_LINE)
        self._repetition = refused.repetition if end > 0 else None
        self._line = data[: end + 2]
        self._until = self._loop.time() + refused.seconds

    def comes(self, data: bytes) -> bool:
        """Whether this is the request that was refused, in its first line, too early and while others are
        refused. Where there is room again, nobody has to wait."""
        if self._repetition is None:
            return False
        if self._loop.time() >= self._until:
            self._repetition = None
            return False
        is_same = data.startswith(self._line) and len(data) <= HELD_BYTES
        return is_same and self._repetition.is_turned_away()

    def hold(self, data: bytes) -> None:
        """Keep it until its time is over; then it is released. What comes meanwhile is kept behind it."""
        self._held += data
        if self._timer is None:
            self._timer = self._loop.call_at(self._until, self._end_of_time)

    def end(self) -> None:
        """Forget what is held: the connection is gone."""
        self._held, self._repetition = b"", None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _end_of_time(self) -> None:
        repetition, held = self._repetition, self._held
        self._held, self._repetition, self._timer = b"", None, None
        assert repetition is not None, "there is one while a request is held"
        self._release(held, repetition)
