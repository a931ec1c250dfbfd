"""The network between the machines of a history, with faults that a seed draws."""

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from random import Random
from urllib.parse import urlsplit

from app.sync.peering.transport import Response
from app.sync.wire.errors import Unreachable
from tests.simulation.journal import Journal
from tests.simulation.machines import tampering
from tests.simulation.machines.machine import Machine
from tests.simulation.machines.process import Down, Unknown
from tests.support.network import VirtualNetwork

LATENCY_SECONDS = 0.003
LATE_SECONDS = 3.0  # the most that delay and duplication hold a message up: longer than most time-outs


@dataclass(frozen=True)
class Weather:
    """The chances of each fault for a message or its answer."""

    lose: float = 0.0
    duplicate: float = 0.0
    delay: float = 0.0
    damage: float = 0.0
    poison: float = 0.0


CALM = Weather()


class Network(VirtualNetwork):
    """Carries messages between machines.

    - Messages have no order among each other: each takes its own time.
    - A sender that stops waiting does not stop the message, so its time-out shows nothing about what
      happened.
    - A message in a `cut` direction (sender, receiver) is never answered, or refused at once if `cut` says
      so.
    - `leads_to` redirects a receiver's address, for one sender, to another machine.
    """

    def __init__(self, random: Random, *, journal: Journal) -> None:
        super().__init__()
        self._random = random
        self._journal = journal
        self._machines: dict[str, Machine] = {}
        self.weather = CALM
        self.cut: dict[tuple[str, str], bool] = {}
        self.leads_to: dict[tuple[str, str], Machine] = {}
        self.sent = 0

    def join(self, machine: Machine) -> None:
        self._machines[machine.name] = machine

    def heal(self) -> None:
        """Lose, repeat and delay nothing from now on. What is under way arrives when it does."""
        self.weather = CALM
        self.cut.clear()

    async def carry(
        self, sender: str, url: str, *, body: bytes, headers: Mapping[str, str], patience: float
    ) -> Response:
        self.sent += 1
        parts = urlsplit(url)
        receiver = str(parts.hostname)
        link = (sender, receiver)
        digest = hashlib.sha256(body).hexdigest()[:12]
        self._journal.note(sender, "->", receiver, parts.path, len(body), digest)
        if self.cut.get(link) is True:
            raise Unreachable("refused")
        body, headers = self._tampered(link, parts.path, body, headers)
        journey = self._set_out(self._travel(link, parts.path, body, headers))
        if self._happens(self.weather.duplicate):
            self._journal.fault("duplicate", *link)
            held = LATE_SECONDS * self._random.random() ** 4  # most soon, some long after newer messages
            self._set_out(self._travel(link, parts.path, body, headers, held=held))
        return await self._answer(journey, patience=patience)

    def _tampered(
        self, link: tuple[str, str], path: str, body: bytes, headers: Mapping[str, str]
    ) -> tuple[bytes, Mapping[str, str]]:
        """The message as it will arrive: in most cases as it was sent."""
        if self._happens(self.weather.damage):
            self._journal.fault("damage", "request", *link)
            return tampering.damage(body, self._random), headers
        poisoned = None
        if path == tampering.EVENTS and self._happens(self.weather.poison):
            poisoned = tampering.poison(body, self._random)
        if poisoned is None:
            return body, headers
        self._journal.fault("poison", *link)
        now = self._at(link).clock.wall()
        return poisoned, tampering.signed(*link, path, poisoned, headers, now=now)

    async def _travel(
        self,
        link: tuple[str, str],
        path: str,
        body: bytes,
        headers: Mapping[str, str],
        *,
        held: float = 0.0,
    ) -> Response:
        await asyncio.sleep(held)
        await self._pass(link, "request")
        process = self._at(link).process
        if process is None or not process.serves:
            raise Unreachable("refused")
        try:
            answer = await process.do(process.answer(path, body, headers), patience=LATE_SECONDS * 10)
        except (Down, Unknown):
            raise Unreachable("reset") from None
        self._journal.note(link[1], "answers", link[0], path, answer.status)
        if answer.status == 500:
            self._journal.violation("error", f"{link[1]} answered {path} with {answer.body.decode()}")
        await self._pass((link[1], link[0]), "answer")
        if self._happens(self.weather.damage):
            self._journal.fault("damage", "answer", link[1], link[0])
            return replace(answer, body=tampering.damage(answer.body, self._random))
        return answer

    async def _pass(self, link: tuple[str, str], what: str) -> None:
        """Deliver a message or an answer. If it is lost, raise Unreachable after longer than any sender
        waits."""
        lost = self._happens(self.weather.lose)
        late = self._happens(self.weather.delay)
        seconds = LATENCY_SECONDS * self._random.random()
        if late:
            self._journal.fault("delay", what, *link)
            seconds += LATE_SECONDS * self._random.random()
        await asyncio.sleep(seconds)
        if lost and link not in self.cut:
            self._journal.fault("lose", what, *link)
        if lost or link in self.cut:
            await asyncio.sleep(LATE_SECONDS * 10)
            raise Unreachable("lost")

    def _at(self, link: tuple[str, str]) -> Machine:
        return self.leads_to.get(link) or self._machines[link[1]]

    def _happens(self, chance: float) -> bool:
        return self._random.random() < chance

    async def close(self) -> None:
        """Forget what is under way."""
        tasks = list(self._under_way)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
