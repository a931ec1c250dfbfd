"""Plays the orders of a history at the nodes: each branch in the order of the file, several at once."""

import asyncio
import re
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256

from branchlab.checking.operations import Operations, Patience, Placed, Sleep
from branchlab.nodes.keys import same_key
from branchlab.teaching.replay.history import History, HistoryOrder
from branchlab.teaching.replay.mapping import share_workers

_LINES_PER_CONFLICT = 20
"""For each so many lines of an order one more 409 is borne: the units of a few hundred products cannot all
arrive while one request waits."""
_PLAIN = re.compile(r"[A-Za-z0-9._:/-]{1,100}")


@dataclass(frozen=True)
class Played:
    """One order of the history and what became of it. `repriced` counts its lines that the catalogue sold at
    another price than the file's."""

    order: HistoryOrder
    node: str
    placed: Placed
    repriced: int


class Pace:
    """Gives turns, at most `rate` a second; with None each at once."""

    def __init__(
        self,
        rate: float | None,
        *,
        sleep: Sleep = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._seconds = 1 / rate if rate is not None else 0.0
        self._sleep = sleep
        self._clock = clock
        self._next = clock()

    async def turn(self) -> None:
        """Returns when the next order may begin. Turns that nobody took in time are not made up for."""
        now = self._clock()
        begins = max(now, self._next)
        self._next = begins + self._seconds
        if begins > now:
            await self._sleep(begins - now)


async def play(
    operations: Operations,
    history: History,
    mapping: Mapping[str, str],
    *,
    run: str,
    concurrency: int,
    patience: Patience,
    on_played: Callable[[Played], None],
    pace: Pace | None = None,
) -> list[Played]:
    """Places every order once and returns what became of each; at most `concurrency` are under way in total,
    and they begin as `pace` allows.

    The key of an order is stable within `run`, so that a request repeated after an unknown outcome sells
    nothing twice. A branch that hangs uses up only its own share of `concurrency`.
    """
    branches = history.orders_by_branch()
    slots = asyncio.Semaphore(concurrency)
    results: list[Played] = []
    turns = pace or Pace(None)

    async def work(branch: str, queue: deque[HistoryOrder]) -> None:
        while queue:
            async with slots:
                if not queue:  # another worker of this branch took the last one while we waited for the slot
                    return
                order = queue.popleft()
                await turns.turn()
                played = await play_one(operations, order, mapping[branch], run=run, patience=patience)
            results.append(played)
            on_played(played)

    workers = share_workers({branch: len(orders) for branch, orders in branches.items()}, concurrency)
    async with asyncio.TaskGroup() as group:
        for branch, orders in branches.items():
            queue = deque(orders)
            for _ in range(workers[branch]):
                group.create_task(work(branch, queue))
    return results


async def play_one(
    operations: Operations, order: HistoryOrder, node: str, *, run: str, patience: Patience
) -> Played:
    """Places one order of the history at `node`, under a key that is stable within `run`. The longer the
    order, the more often it is sent again."""
    placed = await operations.place(
        node,
        order.customer,
        [{"sku": line.sku, "quantity": line.quantity} for line in order.lines],
        key=key_of(run, order),
        patience=replace(patience, conflicts=patience.conflicts + len(order.lines) // _LINES_PER_CONFLICT),
    )
    return Played(order, node, placed, _repriced(order, placed))


def key_of(run: str, order: HistoryOrder) -> str:
    """The Idempotency-Key of an order. Its number is part of it where a header can hold that, else the
    number's hash: another sign begins it, so that no number is another one's hash."""
    if _PLAIN.fullmatch(order.order):
        return f"{run}-{order.order}"
    return f"{run}~{sha256(order.order.encode(errors='surrogatepass')).hexdigest()[:32]}"


def _repriced(order: HistoryOrder, placed: Placed) -> int:
    if placed.order is None:
        return 0
    prices = {same_key(line["sku"]): line["unit_price_cents"] for line in placed.order["lines"]}
    return sum(prices[same_key(line.sku)] != line.unit_price_cents for line in order.lines)
