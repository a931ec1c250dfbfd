"""How a node that holds a damaged file gets its turn to replace it, and keeps the turn until it serves."""

import asyncio
import logging
from collections.abc import Iterable

from app.sync.context import NodeContext
from app.sync.damage.turns import RENEW_SECONDS, TurnReply, TurnRequest, weigh
from app.sync.peering.client import Refusal
from app.sync.peering.peers import Peer

log = logging.getLogger("app.damage")

PAUSE_SECONDS = 1.0
"""The mean pause between two rounds of requests. Each pause is drawn anew, so that two such nodes do not keep
colliding."""

ANSWER_SECONDS = 2.0
NOBODY_SECONDS = 5.0
"""After this time without a serving member, an alarm is raised, or with FOUND=1 the node begins alone."""

LOOK_SECONDS = 0.5


class HeldFile:
    """Asks the members for this node's turn to replace its damaged file. With `found` (an admin set FOUND=1)
    it may also replace the file where no member serves."""

    def __init__(self, context: NodeContext) -> None:
        self._node = context.settings.node_name
        self._found = context.settings.found
        self._peers = context.peers
        self._link = context.link
        self._readiness = context.readiness
        self._alarms = context.alarms
        self._clock = context.clock
        self._random = context.random

    async def wait_for_turn(self) -> None:
        """Return when the file may be replaced. Until then the readiness shows the reason why it may not."""
        served_at = self._clock.monotonic()
        while True:
            replies = await self._ask(self._peers, "ask")
            verdict = weigh(replies.values())
            if verdict == "granted":
                return
            if verdict == "taken":
                granted = {name for name, reply in replies.items() if reply.granted}
                await self._ask([peer for peer in self._peers if peer.name in granted], "release")
            if verdict != "nobody_serves":
                served_at = self._clock.monotonic()
                self._wait("damaged_database")
            elif self._clock.monotonic() - served_at >= NOBODY_SECONDS:
                if self._found:
                    return
                self._say_that_nobody_serves()
            await self._clock.sleep(PAUSE_SECONDS * (0.5 + self._random.random()))

    async def keep_turn(self) -> None:
        """Keep the turn until the node serves, then give it back. If this is cancelled, the lease of the turn
        runs out."""
        renewed_at = self._clock.monotonic()
        while not self._readiness.ready:
            if self._clock.monotonic() - renewed_at >= RENEW_SECONDS:
                renewed_at = self._clock.monotonic()
                await self._ask(self._peers, "ask")
            await self._clock.sleep(LOOK_SECONDS)
        await self._ask(self._peers, "release")

    def _wait(self, reason: str) -> None:
        self._readiness.wait_for(reason, reading=True)

    def _say_that_nobody_serves(self) -> None:
        if self._readiness.reason != "nobody_serves":
            self._alarms.raise_(
                "nobody_serves", f"start the others, `./lab salvage {self._node}`, or FOUND=1"
            )
        self._wait("nobody_serves")

    async def _ask(self, peers: Iterable[Peer], wish: str) -> dict[str, TurnReply]:
        """The answers of those members that do answer, by name. All are asked at once."""
        message = TurnRequest.model_validate({"wish": wish})
        asked = list(peers)
        answers = await asyncio.gather(*(self._ask_one(peer, message) for peer in asked))
        return {peer.name: reply for peer, reply in zip(asked, answers, strict=True) if reply is not None}

    async def _ask_one(self, peer: Peer, message: TurnRequest) -> TurnReply | None:
        try:
            return await self._link.call(
                peer, "/replica/turn", message, expect=TurnReply, patience=ANSWER_SECONDS
            )
        except Refusal as refusal:
            if refusal.answer.code == "decommissioned":
                self._readiness.close()
            log.info("%s gave no answer about this node's turn: %s", peer.name, refusal)
            return None
