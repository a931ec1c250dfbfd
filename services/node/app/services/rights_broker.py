"""The rights broker: a command that takes units waits here when its branch is short of rights."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Generic, Protocol, TypeVar

from app.database import Database, Effects, Transaction
from app.database.commands import Together
from app.domain.errors import CallerGone, OutOfRights, OutOfStock
from app.domain.life import Life
from app.domain.stock import Policy
from app.domain.values import value
from app.domain.waiting import Age, Waiting, WaitingList
from app.runtime import Clock, Notifier, wait
from app.services.caller import STAYING, Caller

T = TypeVar("T")
R = TypeVar("R")
UnitCommand = Callable[[Transaction, Mapping[str, int]], T]
"""A command that gets the units reserved for older waiting orders. It raises OutOfRights when too few are
left."""

_REMEMBERED_AGES = 10_000  # refused orders whose age is kept for a retry with the same key


class Asker(Protocol):
    """Asks peers for rights. `app.sync.stock.transfer` implements it over HTTP."""

    async def ask(self, product_id: str, *, within_reach: bool) -> bool:
        """Ask peers, one after the other, for the orders within reach, or for the others. Returns False when
        the units suffice for all of them, True when all peers were asked and they do not."""


class RightsBroker:
    """Runs commands that take units, as soon as rights allow.

    - A command that is not short costs one write and holds no lock.
    - A short one is listed by its age: first attempt's lamport, branch, id. Then peers are asked, and the
      command is tried again whenever rights may have arrived, oldest first. Newer ones take only what the
      older leave. One that needs more than this branch and the peers heard from lately have is left nothing.
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
        lives_heard_from: Callable[[], Sequence[Life]],
    ) -> None:
        self._database = database
        self._lives_heard_from = lives_heard_from
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

    async def settle(self, command: UnitCommand[T], *, key: str | None = None, caller: Caller = STAYING) -> T:
        """Run `command` as soon as rights allow. `key` keeps the age when a client repeats the request.

        Raises what the command raises, but OutOfStock in place of OutOfRights; CallerGone if the caller hangs
        up before the command begins; and what `may_sell` raises when this node must take no units now.
        """
        try:
            return await self._submit(command, caller, self._waiting.reserved(before=self._known_age(key)))
        except OutOfRights as short:
            if self._policy == "optimistic" or self._asker is None:
                raise OutOfStock(short.shortages) from short
            caller.step_aside()
            return await self._wait(command, caller, short, asker=self._asker, age=self._age(short, key))

    async def _wait(
        self, command: UnitCommand[T], caller: Caller, short: OutOfRights, *, asker: Asker, age: Age
    ) -> T:
        waiting = self._listed(age, short)
        deadline = self._clock.monotonic() + self._patience
        try:
            while True:
                exhausted = False
                if short.behind_older:
                    await wait(self._changed.next, deadline - self._clock.monotonic())
                else:
                    possible = waiting.fits({})
                    products = [shortage.product_id for shortage in short.shortages]
                    rounds = asyncio.gather(*(asker.ask(p, within_reach=possible) for p in products))
                    exhausted = any(await self._until(rounds, deadline) or ())
                # From here on the writer's order of submission decides, so the list need not.
                self._waiting.remove(waiting)
                try:
                    return await self._submit(command, caller, self._waiting.reserved(before=age))
                except OutOfRights as still:
                    waiting = self._listed(age, still)
                    hopeless = exhausted and not still.behind_older and not _hopes(short, still)
                    short = still
                if hopeless or self._clock.monotonic() >= deadline:
                    raise OutOfStock(short.shortages)
        finally:
            self._waiting.remove(waiting)
            self._changed.notify()

    def _listed(self, age: Age, short: OutOfRights) -> Waiting:
        """Put a short command on the waiting list, with what was within its reach at its last attempt."""
        identity = self._database.identity
        lives = [Life(identity.name, identity.epoch), *self._lives_heard_from()]
        reach = {
            product_id: sum(max(rights.get(life, 0), 0) for life in lives)
            for product_id, rights in short.rights.items()
        }
        waiting = Waiting(age=age, needs=short.needs, reach=reach)
        self._waiting.add(waiting)
        return waiting

    async def _until(self, done: Awaitable[R], deadline: float) -> R | None:
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, deadline - self._clock.monotonic())):
                return await done
        return None

    async def _submit(self, command: UnitCommand[T], caller: Caller, reserved: Mapping[str, int]) -> T:
        self._may_sell()  # each time: the node may have been fenced while the command waited
        return await self._database.write(Attempt(command, caller, reserved))

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


@value(frozen=True, slots=True)
class Attempt(Generic[T]):
    """A command with the units that are reserved for older ones, unless the caller has hung up when its turn
    in the writer comes. It is done together with others of its kind where its command says how."""

    command: UnitCommand[T]
    caller: Caller
    reserved: Mapping[str, int]

    def __call__(self, tx: Transaction) -> T:
        if self.caller.gone:
            raise CallerGone
        return self.command(tx, self.reserved)

    @property
    def together(self) -> Together | None:
        found: Together | None = getattr(self.command, "together", None)
        return found


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
