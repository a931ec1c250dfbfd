"""Random bytes over random pages of a stopped and of a running node's file, and of the log beside it: they
are noticed, repaired or salvaged, never served as truth and never spread."""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import suppress
from random import Random
from typing import Any

import pytest

from app.database import StorageError
from app.database.seals import require_written
from app.domain.errors import NotFound
from app.state.registry import replicated
from app.state.tables import orders
from app.state.tables.orders import OrderView
from tests.recovery.damage import random_bytes
from tests.recovery.trial import NAMES, Trial
from tests.support.virtual import eventually

pytestmark = pytest.mark.anyio

SCRUB_SECONDS = 5.0
QUIET_SECONDS = 60.0  # some scrubs, and the answer to whatever they met
ONE = 4  # found, set aside, rebuilt and salvaged: this one `make check` plays too
MORE, ALL = range(20), range(20, 500)
VICTIM = "sul"


async def rows_of(trial: Trial, name: str) -> dict[str, dict[str, Any]]:
    """Every replicated row of a node, each verified against its seal."""

    def read(connection: sqlite3.Connection) -> dict[str, dict[str, Any]]:
        return {
            entity.relation: {
                stored.key: require_written(connection, stored) for stored in entity.every(connection)
            }
            for entity in replicated.entities()
        }

    return await trial[name].database.read(read)


async def watch(trial: Trial, promised: dict[str, Any], until: asyncio.Event) -> None:
    """Read orders at all nodes all the time: whatever is shown of one is what was written."""
    while not until.is_set():
        for name in NAMES:
            with suppress(StorageError, sqlite3.Error, UnicodeError):
                await trial[name].status()  # as people look at it; it reads what orders do not lead to
            for order_id, written in promised.items():
                with suppress(StorageError, sqlite3.Error, UnicodeError, NotFound):
                    shown = await shown_order(trial, name, order_id)
                    if trial[name].readiness.reading and trial[name].database.damage is None:
                        assert _told(shown) == written, (name, order_id)
        await asyncio.sleep(1.0)


def _told(shown: OrderView) -> dict[str, Any]:
    return {
        name: getattr(shown, name)
        for name in ("id", "branch", "status", "lines", "total_cents", "created_at")
    }


async def shown_order(trial: Trial, name: str, order_id: str) -> OrderView:
    return await trial[name].database.read(lambda connection: orders.view(connection, order_id))


async def written_orders(trial: Trial, ids: Sequence[str]) -> dict[str, Any]:
    return {order_id: _told(await shown_order(trial, "matriz", order_id)) for order_id in ids}


async def survive(trial: Trial, seed: int) -> str:
    """One history: three nodes sell, the victim alone too; random bytes; at the end all is as written.
    Returns what the victim noticed, in words."""
    random = Random(seed)
    running = random.random() < 0.5
    await trial.stocked(at="matriz", units=30, share="equal", scrub_seconds=SCRUB_SECONDS)
    sold = [await trial.sell(name, random.randint(1, 2)) for name in NAMES for _ in range(2)]
    await trial.converged()
    before = await rows_of(trial, "matriz")
    promised = await written_orders(trial, sold)
    alone = await sell_unheard(trial) if random.random() < 0.5 else None
    path = trial.company.path(VICTIM)
    if running:
        random_bytes(random)(path)
    else:
        await trial.stop(VICTIM)
        random_bytes(random)(path)
        await trial.start(VICTIM, ready=False)
    trial.network.cut.clear()
    until = asyncio.Event()
    watching = asyncio.create_task(watch(trial, promised, until))
    try:
        sold += [await trial.sell(name) for name in NAMES[:2]]
        await asyncio.sleep(QUIET_SECONDS)
        await eventually(lambda: trial[VICTIM].ready, within=300)
        await trial.stop(VICTIM)  # what it had in its memory hides what stands in its file
        await trial.start(VICTIM, ready=False)
        await asyncio.sleep(QUIET_SECONDS)
        await eventually(lambda: trial[VICTIM].ready, within=300)
        await asyncio.sleep(QUIET_SECONDS)
    finally:
        until.set()
        await watching
    if alone is not None and not await trial.has("matriz", alone):
        assert alone in await given_up(trial), "an order is gone and nobody says so"
        trial.declare_lost(alone)
    elif alone is not None:
        sold.append(alone)
    await trial.verify()
    after = [await rows_of(trial, name) for name in NAMES]
    assert after[0] == after[1] == after[2]
    for relation in ("users", "customers", "products"):
        assert after[0][relation] == before[relation]
    for key, row in before["orders"].items():
        assert after[0]["orders"][key] == row
    assert after[0]["orders"].keys() == set(sold)
    for name in NAMES[:2]:
        assert (await trial[name].status()).altered == []
        assert not {"damaged_database", "altered_rows"} & (await trial.alarms(name)).keys()
    return ", ".join(sorted(await trial.alarms(VICTIM))) or "nothing"


async def sell_unheard(trial: Trial) -> str:
    """Cut the victim off, and let it sell what nobody else hears of."""
    others = [name for name in NAMES if name != VICTIM]
    trial.network.cut.update(link for name in others for link in ((name, VICTIM), (VICTIM, name)))
    return await trial.sell(VICTIM)


async def given_up(trial: Trial) -> set[str]:
    """The orders that the victim's accounts of its set-aside files name as lost, or as doubtful."""
    found = await trial[VICTIM].database.read(
        lambda connection: connection.execute(
            "SELECT value FROM salvaged, json_each(report, '$.lost_ids')"
            " UNION SELECT value FROM salvaged, json_each(report, '$.doubtful_ids')"
        ).fetchall()
    )
    return {row[0] for row in found}


@pytest.mark.parametrize(
    "seed", [seed if seed == ONE else pytest.param(seed, marks=pytest.mark.whole) for seed in MORE]
)
async def test_random_bytes_are_noticed_and_never_spread(
    trial: Trial, seed: int, record_property: Callable[[str, object], None]
) -> None:
    record_property("noticed", await survive(trial, seed))


@pytest.mark.long
@pytest.mark.parametrize("seed", ALL)
async def test_random_bytes_of_many_more_seeds_are_noticed_and_never_spread(
    trial: Trial, seed: int, record_property: Callable[[str, object], None]
) -> None:
    record_property("noticed", await survive(trial, seed))
