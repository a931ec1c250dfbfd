"""The rights broker: a command that takes units waits here when its branch is short of rights."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Protocol, TypeVar

from app.database import Database, Effects, Transaction
from app.domain.errors import OutOfRights, OutOfStock
from app.domain.waiting import Age, Waiting, WaitingList
from app.runtime import Clock, Notifier, wait
from app.state.commands.order_commands import Policy

T = TypeVar("T")
R = TypeVar("R")
Attempt = Callable[[Transaction, Mapping[str, int]], T]
"""A command that gets the units reserved for older waiting orders. It raises OutOfRights when too few are
left."""

_REMEMBERED_AGES = 10_000  # refused orders whose age is kept for a retry with the same key


class Asker(Protocol):
    """Asks peers for rights. `app.sync.stock.transfer` implements it over HTTP."""

    async def ask(self, product_id: str) -> bool:
        """Ask peers, one after the other. Returns False when the units suffice for all that waits for the
        product, True when all peers were asked and they do not."""


class RightsBroker:
    """Runs commands that take units, as soon as rights allow.

    - A command that is not short costs one write and holds no lock.
    - A short one is listed by its age: first attempt's lamport, branch, id. Then peers are asked, and the
      command is tried again whenever rights may have arrived, oldest first. Newer ones take only what the
      older leave.
    - It waits at most `patience` seconds in all, and raises OutOfStock only after every peer was asked.
    """

    def __init__(
        self,
        database: Database,
        *,
        waiting: WaitingList,
        clock: Clock,
        policy: Policy,
        patience: float,
        may_sell: Callable[[], None],
    ) -> None:
        self._database = database
        self._waiting = waiting
        self._clock = clock
        self._policy = policy
        self._patience = patience
        self._may_sell = may_sell
        self._asker: Asker | None = None
        self._changed = Notifier()
        self._ages: OrderedDict[str, Age] = OrderedDict()
        self._tickets = 0
        database.on_commit.append(self._wake)

    def use(self, asker: Asker) -> None:
        """Set the asker of peers. Without one, a short command is refused at once."""
        self._asker = asker

    async def settle(self, attempt: Attempt[T], *, key: str | None = None) -> T:
        """Run `attempt` as soon as rights allow. `key` keeps the age when a client repeats the request.

        Raises what the attempt raises, but OutOfStock in place of OutOfRights; and what `may_sell` raises
        when this node must take no units now.
        """
        try:
            return await self._submit(attempt, self._waiting.reserved(before=self._known_age(key)))
        except OutOfRights as short:
            if self._policy == "optimistic" or self._asker is None:
                raise OutOfStock(short.shortages) from short
            return await self._wait(attempt, short, asker=self._asker, age=self._age(short, key))

    async def _wait(self, attempt: Attempt[T], short: OutOfRights, *, asker: Asker, age: Age) -> T:
        waiting = Waiting(age=age, needs=short.needs)
        deadline = self._clock.monotonic() + self._patience
        self._waiting.add(waiting)
        try:
            while True:
                exhausted = False
                if short.behind_older:
                    await wait(self._changed.next, deadline - self._clock.monotonic())
                else:
                    rounds = asyncio.gather(*(asker.ask(s.product_id) for s in short.shortages))
                    exhausted = any(await self._until(rounds, deadline) or ())
                # From here on the writer's order of submission decides, so the list need not.
                self._waiting.remove(waiting)
                try:
                    return await self._submit(attempt, self._waiting.reserved(before=age))
                except OutOfRights as still:
                    self._waiting.add(waiting)
                    hopeless = exhausted and not still.behind_older and not _hopes(short, still)
                    short = still
                if hopeless or self._clock.monotonic() >= deadline:
                    raise OutOfStock(short.shortages)
        finally:
            self._waiting.remove(waiting)
            self._changed.notify()

    async def _until(self, done: Awaitable[R], deadline: float) -> R | None:
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, deadline - self._clock.monotonic())):
                return await done
        return None

    async def _submit(self, attempt: Attempt[T], reserved: Mapping[str, int]) -> T:
        self._may_sell()  # each time: the node may have been fenced while the command waited
        return await self._database.write(lambda tx: attempt(tx, reserved))

    def _known_age(self, key: str | None) -> Age | None:
        return self._ages.get(key) if key is not None else None

    def _age(self, short: OutOfRights, key: str | None) -> Age:
        known = self._known_age(key)
        if known is not None:
            return known
        self._tickets += 1
        age = (short.lamport, self._database.identity.name, f"{self._tickets:012d}")
        if key is not None:
            self._ages[key] = age
            if len(self._ages) > _REMEMBERED_AGES:
                self._ages.popitem(last=False)
        return age

    def _wake(self, effects: Effects) -> None:
        if effects.stock:
            self._changed.notify()


def _hopes(before: OutOfRights, after: OutOfRights) -> bool:
    """Whether another round may bring more, although every peer was asked.

    That is so if rights moved meanwhile. It is also so if the answers showed that the company has enough
    after all: the order, which was asked for without an age, now has one.
    """
    known = {shortage.product_id: shortage for shortage in before.shortages}
    for now in after.shortages:
        then = known.get(now.product_id)
        if then is None or now.available_here != then.available_here:
            return True
        if then.available_company < now.wanted <= now.available_company:
            return True
    return False
