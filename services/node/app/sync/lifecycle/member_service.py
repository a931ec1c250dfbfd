"""Decommissions branches that are lost for good, and lists the members."""

import sqlite3
from dataclasses import dataclass
from typing import Literal

from app.database import Actor, Effects
from app.domain import members
from app.domain.errors import NotFound, OwnBranch
from app.runtime import Notifier, wait
from app.state.tables import membership
from app.sync.context import NodeContext

WITNESS_SECONDS = 3.0
"""How long the answer to a decommissioning waits until it counts."""

State = Literal["member", "decommissioning", "decommissioned"]


@dataclass(frozen=True)
class Member:
    """A branch of the roster. `known_by` are the other members that have durably stored its decommissioning.
    While it is `decommissioning`, this node and they are fewer than the `needed` members: no majority. For a
    member `needed` is how many would have to store it."""

    name: str
    state: State
    epoch: str | None
    known_by: list[str]
    needed: int


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

    async def decommission(self, name: str, *, insist: bool = False, actor: Actor) -> Member:
        """Mark a branch as decommissioned, durably and for good, and report it to the others. To repeat it
        changes nothing. With `insist` it counts at this node without a majority.

        Returns the branch when its decommissioning counts, or after WITNESS_SECONDS. Raises OwnBranch for
        this branch, NotFound for one that is not in the roster.
        """
        if name == self._database.identity.name:
            raise OwnBranch(name)
        if self._peers.get(name) is None:
            raise NotFound("member", name)
        await self._database.write(lambda tx: membership.decommission(tx, name, insist=insist, actor=actor))
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
        known, witnesses = membership.decommissioned(connection), membership.witnesses(connection)
        known_by = {one: [peer for peer in of if peer not in known] for one, of in witnesses.items()}
        own = self._database.identity
        roster = {**epochs, own.name: own.epoch}
        needed = members.majority(len(roster.keys() - done))

        def state(name: str) -> State:
            if name not in known:
                return "member"
            return "decommissioned" if name in done or name == own.name else "decommissioning"

        return [
            Member(name, state(name), epoch, known_by=known_by.get(name, []), needed=needed)
            for name, epoch in sorted(roster.items())
        ]

    def _note(self, effects: Effects) -> None:
        if effects.decommissioned or effects.witnessed:
            self._changed.notify()
