"""Thirty phones of a class, each at an address of its own and with its own cookie."""

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx

from branchlab.poll import poll
from tests.cluster.room.rooms import PATIENCE_MS, Room

PHONES = 30
_SECONDS = PATIENCE_MS / 1000
_STROKES = 5
Asked = Mapping[str, Any]
"""A question as a phone gets it."""
Answer = Callable[[int, Asked], Mapping[str, Any]]
"""What the phone of that number, from 0, says to a question."""


def guess(number: int, asked: Asked) -> Mapping[str, Any]:
    """What a class says that knows nothing: any choice, numbers from 1 to 10, lines to every height."""
    if asked["of"] == "choice":
        return {"choice": number % len(asked["choices"])}
    if asked["of"] == "number":
        return {"number": float(number % 10 + 1)}
    end = asked["top"] * (0.1 + 0.8 * number / (PHONES - 1))
    parts = [place / _STROKES for place in range(_STROKES + 1)]
    return {"line": [[asked["seconds"] * part, end * part] for part in parts]}


class Phones:
    """The phones of one room; each remains the same voter."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._cookies = [httpx.Cookies() for _ in range(PHONES)]
        self._answered = 0

    def vote(self, answer: Answer = guess) -> None:
        """All of them answer the next question that they have not seen yet, at once."""
        with ThreadPoolExecutor(1) as beside:  # the browser has this thread's loop
            self._answered = beside.submit(lambda: asyncio.run(self._vote(answer))).result()

    async def _vote(self, answer: Answer) -> int:
        return (await asyncio.gather(*(self._phone(number, answer) for number in range(PHONES))))[0]

    async def _phone(self, number: int, answer: Answer) -> int:
        transport = httpx.AsyncHTTPTransport(local_address=f"127.0.1.{number + 1}")
        async with httpx.AsyncClient(
            transport=transport, timeout=_SECONDS, cookies=self._cookies[number]
        ) as http:

            async def question() -> Asked | None:
                shown = (await http.get(f"{self._room.audience}/state?lang=en")).json()
                asked: Asked | None = shown["question"]
                return (
                    asked if asked is not None and asked["open"] and asked["id"] != self._answered else None
                )

            asked = await poll(question, seconds=_SECONDS)
            assert asked is not None, "nobody asks"
            said = {"question": asked["id"], **answer(number, asked)}
            assert (await http.post(f"{self._room.audience}/vote", json=said)).status_code == 204
            self._cookies[number] = http.cookies
            return int(asked["id"])
