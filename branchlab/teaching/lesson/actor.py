"""Does the steps of a method on a stage, and keeps what came of each as facts."""

import asyncio
import math
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from branchlab.checking.operations import NO_RETRY, Patience, Placed
from branchlab.faults import gates
from branchlab.faults.kinds import BY_NAME, LinkFault
from branchlab.faults.words import DEFAULT_LEASE_SECONDS, links_between, parse_offset
from branchlab.language import deferred
from branchlab.nodes.contract import Order, WantedLine
from branchlab.teaching.lesson import knocking, model, telling, theory
from branchlab.teaching.lesson.outcomes import outcomes_of
from branchlab.teaching.lesson.reading import Reader
from branchlab.teaching.lesson.words import LEAST_SECONDS
from branchlab.teaching.scenarios.stage import Stage

_CROWD = Patience(conflicts=0, hiccups=60)  # a node that is asked by many at once may say "later"
_POLL_SECONDS = 0.05


@dataclass
class Actor:
    """Plays one method. `scale` shortens sales by time; `facts` are STEP.FACT → what was observed; `gone` are
    STEP → the numbers of the orders that went with a disk."""

    stage: Stage
    scale: float = 1.0
    facts: dict[str, object] = field(default_factory=dict)
    placed: dict[str, list[Placed]] = field(default_factory=dict)
    gone: dict[str, Sequence[str]] = field(default_factory=dict)
    _away: set[str] = field(default_factory=set)
    _cut: set[frozenset[str]] = field(default_factory=set)
    _delays: dict[tuple[str, str], float] = field(default_factory=dict)
    _batches: dict[str, int] = field(default_factory=dict)
    _keys: int = 0

    def __post_init__(self) -> None:
        self.reader = Reader(self.stage, self._away)

    async def begin(self) -> None:
        """Makes the customer of all orders."""
        await self.stage.operations.create_customer(
            self.stage.nodes[0], {"code": self._customer, "name": "Turma / Class"}
        )

    async def do(self, step: model.Step) -> None:
        """Does one step; then, if it has a name, reads every node that can be reached."""
        act = _ACTS[type(step)]
        came = await act(self, step)
        if step.name is not None:
            shown = await self.reader.read()
            if short := await self.reader.numbers(one["order"] for one in self.reader.short):
                self.stage.operations.log.told("lesson.short", step=step.name, orders=short)
            self.facts.update({f"{step.name}.{fact}": value for fact, value in {**shown, **came}.items()})

    @property
    def _customer(self) -> str:
        return f"{self.stage.tag}-BUYER"

    def _sku(self, word: str) -> str:
        return f"{self.stage.tag}-{word.upper()}"

    def link(self, sender: str, receiver: str) -> theory.LinkModel:
        """The link as the method has made it so far."""
        away = receiver in self._away or frozenset((sender, receiver)) in self._cut
        delay = self._delays.get((sender, receiver), 0.0)
        return theory.LinkModel(away, delay, self._batches.get(sender))

    async def stock(self, step: model.Stock) -> Mapping[str, object]:
        sku, first = self._sku(step.stock), self.stage.nodes[0]
        await self.stage.operations.create_product(first, sku, step.stock, 1000)
        await self.stage.converge()
        await self.stage.operations.adjust(step.at or first, sku, step.units, share=step.share)
        await self.stage.converge()
        self.reader.watch(sku)
        return {}

    async def sell(self, step: model.Sell) -> Mapping[str, object]:
        sku = self._sku(step.sell)
        began = time.monotonic()
        if step.orders is None:
            rate, wanted = step.by_time
            seconds = max(LEAST_SECONDS, wanted * self.scale)
            if step.name is not None:
                links = {
                    (node, peer): self.link(node, peer)
                    for node in step.at
                    for peer in self.stage.nodes
                    if peer != node
                }
                telling.growth(self.stage.operations.log, step.name, links, rate, seconds)
            each = [self._by_time(node, sku, rate, seconds) for node in step.at]
        else:
            seconds = 0.0
            way = self._crowd if step.at_once else self._in_a_row
            each = [way(node, sku, many) for node, many in zip(step.at, step.orders, strict=True)]
        results = await asyncio.gather(*each)
        placed = [one for result in results for one in result]
        if step.name is not None:
            self.placed[step.name] = placed
        for one in placed:
            self.stage.expect_answer(one, deferred("an order of {sku}", sku=sku))
        came = outcomes_of(placed)
        if step.rate is not None:
            spent = max(seconds, time.monotonic() - began) if seconds else 0.0
            came["lasted"] = round(spent, 2)
            for node in step.at:
                for peer in self.stage.nodes:
                    if peer != node:
                        grown = theory.backlog(step.rate, seconds, self.link(node, peer))
                        came[f"theory.{node}.{peer}"] = round(grown, 1)
        return came

    async def _by_time(self, node: str, sku: str, rate: float, seconds: float) -> list[Placed]:
        """One order after each 1 ÷ rate seconds, whether or not the last was answered."""
        began, many = time.monotonic(), max(1, round(rate * seconds))
        tasks = []
        for number in range(many):
            await asyncio.sleep(max(0.0, began + number / rate - time.monotonic()))
            tasks.append(asyncio.create_task(self._order(node, sku, NO_RETRY)))
        placed = list(await asyncio.gather(*tasks))
        await asyncio.sleep(max(0.0, began + seconds - time.monotonic()))
        return placed

    async def _in_a_row(self, node: str, sku: str, many: int) -> list[Placed]:
        return [await self._order(node, sku, NO_RETRY) for _ in range(many)]

    async def _crowd(self, node: str, sku: str, many: int) -> list[Placed]:
        return list(await asyncio.gather(*(self._order(node, sku, _CROWD) for _ in range(many))))

    async def _order(self, node: str, sku: str, patience: Patience) -> Placed:
        self._keys += 1
        key = f"{self.stage.tag}-{self._keys}"
        lines: list[WantedLine] = [{"sku": sku, "quantity": 1}]
        return await self.stage.operations.place(node, self._customer, lines, key=key, patience=patience)

    async def again(self, step: model.Again) -> Mapping[str, object]:
        """Asks for a step's first order once more, with its key: the same order, and no other sale."""
        order = self._first_of(step.again)
        key = self.reader.keys()[order["id"]]  # as the run log has it
        lines: list[WantedLine] = [
            {"sku": line["sku"], "quantity": line["quantity"]} for line in order["lines"]
        ]
        placed = await self.stage.operations.place(order["branch"], self._customer, lines, key=key)
        self.stage.expect_answer(placed, deferred("the repeated order"))
        return {"same_order": int(placed.order is not None and placed.order["id"] == order["id"])}

    def _first_of(self, step: str) -> Order:
        """The first order that was accepted in the step of that name."""
        return next(one.order for one in self.placed[step] if one.order is not None)

    async def cancel(self, step: model.Cancel) -> Mapping[str, object]:
        order = self._first_of(step.cancel)
        cancelled = await self.stage.operations.cancel(order["branch"], order["id"])
        return {"status": cancelled["status"]}

    async def stop(self, step: model.Stop) -> Mapping[str, object]:
        self._away.add(step.stop)
        await self.stage.stop(step.stop)
        return {}

    async def pause(self, step: model.Pause) -> Mapping[str, object]:
        self._away.add(step.pause)
        await self.stage.pause(step.pause)
        return {}

    async def start(self, step: model.Start) -> Mapping[str, object]:
        await self.stage.start(step.start)
        self._away.discard(step.start)
        return {}

    async def resume(self, step: model.Resume) -> Mapping[str, object]:
        await self.stage.resume(step.resume)
        self._away.discard(step.resume)
        return {}

    async def cut(self, step: model.Cut) -> Mapping[str, object]:
        await self.stage.cut(*step.cut)
        self._cut.add(frozenset(step.cut))
        return {}

    async def slow(self, step: model.Slow) -> Mapping[str, object]:
        seconds = step.ms / 1000
        await self._break("slow", step.slow, {"delay_seconds": seconds, "jitter_seconds": 0.0})
        self._delays[step.slow] = seconds
        return {}

    async def duplicate(self, step: model.Duplicate) -> Mapping[str, object]:
        await self._break("duplicate", step.duplicate, {"copies": 2})
        return {}

    async def reorder(self, step: model.Reorder) -> Mapping[str, object]:
        await self._break("reorder", step.reorder, {"chance": 0.5})
        return {}

    async def _break(self, kind: str, pair: tuple[str, str], settings: Mapping[str, float]) -> None:
        links = links_between(*pair, one_way=True)
        await self.stage.break_links(links, LinkFault(BY_NAME[kind], settings, seed=1))

    async def heal(self, step: model.Heal) -> Mapping[str, object]:
        await self.stage.heal_links()
        self._cut.clear()
        self._delays.clear()
        self._batches.clear()
        return {}

    async def batch(self, step: model.Batch) -> Mapping[str, object]:
        with self.stage.noted("batch", step.batch):
            client = self.stage.operations.clients[step.batch]
            await gates.limit_batch(client, step.events, lease_seconds=DEFAULT_LEASE_SECONDS)
        self._batches[step.batch] = step.events
        return {}

    async def skew(self, step: model.Skew) -> Mapping[str, object]:
        with self.stage.noted("skew", step.skew):
            client = self.stage.operations.clients[step.skew]
            await gates.skew_clock(client, parse_offset(step.by), lease_seconds=DEFAULT_LEASE_SECONDS)
        return {}

    async def forge(self, step: model.Forge) -> Mapping[str, object]:
        sender, receiver = step.link
        client = self.stage.operations.clients[sender]
        forged = await gates.forge(client, receiver, step.forge, times=step.times)
        counts: Counter[str] = Counter()
        for answer in forged["answers"]:
            counts[str(answer["status"])] += answer["count"]
            kind = "event.ignored" if answer["cause"] == "duplicate" else "event.rejected"
            self.stage.operations.log.told(
                kind, node=receiver, peer=sender, cause=answer["cause"], count=answer["count"]
            )
        return {**counts}

    async def knock(self, step: model.Knock) -> Mapping[str, object]:
        return await knocking.knock(self.stage, step.knock)

    async def token(self, step: model.Token) -> Mapping[str, object]:
        return await knocking.show_token(self.stage, *step.token)

    async def price(self, step: model.Price) -> Mapping[str, object]:
        sku = self._sku(step.price)
        client = self.stage.operations.clients[step.at]
        changed = await client.change_product(sku, price_cents=step.cents)
        self.reader.watch_price(sku)
        return {"price": changed["price_cents"]}

    async def wipe(self, step: model.Wipe) -> Mapping[str, object]:
        """Loses the disk; then all links are healed, and the branch comes back by itself."""
        node, stage = step.wipe, self.stage
        at_risk = await stage.lose_disk(node, "wipe", lambda: stage.driver.wipe(node))
        began = time.monotonic()
        await stage.heal_links()
        self._cut.clear()
        await stage.comes_back(node)
        seconds = time.monotonic() - began
        await stage.converge()
        shown = {order["id"] for one in stage.operations.clients.values() for order in await one.orders()}
        lost = [one for one in at_risk if one not in shown]
        if lost and step.name is not None:
            self.gone[step.name] = self.reader.answered(lost)
            stage.operations.log.told("lesson.gone", step=step.name, orders=self.gone[step.name])
        return {"seconds": round(seconds, 2), "at_risk": len(at_risk), "lost": len(lost)}

    async def drain(self, step: model.Drain) -> Mapping[str, object]:
        before = await self.reader.pending()
        began = time.monotonic()
        if step.name is not None:
            waiting = {pair: (events, self.link(*pair)) for pair, events in before.items() if events}
            telling.draining(self.stage.operations.log, step.name, waiting)
        await self.stage.until(
            self._is_drained, deferred("not all events arrived"), deadline_seconds=float(step.drain)
        )
        seconds = time.monotonic() - began
        expected = [
            theory.drain_seconds(float(events), self.link(*pair))
            for pair, events in before.items()
            if events and not math.isinf(self.link(*pair).capacity)
        ]
        known = [one for one in expected if one is not None]
        await self.stage.converge()
        came: dict[str, object] = {"seconds": round(seconds, 3), "ms": round(seconds * 1000)}
        return {**came, "theory": round(max(known), 2)} if known else came

    async def _is_drained(self) -> bool:
        pending = await self.reader.pending()
        return len(pending) == len(self.stage.nodes) * (len(self.stage.nodes) - 1) and not any(
            pending.values()
        )


Act = Callable[[Actor, Any], Awaitable[Mapping[str, object]]]
_ACTS: Mapping[type[model.Step], Act] = {kind: getattr(Actor, verb) for verb, kind in model.VERBS.items()}
