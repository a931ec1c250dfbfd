"""What a scenario plays on: a network, clients on its nodes, and the means to break and mend it."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random

from branchlab.checking.evidence import collect
from branchlab.checking.operations import Operations, Placed
from branchlab.checking.runlog import read_records
from branchlab.faults import gates
from branchlab.faults.kinds import CUT, LinkFault
from branchlab.faults.words import Link, links_between, spoken
from branchlab.language import _
from branchlab.networks.drivers import Driver
from branchlab.networks.network import Network
from branchlab.networks.pace import Pace
from branchlab.nodes import convergence
from branchlab.nodes.contract import Status
from branchlab.nodes.outcome import Refused, Unknown
from branchlab.poll import poll
from branchlab.settings import Secrets
from branchlab.teaching.scenarios.wire import Wire

_POLL_SECONDS = 0.1
IN_TIME_SECONDS = 60.0
"""How long a stage waits for what should happen by itself; longer where the machine's pace is slow."""


@dataclass
class Stage:
    """One scenario's network while it runs. `tag` is new in every run: names made with it are free.

    `failures`, `unjudged` and `facts` are what the scenario finds: a failure makes the command exit 1, what
    could not be judged in time makes it exit 2, facts are shown. How long that is, the machine's `pace` says.
    `wire` is there for scenarios that ask for it.
    """

    driver: Driver
    network: Network
    secrets: Secrets
    operations: Operations
    random: Random
    rounds: int
    seconds: float
    tag: str
    pace: Pace = field(default_factory=Pace)
    wire: Wire | None = None
    failures: list[str] = field(default_factory=list)
    unjudged: list[str] = field(default_factory=list)
    facts: list[str] = field(default_factory=list)
    _faults: dict[str, int] = field(default_factory=dict)
    _cuts: list[int] = field(default_factory=list)

    @property
    def nodes(self) -> tuple[str, ...]:
        return self.network.names

    def expect(self, holds: bool, failure: str) -> None:
        """Notes `failure` unless the expectation holds."""
        if not holds:
            self.failures.append(failure)

    def expect_answer(self, placed: Placed, what: str) -> bool:
        """Whether the order came to a clear end. One that did not in all the time it had is unjudged."""
        last = placed.attempts[-1]
        if last.unknown is not None:
            self.unjudged.append(_("{what} had no clear answer: {unknown}", what=what, unknown=last.unknown))
        return last.unknown is None

    async def converge(self) -> None:
        """Waits until all nodes agree; NotInTimeError says what is in the way after a minute, or longer where
        this machine is slow."""
        deadline = self.pace.patience(IN_TIME_SECONDS)
        await convergence.wait_converged(list(self.operations.clients.values()), deadline_seconds=deadline)

    async def status(self, node: str) -> Status:
        return await self.operations.clients[node].status()

    async def head(self, node: str) -> int:
        """How many events the node itself has written so far."""
        status = await self.status(node)
        return status["heads"].get(f"{node}@{status['epoch']}", 0)

    async def stop(self, *nodes: str) -> None:
        await self._break("stop", self.driver.stop, nodes)

    async def pause(self, *nodes: str) -> None:
        await self._break("pause", self.driver.pause, nodes)

    async def kill(self, *nodes: str) -> None:
        """SIGKILL, as a power cut."""
        await self._break("kill", self.driver.kill, nodes)

    async def cut(self, node: str, *others: str) -> None:
        """Cuts the links between the node and the others, both ways: at the wire where there is one, else in
        the nodes. Returns when the cut is felt."""
        links = [link for other in others for link in links_between(node, other, one_way=False)]
        if self.wire is None:
            await self.break_links(links, LinkFault(CUT))
            return
        with self.noted(CUT.name, spoken(links)):
            self.wire.cut(links)

    async def break_links(self, links: list[Link], fault: LinkFault) -> None:
        """Puts the fault on the links; returns when it is felt."""
        with self.noted(fault.kind.name, spoken(links)):
            await gates.make(self.operations.clients, links, fault)

    @contextmanager
    def noted(self, fault: str, target: str) -> Iterator[None]:
        """Makes a fault in the block that `heal_links` ends; the run log says when."""
        number = self.operations.log.fault_requested(fault, target)
        yield
        self.operations.log.fault_active(number)
        self._cuts.append(number)

    async def heal_links(self) -> None:
        """Ends what was done to links, clocks and batches; safe to repeat."""
        if self.wire is not None:
            self.wire.heal()
        else:
            await gates.lift_all(self.operations.clients)
        for fault in self._cuts:
            self.operations.log.fault_healed(fault)
        self._cuts.clear()

    async def lose_disk(
        self,
        node: str,
        fault: str,
        act: Callable[[], None],
        *,
        until_over: Callable[[], Awaitable[object]] | None = None,
    ) -> list[str]:
        """Lets `act` take from the node's disk what the node knew last, and declares in the run log which
        orders were at risk: those it had acknowledged and not yet shown as stored by a peer. Returns them.

        A node that runs on over a ruined disk acknowledges orders until it finds out: `until_over` waits for
        the end of that life, and what was acknowledged in it meanwhile is at risk too."""
        client = self.operations.clients[node]
        epoch = (await client.status())["epoch"]
        stored = {order["id"] for order in await client.orders() if order["stored_by"]}
        self._faults[node] = self.operations.log.fault_requested(fault, node)
        await asyncio.to_thread(act)
        self.operations.log.fault_active(self._faults[node])
        if until_over is not None:
            await until_over()
        told = collect(read_records(self.operations.log.path)).acknowledged()
        of_that_life = {id_ for id_, answers in told.items() if answers[0].response["epoch"] == epoch}
        at_risk = sorted(of_that_life - stored)
        self.operations.log.disk_lost(node, at_risk=at_risk)
        return at_risk

    async def comes_back(self, node: str) -> bool:
        """Waits until the node serves again by itself; whether it does stays unjudged when it takes too
        long."""
        is_ready = self.operations.clients[node].is_ready
        if not await self.until(is_ready, _("{node} did not come back by itself", node=node)):
            return False
        self.operations.log.fault_healed(self._faults.pop(node))
        return True

    async def start(self, *nodes: str) -> None:
        """Starts stopped or killed nodes; returns when they answer."""
        await self._mend(self.driver.start, nodes)

    async def resume(self, *nodes: str) -> None:
        await self._mend(self.driver.resume, nodes)

    async def until(
        self,
        condition: Callable[[], Awaitable[bool]],
        failure: str,
        *,
        deadline_seconds: float | None = None,
    ) -> bool:
        """Polls until the condition holds; at the deadline notes that it was not so in time, and returns
        False. That is unjudged and no failure: nobody can say whether it would hold a little later.

        A node that the condition asks may refuse for a while, or not answer: then it does not hold yet. Any
        other refusal is raised."""
        deadline_seconds = self.pace.patience(
            IN_TIME_SECONDS if deadline_seconds is None else deadline_seconds
        )
        holds, why = await poll(
            lambda: _holds(condition),
            until=lambda found: found[0],
            seconds=deadline_seconds,
            every=_POLL_SECONDS,
        )
        if not holds:
            self.unjudged.append(
                _(
                    "{failure} (waited {seconds:.0f} s{why})",
                    failure=failure,
                    seconds=deadline_seconds,
                    why=why,
                )
            )
        return holds

    async def _break(self, fault: str, verb: Callable[[str], None], nodes: tuple[str, ...]) -> None:
        for node in nodes:
            self._faults[node] = self.operations.log.fault_requested(fault, node)
        await asyncio.gather(*(asyncio.to_thread(verb, node) for node in nodes))
        for node in nodes:
            self.operations.log.fault_active(self._faults[node])

    async def _mend(self, verb: Callable[[str], None], nodes: tuple[str, ...]) -> None:
        await asyncio.gather(*(asyncio.to_thread(verb, node) for node in nodes))
        for node in nodes:
            if node in self._faults:
                self.operations.log.fault_healed(self._faults.pop(node))


async def _holds(condition: Callable[[], Awaitable[bool]]) -> tuple[bool, str]:
    """Whether the condition holds now, and what kept a node from telling, in words to add to others."""
    try:
        return await condition(), ""
    except Refused as refused:
        if not refused.passes:
            raise
        return False, _(", last answer: {refused}", refused=refused)
    except Unknown as unknown:
        return False, _(", last answer: {unknown}", unknown=unknown)
