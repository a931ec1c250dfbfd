"""Decommissions branches that are lost for good, and lists the members."""

import sqlite3
from dataclasses import dataclass
from typing import Literal

from app.database import Actor, Effects
from app.domain.errors import NotFound, OwnBranch
from app.runtime import Notifier, wait
from app.state.tables import membership
from app.sync.context import NodeContext

WITNESS_SECONDS = 3.0
"""How long the answer to a decommissioning waits for another member to store it too."""

State = Literal["member", "decommissioning", "decommissioned"]


@dataclass(frozen=True)
class Member:
    """A branch of the roster. `known_by` are the other members that have durably stored its decommissioning.
    While it is `decommissioning`, this node knows of none."""

    name: str
    state: State
    epoch: str | None
    known_by: list[str]


class MemberService:
    """Decommissions branches and lists the roster."""

    def __init__(self, context: NodeContext) -> None:
        self._database = context.database
        self._peers = context.peers
        self._clock = context.clock
        self._changed = Notifier()
        context.database.on_commit.append(self._note)

    @property
    def others(self) -> int:
        """The number of other members."""
        return len(list(self._peers))

    async def roster(self) -> list[Member]:
        """This branch and every configured other one, sorted by name."""
        return await self._database.read(self._roster)

    async def decommission(self, name: str, *, actor: Actor) -> Member:
        """Mark a branch as decommissioned, durably and for good, and report it to the others. To repeat it
        changes nothing.

        Returns the branch when another member has stored it, or after WITNESS_SECONDS. Raises OwnBranch for
        this branch, NotFound for one that is not in the roster.
        """
        if name == self._database.identity.name:
            raise OwnBranch(name)
        if self._peers.get(name) is None:
            raise NotFound("member", name)
        await self._database.write(lambda tx: membership.decommission(tx, name, actor=actor))
        for peer in self._peers:
            self._peers.hurry(peer.name)
        deadline = self._clock.monotonic() + WITNESS_SECONDS
        while True:
            changed = self._changed.next
            (found,) = [member for member in await self.roster() if member.name == name]
            left = deadline - self._clock.monotonic()
            if found.state == "decommissioned" or left <= 0:
                return found
            await wait(changed, left)

    def _roster(self, connection: sqlite3.Connection) -> list[Member]:
        epochs = {peer.name: peer.epoch for peer in self._peers.configured}
        done = membership.done(connection, others=epochs.keys())
        gone, witnesses = membership.gone(connection), membership.witnesses(connection)
        own = self._database.identity

        def state(name: str) -> State:
            if name not in gone:
                return "member"
            return "decommissioned" if name in done or name == own.name else "decommissioning"

        return [
            Member(name=name, state=state(name), epoch=epoch, known_by=witnesses.get(name, []))
            for name, epoch in sorted({**epochs, own.name: own.epoch}.items())
        ]

    def _note(self, effects: Effects) -> None:
        if effects.gone or effects.witnessed:
            self._changed.notify()
