"""The network between the machines of a history, with faults that a seed draws."""

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from random import Random
from typing import Protocol
from urllib.parse import urlsplit

from app.security.replica_tokens import REQUEST_HEADER, ReplicaTokens
from app.sync.peering.transport import Response
from app.sync.wire.errors import Unreachable
from tests.simulation.journal import Journal
from tests.simulation.machines import tampering
from tests.simulation.machines.machine import Machine
from tests.simulation.machines.process import Down, Process, Unknown
from tests.support.network import REPLICA_SECRET, VirtualNetwork

LATENCY_SECONDS = 0.003
THINKING_SECONDS = 0.03  # of a member that lies, before it answers: else one lie costs a thousand messages
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


class Speaker(Protocol):
    """A member whose messages may say something else when they leave (tests.simulation.lying)."""

    name: str

    def hears(self, sender: str, message: bytes) -> None:
        """Learn from a message."""

    def says(self, receiver: str, path: str, body: bytes) -> bytes | None:
        """What leaves instead of a request of its node; None where nothing does."""

    def keep(self, to: str, path: str, body: bytes, headers: Mapping[str, str]) -> None:
        """Keep a message that leaves."""

    def swallows(self, sender: str, path: str, body: bytes) -> Response | None:
        """The answer to a request that its node never gets; None where the node gets it."""

    def replies(self, receiver: str, path: str, answer: bytes) -> bytes:
        """What is answered instead of its node's answer, which was 200."""

    def marked(self, answer: Response, token: str) -> Response:
        """An answer with the mark of a member."""


class Network(VirtualNetwork):
    """Carries messages between machines.

    - Messages have no order among each other: each takes its own time.
    - A sender that stops waiting does not stop the message, so its time-out shows nothing about what
      happened.
    - A message in a `cut` direction (sender, receiver) is never answered, or refused at once if `cut` says
      so.
    - `leads_to` redirects a receiver's address, for one sender, to another machine.
    - What the `speaker`'s node sends and answers may change as it leaves.
    """

    def __init__(self, random: Random, *, journal: Journal) -> None:
        super().__init__()
        self._random = random
        self._journal = journal
        self._tokens = ReplicaTokens(name="the network", secret=REPLICA_SECRET, series="again")
        self._machines: dict[str, Machine] = {}
        self.weather = CALM
        self.cut: dict[tuple[str, str], bool] = {}
        self.leads_to: dict[tuple[str, str], Machine] = {}
        self.speaker: Speaker | None = None
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
        speaker = self.speaker
        if speaker is None or not self._lies(sender):
            return await self.deliver(sender, url, body=body, headers=headers, patience=patience)
        parts = urlsplit(url)
        receiver = str(parts.hostname)
        said = speaker.says(receiver, parts.path, body)
        if said is None:
            raise Unreachable("refused")
        own = headers if said == body else self.signed(sender, receiver, parts.path, said, headers)
        speaker.keep(receiver, parts.path, said, own)
        answer = await self.deliver(sender, url, body=said, headers=own, patience=patience)
        speaker.hears(receiver, answer.body)
        # Its own node takes it for the answer to what the node had said.
        return answer if said == body else speaker.marked(answer, headers["x-replica-token"])

    def signed(
        self, sender: str, receiver: str, path: str, body: bytes, headers: Mapping[str, str]
    ) -> Mapping[str, str]:
        """The headers of a message that was rewritten, as its sender would have made them."""
        machine = self._at((sender, receiver))
        now = machine.process.node.receiver_clock.now() if machine.process else machine.clock.wall()
        rewritten = tampering.signed(sender, receiver, path, body, headers, now=now)
        return self._signed_again(rewritten)

    async def deliver(
        self, sender: str, url: str, *, body: bytes, headers: Mapping[str, str], patience: float
    ) -> Response:
        """Carry a message as it is and return the answer. Raises Unreachable."""
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
            self._set_out(self._travel(link, parts.path, body, self._signed_again(headers), held=held))
        return await self._answer(journey, patience=patience)

    def _signed_again(self, headers: Mapping[str, str]) -> Mapping[str, str]:
        """As a sender repeats a message: with another token, since one is good for one request."""
        return {**headers, REQUEST_HEADER: self._tokens.again(headers[REQUEST_HEADER])}

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
        return poisoned, self.signed(*link, path, poisoned, headers)

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
        answer = await self._answered(process, link, path, body, headers)
        self._journal.note(link[1], "answers", link[0], path, answer.status)
        if answer.status == 500 and not self._lies(link[1]):
            self._journal.violation("error", f"{link[1]} answered {path} with {answer.body.decode()}")
        await self._pass((link[1], link[0]), "answer")
        if self._happens(self.weather.damage):
            self._journal.fault("damage", "answer", link[1], link[0])
            return replace(answer, body=tampering.damage(answer.body, self._random))
        return answer

    async def _answered(
        self, process: Process, link: tuple[str, str], path: str, body: bytes, headers: Mapping[str, str]
    ) -> Response:
        speaker = self.speaker if self._lies(link[1]) else None
        token = headers["x-replica-token"]
        if speaker is not None:
            await asyncio.sleep(THINKING_SECONDS)
        instead = None if speaker is None else speaker.swallows(link[0], path, body)
        if speaker is not None and instead is not None:
            return speaker.marked(instead, token)
        try:
            answer = await process.do(process.answer(path, body, headers), patience=LATE_SECONDS * 10)
        except (Down, Unknown):
            raise Unreachable("reset") from None
        if speaker is None or answer.status != 200:
            return answer
        said = speaker.replies(link[0], path, answer.body)
        return answer if said == answer.body else speaker.marked(replace(answer, body=said), token)

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

    def _lies(self, name: str) -> bool:
        return self.speaker is not None and self.speaker.name == name

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
