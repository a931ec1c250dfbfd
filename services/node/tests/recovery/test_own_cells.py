"""A branch's own row of stock that is gone, or an earlier version of itself: it fits its seal, and no unit is
sold by it."""

import asyncio
import sqlite3
from contextlib import closing

import pytest

from app.database import AlteredRow
from tests.recovery.altered_rows import (
    ORDERS,
    SCRUB_SECONDS,
    are_sound,
    change_file,
    epochs_of,
    listed,
    nothing_was_destroyed,
    sold_by,
)
from tests.recovery.trial import NAMES, Trial
from tests.support.virtual import eventually

pytestmark = [pytest.mark.anyio, pytest.mark.whole]

GONE = "DELETE FROM stock WHERE branch = 'norte'"


def own_row(trial: Trial, name: str) -> tuple[object, ...]:
    """A node's own row of stock with its seal, as its file has it."""
    with closing(sqlite3.connect(trial.company.path(name))) as connection:
        found: tuple[object, ...] = connection.execute(
            "SELECT * FROM stock WHERE branch = ?", (name,)
        ).fetchone()
        return found


def set_back(trial: Trial, name: str, row: tuple[object, ...]) -> None:
    """Put an earlier row in the place of the present one, as a write of a page that was lost."""
    with closing(sqlite3.connect(trial.company.path(name))) as connection, connection:
        connection.execute(f"REPLACE INTO stock VALUES ({', '.join('?' for _ in row)})", row)


async def test_an_own_row_that_went_back_is_never_sold_by(trial: Trial) -> None:
    sold = await sold_by(trial)
    epochs, before = epochs_of(sold), own_row(sold, "norte")
    await sold.sell("norte")
    sold.network.cut |= {(name, "norte") for name in NAMES} | {("norte", name) for name in NAMES}
    set_back(sold, "norte", before)
    assert isinstance(await sold.refused("norte"), AlteredRow)
    await asyncio.sleep(3 * SCRUB_SECONDS)
    assert [row.relation for row in await listed(sold, "norte")] == ["stock"]
    assert isinstance(await sold.refused("norte"), AlteredRow)
    sold.network.cut.clear()
    await sold.sell("sul")
    assert {name: sold.epoch(name) for name in NAMES} == epochs


async def test_an_own_row_that_went_back_is_mended_by_a_peer_that_has_its_events(trial: Trial) -> None:
    sold = await sold_by(trial)
    epochs, before = epochs_of(sold), own_row(sold, "norte")
    await sold.sell("norte")
    await sold.converged()
    set_back(sold, "norte", before)
    await eventually(lambda: are_sound(sold), within=4 * SCRUB_SECONDS, every=1.0)
    assert {name: sold.epoch(name) for name in NAMES} == epochs
    await sold.sell("norte")
    await sold.verify()
    assert await listed(sold, "norte") == []


async def test_an_own_row_that_is_gone_is_mended_by_the_peers(trial: Trial) -> None:
    sold = await sold_by(trial)
    epochs = epochs_of(sold)
    await sold.stop("norte")
    change_file(sold, "norte", GONE)
    await sold.start("norte", ready=False)
    await eventually(lambda: sold["norte"].ready)
    await eventually(lambda: are_sound(sold), within=4 * SCRUB_SECONDS, every=1.0)
    await nothing_was_destroyed(sold, epochs)
    await sold.sell("norte")
    await sold.verify()


async def test_an_own_row_that_is_gone_everywhere_is_never_begun_anew(trial: Trial) -> None:
    sold = await sold_by(trial)
    epochs = epochs_of(sold)
    await sold.stop(*NAMES)
    for name in NAMES:
        change_file(sold, name, GONE)
    for name in NAMES:
        await sold.start(name, ready=False)
    await eventually(lambda: all(sold[name].ready for name in NAMES))
    await asyncio.sleep(4 * SCRUB_SECONDS)
    assert isinstance(await sold.refused("norte"), AlteredRow)
    assert [row.relation for row in await listed(sold, "norte")] == ["stock"]
    await sold.sell("matriz")
    assert {name: sold.epoch(name) for name in NAMES} == epochs
    assert len(await sold.order_ids("matriz")) == ORDERS + 1
