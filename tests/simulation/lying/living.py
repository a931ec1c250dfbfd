"""What a liar does by itself: it runs its node, sells, sends requests of its own making, and sends old ones
again."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from random import Random
from typing import Any

from app.database import StorageError
from app.domain.errors import StateError
from app.node import BranchNode
from app.state.commands.order_commands import PlaceOrder
from app.state.commands.stock_commands import Adjustment
from app.sync.wire.errors import Unreachable
from tests.simulation.faults import leaving
from tests.simulation.faults.scene import Scene
from tests.simulation.lying.liar import Liar
from tests.simulation.lying.telling import EVENT, HELLO, SEAL, SNAPSHOT, TOTALS, TRANSFER
from tests.simulation.machines.machine import Machine
from tests.simulation.machines.network import Network
from tests.simulation.machines.process import Down, Process, Unknown
from tests.simulation.people.clients import ACTOR, CUSTOMERS
from tests.simulation.plan import Plan

EVERY_SECONDS = 0.3
PATIENCE_SECONDS = 3.0
BURST = (5, 30)
"""The requests of a flood, all at once."""
INVENTED_UNITS = 500
MOST_RESTARTS = 20
RELATIONS = ("users", "customers", "products", "orders", "stock")


class Living:
    """The liar's machine, and what it does there."""

    def __init__(self, plan: Plan, liar: Liar, machine: Machine, network: Network) -> None:
        self.machine = machine
        self._plan = plan
        self._liar = liar
        self._network = network
        self._random: Random = plan.random("living")
        self._begun: dict[asyncio.Task[None], None] = {}
        self._orders = 0
        self._life: asyncio.Task[None] | None = None

    @property
    def touched(self) -> frozenset[str]:
        """The catalogue rows that it changed in a message, by id."""
        return frozenset(self._liar.heard.touched)

    def begin(self) -> None:
        """Lie from now on."""
        self._life = asyncio.get_running_loop().create_task(self._live())

    async def leave(self, scene: Scene) -> None:
        """Be found out: all honest branches serve again, and the liar is decommissioned. In half of the
        histories its machine is switched off before, else it goes on lying."""
        if self._random.random() < 0.5:
            await self._switch_off()
        for _ in range(MOST_RESTARTS):
            await _restart_fenced(scene)
            if await leaving.say(scene.machines, self.machine):
                break
            await asyncio.sleep(leaving.AGAIN_SECONDS)
        await _restart_fenced(scene)
        if await scene.all_ready():
            await leaving.say_again(scene.machines, [self.machine], scene.journal)
            await _restart_fenced(scene)  # by what it said until then
            return
        for machine in scene.machines:
            if machine.process is None or not machine.process.node.ready:
                reason = machine.process and machine.process.node.readiness.reason
                scene.journal.violation("stopped", f"{machine.name} does not serve: {reason}")

    async def _live(self) -> None:
        """Do one thing after the other until cancelled. A node that was fenced, because others believe less
        than it said, is started again."""
        self._liar.lies = True
        doings: dict[str, Callable[[], Awaitable[None]]] = {
            "forge_deaths": self._seal,
            "greed": self._want,
            "own_units": self._invent_units,
            "replay": self._replay,
            "flood": self._flood,
            "sell": self._sell,
        }
        kinds = [kind for kind in doings if kind in self._plan.lies]
        while True:
            await asyncio.sleep(self._random.expovariate(1.0 / EVERY_SECONDS))
            await self._keep_running()
            kind = self._random.choice(("sell", *kinds))
            await doings[kind]()

    async def close(self) -> None:
        """End what is under way, and its node."""
        await self._switch_off()

    async def _switch_off(self) -> None:
        tasks: list[asyncio.Task[None]] = [*self._begun, *([self._life] if self._life else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self.machine.process is not None:
            self.machine.crash()
        await self.machine.reaped()

    async def _keep_running(self) -> None:
        process = self.machine.process
        if process is not None and process.node.readiness.fenced and not process.node.readiness.closed:
            self.machine.crash()
        if self.machine.process is None:
            await self.machine.start()

    async def _sell(self) -> None:
        """An order at its own branch, so that its log has something to say."""
        self._orders += 1
        sku = self._random.choice(self._plan.skus)
        key = f"liar-{self._orders}"
        wanted = PlaceOrder(customer=self._random.choice(CUSTOMERS), lines=((sku, 1),))
        await self._do(lambda node: node.orders.place(wanted, actor=ACTOR, key=key, request_hash=key))

    async def _invent_units(self) -> None:
        """A delivery that never arrived, shared among all."""
        share: Any = self._random.choice(("equal", "demand"))
        sku = self._random.choice(self._plan.skus)
        units = self._random.randint(1, INVENTED_UNITS)
        self._liar.note("own_units", self._liar.name, "", f"{units} of {sku} that never arrived")
        wanted = Adjustment(sku=sku, quantity=units, reason="a lie", share=share)
        await self._do(lambda node: node.stock.adjust(wanted, actor=ACTOR))

    async def _do(self, use: Callable[[BranchNode], Awaitable[Any]]) -> None:
        process = self.machine.process
        if process is None or not process.serves or not process.node.ready:
            return
        with suppress(Down, Unknown, StateError, StorageError):  # it is refused like everybody else
            await process.do(_use(use, process), patience=PATIENCE_SECONDS)

    async def _seal(self) -> None:
        """Count a product, and name living branches dead meanwhile."""
        heard = self._liar.heard
        if heard.products:
            product = self._random.choice(sorted(heard.products))
            self._ask(
                SEAL,
                {"product_id": product, "dead": [], "decommissioned": []},
                lie=self._random.choice(self._plan.lies),
            )

    async def _want(self) -> None:
        """All units of a product."""
        if self._liar.heard.products:
            self._ask(TRANSFER, self._wish(), lie="greed")

    def _wish(self) -> dict[str, Any]:
        product = self._random.choice(sorted(self._liar.heard.products))
        return {"product_id": product, "wanted": 1, "age": None, "lamport": 1, "revisions": {}, "cells": []}

    async def _flood(self) -> None:
        """Many requests at once, each of which is valid."""
        many = self._random.randint(*BURST)
        what = self._random.choice((SNAPSHOT, TOTALS, TRANSFER, HELLO, EVENT))
        kept = [sent for sent in self._liar.kept if sent.path == what]
        self._liar.note("flood", "all", what, f"{many} at once")
        for _ in range(many):
            if what == SNAPSHOT:
                wish: dict[str, Any] = {
                    "relation": self._random.choice(RELATIONS),
                    "after": "",
                    "branch": None,
                    "buckets": [],
                }
                self._ask(what, wish)
            elif what == TOTALS:
                self._ask(what, {"parked_after": ""})
            elif what == TRANSFER and self._liar.heard.products:
                self._ask(what, self._wish())
            elif kept:
                sent = self._random.choice(kept)
                self._post(sent.to, sent.path, sent.body, None)

    async def _replay(self) -> None:
        """A message that it sent before, with the token it had then, or with one of today."""
        if not self._liar.kept:
            return
        sent = self._random.choice(list(self._liar.kept))
        again = self._random.random() < 0.5
        self._liar.note("replay", sent.to, sent.path, "as it was" if again else "with another token")
        self._post(sent.to, sent.path, sent.body, sent.headers if again else None)

    def _ask(self, path: str, wish: dict[str, Any], *, lie: str | None = None) -> None:
        """Send a request to one of the others."""
        heard, process = self._liar.heard, self.machine.process
        others = heard.others()
        if not others or process is None or not process.serves:
            return
        to = self._random.choice(others)
        body = {"to_epoch": heard.epochs[to], "epoch": process.node.database.identity.epoch, **wish}
        said = json.dumps(body).encode()
        if lie is not None:
            said = self._liar.changed(lie, self._liar.telling(path, to, said, answer=False)) or said
        self._post(to, path, said, None)

    def _post(self, to: str, path: str, body: bytes, headers: Any) -> None:
        task = asyncio.get_running_loop().create_task(self._deliver(to, path, body, headers))
        self._begun[task] = None
        task.add_done_callback(lambda done: self._begun.pop(done, None))

    async def _deliver(self, to: str, path: str, body: bytes, headers: Any) -> None:
        own = headers or self._network.signed(self._liar.name, to, path, body, {})
        self._liar.keep(to, path, body, own)
        try:
            answer = await self._network.deliver(
                self._liar.name, f"http://{to}{path}", body=body, headers=own, patience=PATIENCE_SECONDS
            )
        except Unreachable:
            return
        self._liar.hears(to, answer.body)


async def _restart_fenced(scene: Scene) -> None:
    """Start every branch again that has stopped to serve because its life was said to be over."""
    for machine in scene.machines:
        process = machine.process
        if process is not None and process.node.readiness.fenced and not process.node.readiness.closed:
            scene.journal.note(machine.name, "is started again")
            await machine.stop()
            await machine.start()


async def _use(use: Callable[[BranchNode], Awaitable[Any]], process: Process) -> Any:
    return await use(process.node)
