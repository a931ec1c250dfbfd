"""One history: a network is founded, used and broken, healed, and judged."""

import asyncio
import gc
import tempfile
from collections.abc import Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from app.domain.errors import Invalid
from app.sync.wire.messages import WireEvent
from branchlab.checking.checker.finding import Promise
from tests.simulation import plan as plans
from tests.simulation.ending import files, last_sales, shortages, verdict
from tests.simulation.ending.count import count_all
from tests.simulation.ending.quiet import Quiet, status_of
from tests.simulation.faults.leaving import come_back, say_again
from tests.simulation.faults.scene import Scene
from tests.simulation.faults.schedule import Faults
from tests.simulation.journal import Journal
from tests.simulation.lying.liar import Liar
from tests.simulation.lying.living import Living
from tests.simulation.machines import tampering, versions, virtual
from tests.simulation.machines.machine import Machine, Surroundings
from tests.simulation.machines.network import Network
from tests.simulation.machines.process import own_tasks
from tests.simulation.machines.settings import node_settings
from tests.simulation.people.clients import Client
from tests.simulation.people.promises import Promises
from tests.simulation.people.record import Record, RecordedClient
from tests.simulation.plan import GO_BACK, UPGRADE, Plan
from tests.simulation.result import Result
from tests.simulation.scratch import memory
from tests.simulation.watching import parked
from tests.simulation.watching.claims import Claims
from tests.simulation.watching.observer import Observer
from tests.simulation.watching.watchman import Watchman

ENDS_BACK_SHARE = 0.5  # of the histories in which an upgrade is taken back
SALES_AFTER_A_COUNT = 8  # of each client
# A disk put back by hand where nobody could tell that it had more may sell again what it sold (Guarantees).
# The checker excuses nothing for that; what such a history is not held to, it is not held to here.
BEYOND_THE_PROMISE: tuple[Promise, ...] = ("oversold", "rights")


def play(
    seed: int,
    *,
    template: Path,
    nodes: int | None = None,
    wipes: bool = False,
    liars: bool = False,
    keep_lines: bool = False,
) -> Result:
    """Run a seed's history in files of its own, copied from `template` (migrated, opened by no node). Without
    a number of nodes, the seed draws one. With `liars`, one of the nodes lies."""
    # The files are thrown away, so a file system in memory will do: what a crash keeps is decided here.
    with tempfile.TemporaryDirectory(prefix="history-", dir=memory()) as place:
        history = History(
            plans.draw(seed, nodes=nodes, wipes=wipes, liars=liars),
            Path(place),
            template=template,
            journal=Journal(keep_lines=keep_lines),
        )
        return virtual.run(history.play())


