"""What a crash keeps, where it can fall, and what those who were waiting are told."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from app.database import StorageFull, Transaction
from app.domain.product import NewProduct
from app.node import BranchNode
from app.state.commands.order_commands import PlaceOrder
from app.state.commands.stock_commands import Adjustment
from app.state.tables import products
from tests.simulation.ending import files
from tests.simulation.journal import Journal
from tests.simulation.machines import virtual
from tests.simulation.machines.machine import Machine, Surroundings
from tests.simulation.machines.network import Network
from tests.simulation.machines.process import Down, Process, Unknown, own_tasks
from tests.simulation.machines.settings import node_settings
from tests.simulation.people.clients import ACTOR, Client
from tests.simulation.people.promises import Promises
from tests.simulation.people.record import Record
from tests.simulation.plan import Plan, draw
from tests.simulation.watching.observer import Observer

PLAN: Plan = replace(draw(1), nodes=("alone",), skus=("CAFE",), stock=(5,))
ORDER = PlaceOrder(customer="ALFKI", lines=(("CAFE", 2),))


async def place(node: BranchNode) -> str:
    """Order two units under one key."""
    answer = await node.orders.place(ORDER, actor=ACTOR, key="a key", request_hash="hash")
    return str(answer.id)


def with_a_machine(template: Path, place_: Path, use: Callable[[Machine], Awaitable[None]]) -> Journal:
    """Use a branch that has five units of CAFE, observed at every commit; the journal."""
    journal = Journal()

    async def open_and_use(machine: Machine, _observer: Observer) -> None:
        await started(machine)
        founder = Client("founder", machine, plan=PLAN, promises=Promises(), journal=journal)
        await founder.open_shop()
        await use(machine)

    observed(template, place_, open_and_use, journal=journal)
    return journal


def observed(
    template: Path,
    place_: Path,
    use: Callable[[Machine, Observer], Awaitable[None]],
    *,
    journal: Journal,
) -> None:
    """Use a machine that is off and empty, and the observer of its commits."""
    path = place_ / "alone.db"

    async def main() -> None:
        asyncio.get_running_loop().set_task_factory(cast(Any, own_tasks))
        with closing(Observer(journal, Promises(), Record(PLAN.nodes))) as observer:
            around = Surroundings(
                journal=journal,
                random=PLAN.random,
                transport=Network(PLAN.random("network"), journal=journal).transport,
                on_commit=observer.look,
                template=template,
            )
            machine = Machine(node_settings(PLAN, "alone", path), around)
            await use(machine, observer)
            await machine.stop()
            await machine.reaped()

    virtual.run(main())


async def started(machine: Machine) -> Process:
    await machine.start()
    assert machine.process is not None
    for _ in range(100):
        if machine.process.node.ready:
            return machine.process
        await asyncio.sleep(0.1)
    raise AssertionError(f"{machine.name} does not serve 10 s after its start")


async def has_its_order_after(machine: Machine, end: Callable[[], None]) -> None:
    """Place an order, `end` the process, start another one, and find the order."""
    assert machine.process is not None
    order_id = await machine.process.do(place(machine.process.node), patience=1.0)
    end()
    process = await started(machine)

    found = await process.do(process.node.orders.view(order_id), patience=1.0)
    assert found.id == order_id


def test_what_was_acknowledged_is_there_after_a_crash(template: Path, tmp_path: Path) -> None:
    async def use(machine: Machine) -> None:
        await has_its_order_after(machine, machine.crash)

    assert with_a_machine(template, tmp_path, use).violations == []


def test_a_crash_between_commit_and_answer_leaves_one_order_and_a_client_that_does_not_know(
    template: Path, tmp_path: Path
) -> None:
    """The client hears nothing, asks again with its key, and gets the order of its first attempt."""

    async def use(machine: Machine) -> None:
        assert machine.process is not None
        machine.doom(commits=1)
        with pytest.raises(Unknown, match="killed"):
            await machine.process.do(place(machine.process.node), patience=1.0)
        assert machine.process is None
        process = await started(machine)
        stored = await process.do(process.node.database.read(_order_ids), patience=1.0)

        assert stored == [await process.do(place(process.node), patience=1.0)]

    assert with_a_machine(template, tmp_path, use).violations == []


def test_a_crash_before_the_commit_leaves_nothing(template: Path, tmp_path: Path) -> None:
    """The disk stalls with the order on its way; what is killed then never reaches the file."""

    async def use(machine: Machine) -> None:
        process = machine.process
        assert process is not None
        process.executor.running.clear()
        asking = asyncio.get_running_loop().create_task(process.do(place(process.node), patience=9.0))
        await asyncio.sleep(0.5)
        machine.crash()
        with pytest.raises(Unknown, match="killed"):
            await asking
        process = await started(machine)

        assert await process.do(process.node.database.read(_order_ids), patience=1.0) == []

    assert with_a_machine(template, tmp_path, use).violations == []


def test_who_asks_a_machine_that_is_off_knows_that_nothing_happened(template: Path, tmp_path: Path) -> None:
    async def use(machine: Machine) -> None:
        process = machine.process
        assert process is not None
        machine.crash()
        with pytest.raises(Down):
            await process.do(place(process.node), patience=1.0)
        await machine.start()

    assert with_a_machine(template, tmp_path, use).violations == []


def test_a_full_disk_refuses_surely_keeps_the_node_running_and_has_room_again(
    template: Path, tmp_path: Path
) -> None:
    """Also across a start, until there is room: what was refused is not there, all that was taken is."""

    async def use(machine: Machine) -> None:
        process = machine.process
        assert process is not None
        await machine.limit_bytes(0)
        await machine.stop()
        process = await started(machine)
        made = await until_full(process)
        assert await process.do(process.node.database.read(count), patience=1.0) == 1 + made
        await machine.limit_bytes(None)

        await process.do(write(process.node, product(f"NEW-{made}")), patience=1.0)

    assert with_a_machine(template, tmp_path, use).violations == []


def test_a_killed_process_leaves_no_task_behind(template: Path, tmp_path: Path) -> None:
    """Who waits for a process that is gone is told at once, not when patience ends."""

    async def use(machine: Machine) -> None:
        assert machine.process is not None
        adjustment = Adjustment(sku="CAFE", quantity=-50, reason="too many", share="keep")
        work = machine.process.node.stock.adjust(adjustment, actor=ACTOR)
        asking = asyncio.get_running_loop().create_task(machine.process.do(work, patience=3600.0))
        await asyncio.sleep(0)
        machine.crash()
        with pytest.raises(Unknown, match="killed"):
            await asking
        await machine.reaped()

        assert {asyncio.current_task()} == asyncio.all_tasks()
        await machine.start()

    assert with_a_machine(template, tmp_path, use).violations == []


async def until_full(process: Process) -> int:
    """Create products until there is no room for another one; how many there was room for."""
    for number in range(500):
        try:
            await process.do(write(process.node, product(f"NEW-{number}")), patience=1.0)
        except StorageFull:
            return number
    raise AssertionError("the disk is never full")


async def write(node: BranchNode, command: Callable[[Transaction], Any]) -> Any:
    return await node.database.write(command)


def product(sku: str) -> Callable[[Transaction], Any]:
    made = NewProduct(sku, "x" * 200, 1)
    return lambda tx: products.create(tx, made, actor=ACTOR)


def count(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT COUNT(*) FROM products").fetchone()[0])


def _order_ids(connection: sqlite3.Connection) -> list[str]:
    return list(files.orders(connection))
