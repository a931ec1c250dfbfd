"""What a network does whose own software drifts: it loses nothing, sells on, and says which rows it means.

A drift is no bug that a test should catch but one that every node may carry at once: rows that are written,
read or counted otherwise than before. `survive` plays a network into it; whatever a promise says must hold,
and an alarm must name table and bucket.
"""

import asyncio
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from contextvars import ContextVar
from pathlib import Path

from app.database import AlteredRow
from app.state.tables import stock_views
from tests.recovery.trial import NAMES, RICE, Trial
from tests.support.virtual import eventually

SCRUB_SECONDS = 15.0
ORDERS = 6
_NAMED = re.compile(r"(users|customers|products|stock|orders)/\d+")
_KINDS = ("altered_rows", "repaired_rows")

_drifting: ContextVar[bool] = ContextVar("drifting", default=False)
_everywhere: list[bool] = []
"""Whether the drift has set in everywhere, while a history lets it."""


def is_on() -> bool:
    """Whether the code that runs now has drifted: everywhere, or in the tasks of the node that has."""
    return bool(_everywhere) or _drifting.get()


@contextmanager
def everywhere() -> Iterator[None]:
    """Let every node drift."""
    _everywhere.append(True)
    try:
        yield
    finally:
        _everywhere.pop()


async def at_one_node_from_its_start(trial: Trial) -> str | None:
    """One node is started anew with code that has drifted."""
    await _sold(trial)
    await trial.stop("sul")
    _drifting.set(True)  # the node's tasks, and no others', are made in this context
    await trial.start("sul", ready=False)
    _drifting.set(False)
    return await _go_on(trial)


async def at_all_nodes_from_their_start(trial: Trial) -> str | None:
    """All nodes are stopped, and started with code that has drifted."""
    await _sold(trial)
    await trial.stop(*NAMES)
    with everywhere():
        for name in NAMES:
            await trial.start(name, ready=False)
        return await _go_on(trial)


async def at_all_nodes_in_the_middle(trial: Trial) -> str | None:
    """The drift sets in while all nodes run and sell."""
    await _sold(trial)
    with everywhere():
        return await _go_on(trial)


async def at_one_node_whose_rows_are_altered(trial: Trial) -> str | None:
    """One node's file is altered while it is stopped, and then its code has drifted."""
    await _sold(trial)
    await trial.stop("sul")
    alter(trial.company.path("sul"))
    _drifting.set(True)
    await trial.start("sul", ready=False)
    _drifting.set(False)
    return await _go_on(trial)


async def beside_a_donor_that_is_altered_too(trial: Trial) -> str | None:
    """The same row is altered in two files, and every node has drifted."""
    await _sold(trial)
    await trial.stop("matriz", "sul")
    for name in ("matriz", "sul"):
        alter(trial.company.path(name))
    with everywhere():
        for name in ("matriz", "sul"):
            await trial.start(name, ready=False)
        return await _go_on(trial)


def alter(path: Path) -> None:
    """Change a row as something else than the node's commands would."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE products SET name = name || ' '")


async def _sold(trial: Trial) -> None:
    await trial.found(scrub_seconds=SCRUB_SECONDS)
    await trial.receive("matriz", 30, share="equal")
    await trial.converged()
    for number in range(ORDERS):
        await trial.sell(NAMES[number % len(NAMES)])
    await trial.converged()


async def _go_on(trial: Trial) -> str | None:
    """Every branch sells, all scrub a few times; what the alarms say, or None. Raises AssertionError for a
    broken promise."""
    epochs = {name: trial.epoch(name) for name in NAMES}
    await eventually(lambda: all(trial[name].ready for name in NAMES))
    await asyncio.sleep(SCRUB_SECONDS)
    sold = sum([await _sells(trial, name) for name in NAMES])
    await asyncio.sleep(3 * SCRUB_SECONDS)
    await eventually(lambda: _everybody_has(trial, ORDERS + sold), within=60, every=1.0)
    for name in NAMES:
        shown = await _stock(trial, name)
        assert shown is None or shown == (30 - ORDERS - sold, 0, 0)
        assert not list(trial.company.path(name).parent.glob("*.damaged-*"))
    assert {name: trial.epoch(name) for name in NAMES} == epochs
    return await _named(trial)


async def _sells(trial: Trial, name: str) -> bool:
    """Whether a branch sells: it must, unless it says of a row which it needs that nobody can tell what it
    was."""
    try:
        await trial.sell(name)
    except AlteredRow:
        return False
    return True


async def _stock(trial: Trial, name: str) -> tuple[int, int, int] | None:
    """What a node shows as available, frozen and oversold, or None while it says that it cannot tell."""
    try:
        shown = await trial[name].database.read(lambda connection: stock_views.stock_view(connection, RICE))
    except AlteredRow:
        return None
    return shown.available, shown.frozen, shown.oversold


async def _everybody_has(trial: Trial, orders: int) -> bool:
    return all([len(await trial.order_ids(name)) == orders for name in NAMES])


async def _named(trial: Trial) -> str | None:
    """The first alarm that names table and bucket, or None if there is no alarm of rows at all."""
    for name in NAMES:
        alarms = (await trial[name].status()).alarms
        for kind in _KINDS:
            if kind in alarms:
                assert _NAMED.search(alarms[kind].last), alarms[kind].last
                return f"{name}: {kind}: {alarms[kind].last}"
    return None