class History:
    """One history of a plan."""

    def __init__(self, plan: Plan, place: Path, *, template: Path, journal: Journal) -> None:
        self._plan = plan
        self._journal = journal
        self._promises = Promises()
        may_oversell = plan.policy == "optimistic"
        self._record = Record(plan.honest, may_oversell=may_oversell)
        self._judged: dict[str, str | None] = {}
        self._observer = Observer(
            journal,
            self._promises,
            self._record,
            may_oversell=may_oversell,
            claims=Claims(plan.liar, may_end_lives=plan.may_end_lives),
        )
        self._network = Network(plan.random("network"), journal=journal)
        around = Surroundings(
            journal=journal,
            random=plan.random,
            transport=self._network.transport,
            on_commit=self._observer.look,
            template=template,
            http=plan.http,
            next_protocol=versions.BREAKS if plan.breaks else versions.OVERLAPS,
        )
        self._machines = [
            Machine(node_settings(plan, name, place / f"{name}.db"), around) for name in plan.honest
        ]
        for machine in self._machines:
            self._network.join(machine)
        self._scene = Scene(self._machines, self._network, self._observer, journal, plan.random("faults"))
        self._faults = Faults(plan, self._scene)
        self._liar = self._make_liar(place, around)
        self._quiet = Quiet(
            self._machines, self._network, self._observer, self._record, journal, left_out=self._left_out
        )

    def _make_liar(self, place: Path, around: Surroundings) -> Living | None:
        """The member that lies, if one does. What it commits to its own file is nobody's business."""
        if self._plan.liar is None:
            return None
        self._network.speaker = liar = Liar(self._plan, self._journal)
        path = place / f"{liar.name}.db"
        unseen = replace(around, on_commit=_look_away)
        machine = Machine(node_settings(self._plan, liar.name, path), unseen)
        self._network.join(machine)
        return Living(self._plan, liar, machine, self._network)

    async def play(self) -> Result:
        """Play it from founding to verdict, or to the first broken promise."""
        loop = asyncio.get_running_loop()
        loop.set_task_factory(cast(Any, own_tasks))
        loop.set_exception_handler(self._unhandled)
        with closing(self._observer), self._watchman(), self._versions():
            try:
                await self._use_and_break()
                if not self._journal.violations:
                    await self._faults.heal()
                    await self._end_with_one_version()
                    if self._liar is not None:
                        await self._liar.leave(self._scene)
                    with tampering.upgraded():
                        await self._close_what_is_gone()
                        await self._quiet.grow()
                        await self._count_and_sell()
                        await self._judge()
            except Exception as error:
                self._journal.violation("error", f"the history ended with {error!r}")
            finally:
                await self._switch_off()
            gc.collect()  # an exception that nobody fetched is found when its task is freed
        return Result(
            seed=self._plan.seed,
            digest=self._journal.digest,
            operations=self._promises.operations,
            outcomes=self._promises.outcomes,
            faults=dict(self._journal.faults),
            virtual_seconds=loop.time(),
            violations=self._journal.violations,
            judged=self._judged,
            lines=self._journal.lines,
        )

    def _watchman(self) -> Watchman:
        return Watchman(self._journal, self._promises, self._observer.truth.claims)

    def _versions(self) -> AbstractContextManager[None]:
        if UPGRADE not in self._plan.faults:
            return nullcontext()
        return versions.side_by_side(self._promises.newer_orders.add, self._note_parked)

    def _note_parked(self, event: WireEvent, error: Exception) -> None:
        """Check that no event is parked because another version wrote it."""
        spoilt = self._journal.faults["poison"] or self._promises.wiped or self._liar is not None
        if isinstance(error, Invalid) and not spoilt:
            self._journal.violation("parked", f"{event.kind} of {event.entity}: {error!r}")

    async def _end_with_one_version(self) -> None:
        """Where some branch runs the next version, upgrade the others one after the other; or take it back
        everywhere."""
        if all(machine.version == versions.THIS for machine in self._machines):
            return
        back = GO_BACK in self._plan.faults and self._plan.random("last version").random() < ENDS_BACK_SHARE
        version = versions.THIS if back else versions.NEXT
        for machine in self._machines:
            if machine.version != version:
                self._journal.note(machine.name, "goes back" if back else "is upgraded")
                machine.version = version
                await machine.stop()
                await machine.start()

    async def _use_and_break(self) -> None:
        loop = asyncio.get_running_loop()
        for machine in self._machines:
            await machine.start()
        if self._liar is not None:
            await self._liar.machine.start()
        chaos = [loop.create_task(self._faults.watch())]
        if self._plan.storm:
            chaos.append(loop.create_task(self._faults.rage()))
        clients = self._clients()
        await clients[0].open_shop()
        self._faults.shop_is_open.set()
        if self._liar is not None:
            self._liar.begin()
        if not self._plan.storm:
            chaos.append(loop.create_task(self._faults.rage()))
        share = -(-self._plan.operations // self._plan.clients)
        await asyncio.gather(*(client.work(share) for client in clients))
        for task in chaos:
            task.cancel()
        await asyncio.gather(*chaos, return_exceptions=True)

    def _clients(self, when: str = "client") -> Sequence[Client]:
        random = self._plan.random("branches")
        machines = [*self._machines, *random.choices(self._machines, k=self._plan.clients)]
        return [self._client(f"{when}-{n}", machines[n]) for n in range(self._plan.clients)]

    def _client(self, name: str, machine: Machine) -> Client:
        return RecordedClient(
            name,
            machine,
            plan=self._plan,
            promises=self._promises,
            journal=self._journal,
            record=self._record,
        )

    async def _close_what_is_gone(self) -> None:
        """Where a branch was lost for good, check that all others store that, and that the branch receives it
        when it comes back."""
        gone = self._scene.gone
        if gone and await self._scene.all_ready():
            await say_again(self._machines, gone, self._journal)
            for machine in gone:
                await come_back(machine, self._journal)

    async def _count_and_sell(self) -> None:
        """After lost disks, count what is left, and continue to sell for a while."""
        if self._journal.violations or not self._promises.wiped or self._liar is not None:
            return  # what a liar said that it had is frozen with it
        await count_all(self._machines, self._observer, self._journal, self._record)
        over = files.deaths(self._quiet.connections())
        await asyncio.gather(*(client.work(SALES_AFTER_A_COUNT) for client in self._clients("after")))
        await self._quiet.grow()
        if files.deaths(self._quiet.connections()) != over:
            return  # a life was found out or heard of since, as a copy's may be, and what it has is frozen
        # A disk that went back unseen may have sold twice: what it took others still hold rights of.
        sold_twice = sum(self._observer.truth.excused().values())
        for machine in self._machines:
            frozen = (await status_of(machine)).stock["frozen"]
            if frozen is None or not -sold_twice <= frozen <= 0:
                self._journal.violation("frozen", f"{machine.name}: {frozen} units after all were counted")

    async def _judge(self) -> None:
        self._observer.losses.note_what_was_merged_away()
        if self._liar is not None:
            for machine in self._machines:
                client = self._client(f"last-{machine.name}", machine)
                await last_sales.sells(client, machine, self._journal)
            await self._quiet.grow()
        verdict.judge(self._quiet.connections(), self._promises, self._journal, self._left_out())
        for machine in self._machines:
            self._observer.must_have_noticed(machine)
        if self._promises.cloned or self._liar is not None:
            return  # a run log knows one process of a branch, and takes members for honest
        await self._quiet.read_all()
        if self._plan.policy == "optimistic":
            await self._judge_shortages()
        judged = self._record.judge()
        beyond = BEYOND_THE_PROMISE if self._observer.truth.excused() else ()
        if parked.lost(self._quiet.connections()):
            beyond = (*beyond, "rights")  # nobody can tell any more which units an order took
        self._judged = {
            str(promise): result for promise, result in judged.promises.items() if promise not in beyond
        }
        for finding in judged.findings:
            if finding.promise not in beyond:
                self._journal.violation(f"checker: {finding.promise}", finding.words)

    async def _judge_shortages(self) -> None:
        """Under `optimistic`: check that every unit sold too often is on the work list, at every node."""
        shown = {machine.name: await shortages.shown_by(machine) for machine in self._machines}
        units = shortages.judge(self._quiet.connections(), shown, self._journal)
        self._promises.outcomes.update({"optimistic histories": 1, "units short": units})

    def _left_out(self) -> files.LeftOut:
        if self._liar is None:
            return files.NOTHING
        living = self._observer.truth.living
        some_ended = self._observer.truth.claims.lives > living
        hearsay = self._observer.truth.hearsay
        return files.LeftOut(self._plan.liar, self._liar.touched, living, hearsay, some_ended)

    async def _switch_off(self) -> None:
        if self._liar is not None:
            await self._liar.close()
        await self._network.close()
        for machine in (*self._machines, *self._scene.copies, *self._scene.scrapped, *self._scene.gone):
            if machine.process is not None:
                machine.crash()
            await machine.reaped()

    def _unhandled(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        self._journal.violation("error", f"{context['message']}: {error!r}")


def _look_away(_machine: Machine) -> None:
    """What a member that lies commits to its own file."""
