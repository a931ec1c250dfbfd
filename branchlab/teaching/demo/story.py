"""The demonstration from its first step to its verdict, on a network that is up."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from branchlab.checking.operations import Operations, Patience
from branchlab.checking.run import Run, RunOutcome, begin
from branchlab.checking.runlog import RunLog
from branchlab.errors import LabError
from branchlab.language import N_, _
from branchlab.networks.drivers import STATE_WORDS
from branchlab.networks.network import Network
from branchlab.networks.running import Running
from branchlab.networks.status import StatusReader
from branchlab.teaching.demo.apart import STATE_IN, Absence, Fault, Partition
from branchlab.teaching.demo.parts import Parts, split
from branchlab.teaching.demo.screen import Screen
from branchlab.teaching.replay.history import History, HistoryOrder
from branchlab.teaching.replay.mapping import assign
from branchlab.teaching.replay.player import Played, play
from branchlab.teaching.replay.prepare import load_catalogue, stock_wanted

# Plenty, since the nodes move stock rights to where a product sells: even a branch that has sold none of it
# keeps enough for the orders of the partition, and the curve stays the one that was expected.
_STOCK = "times:10"
_AT_ONCE = 8
_SALES = N_("2/6 An ordinary day: {orders} orders at all branches")
_REST = N_("5/6 The rest of the history: {orders} orders at all branches")


@dataclass(frozen=True)
class Plan:
    """What one demonstration plays. `node_of` says at which node each branch's orders are placed."""

    history: History
    parts: Parts
    node_of: Mapping[str, str]
    victim: str
    fault: Fault
    seconds: float
    run: str


@dataclass(frozen=True, kw_only=True)
class DemoOutcome(RunOutcome):
    """All that came of it; what went wrong while the branch was away are failures."""

    played: list[Played]
    absence: Absence


def plan(
    history: History, current: Network, *, run: str, fault: Fault, seconds: float, orders_per_second: float
) -> Plan:
    """Gives each branch a node: the one of its name, or where there is no such node as `./lab replay` does.

    The node of the branch with the fewest orders is the one that is taken away.
    """
    counts = {branch: len(orders) for branch, orders in history.orders_by_branch().items()}
    by_name = {branch: branch for branch in counts if branch in current.names}
    node_of = assign(counts, current.names, overrides=by_name)
    orders_at = dict.fromkeys(node_of.values(), 0)
    for branch, count in counts.items():
        orders_at[node_of[branch]] += count
    if len(orders_at) < 2:
        raise LabError(_("the demonstration needs orders of at least two branches"))
    victim = min(orders_at, key=lambda node: orders_at[node])
    parts = split(history, node_of, victim, most_apart=round(orders_per_second * seconds))
    return Plan(history, parts, node_of, victim, fault, seconds, run)


class Story:
    """One performance of a plan. Needs all nodes up; whoever calls it undoes the fault when it fails."""

    def __init__(self, wanted: Plan, running: Running, screen: Screen) -> None:
        self._plan = wanted
        self._running = running
        self._screen = screen

    async def perform(self, log: RunLog) -> DemoOutcome:
        """Plays the plan and judges it by its run log."""
        running = self._running
        async with begin(log, running.network, running.secrets, what="demo", run=self._plan.run) as under_way:
            operations = under_way.operations
            await self._stock(under_way)
            played = await self._sell(operations, self._plan.parts.before, _SALES)
            await self._agree(under_way)
            absence = await self._part(operations)
            played += absence.played
            played += await self._sell(operations, self._plan.parts.after, _REST)
            self._screen.step(_("6/6 The check: all orders and stock, read at every node"))
            with self._screen.waiting():
                verdict = await under_way.conclude()
        return DemoOutcome(
            verdict=verdict,
            log=log.path,
            failures=absence.failures,
            unjudged=absence.unjudged,
            played=played,
            absence=absence,
        )

    async def _stock(self, under_way: Run) -> None:
        history = self._plan.history
        stock = stock_wanted(history, _STOCK)
        self._screen.step(
            _(
                "1/6 Catalogue and stock: {products} products, {customers} customers, {units:,} units",
                products=len(history.products),
                customers=len(history.customers),
                units=sum(stock.values()),
            )
        )
        with self._screen.waiting():
            await under_way.look_around()
        with self._screen.bar(len(history.products) + len(history.customers) + len(stock)) as advance:
            first = self._running.network.names[0]
            await load_catalogue(under_way.operations, first, history, stock, advance=advance)
        await self._agree(under_way)

    async def _sell(
        self, operations: Operations, orders: tuple[HistoryOrder, ...], heading: str
    ) -> list[Played]:
        """Places the orders at all branches as fast as they take them."""
        self._screen.step(_(heading, orders=len(orders)))
        with self._screen.bar(len(orders)) as advance:
            return await play(
                operations,
                replace(self._plan.history, orders=orders),
                self._plan.node_of,
                run=self._plan.run,
                concurrency=_AT_ONCE,
                patience=Patience(),
                on_played=lambda _played: advance(),
            )

    async def _part(self, operations: Operations) -> Absence:
        wanted = self._plan
        orders = wanted.parts.apart
        self._screen.step(
            _(
                "3/6 {victim} {fault}: the other branches sell {orders} more orders in {seconds:,.0f} s",
                victim=wanted.victim,
                fault=_(STATE_WORDS[STATE_IN[wanted.fault]]),
                orders=len(orders),
                seconds=wanted.seconds,
            )
        )
        partition = Partition(
            victim=wanted.victim,
            fault=wanted.fault,
            orders=orders,
            node_of=wanted.node_of,
            seconds=wanted.seconds,
            run=wanted.run,
        )
        running = self._running
        async with StatusReader(running.network, running.secrets, state_of=running.driver.state) as reader:
            return await partition.play(operations, reader, running, self._screen)

    async def _agree(self, under_way: Run) -> None:
        with self._screen.waiting():
            await under_way.converge()
