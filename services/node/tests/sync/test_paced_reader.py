"""A long read leaves most of the time to others, unless somebody waits for what it finds."""

import asyncio
import sqlite3
from collections.abc import Sequence

import pytest

from app.database import Database
from app.database.pieces import Pieces, Query
from app.sync.damage import paced_reader
from app.sync.damage.paced_reader import PacedReader
from tests.support.company import Company
from tests.support.virtual import InlineExecutor, VirtualClock

pytestmark = pytest.mark.anyio

PIECES = 20
PIECE_SECONDS = 0.01


class SlowReads:
    """A reader over a database whose every read takes its time; when each of them ended."""

    def __init__(self, database: Database, executor: InlineExecutor) -> None:
        self.ended: list[float] = []
        self.hurry = asyncio.Event()
        self.executor = executor
        self._clock = VirtualClock()
        self.reader = PacedReader(database, clock=self._clock, hurry=self.hurry)

    def pieces(self) -> Pieces[Sequence[int]]:
        found = []
        for number in range(PIECES):
            found.append((yield self._query(number)))
            self.ended.append(self._clock.monotonic())
        return found

    def _query(self, number: int) -> Query:
        def query(connection: sqlite3.Connection) -> int:
            return int(connection.execute("SELECT ?", (number,)).fetchone()[0])

        return query

    @property
    def seconds(self) -> float:
        """From the first piece's end to the last one's."""
        return self.ended[-1] - self.ended[0]


async def slow_reads(company: Company) -> SlowReads:
    """A reader of a node that has nothing else to do."""
    (matriz,) = await company.found("matriz")
    executor = matriz.executor
    assert isinstance(executor, InlineExecutor)
    executor.seconds = PIECE_SECONDS
    return SlowReads(matriz.database, executor)


@pytest.fixture
async def slow(company: Company) -> SlowReads:
    return await slow_reads(company)


async def test_pieces_are_read_in_a_small_share_of_the_time(company: Company) -> None:
    slow = await slow_reads(company)
    assert await slow.reader.read(slow.pieces()) == list(range(PIECES))

    assert slow.seconds == pytest.approx((PIECES - 1) * PIECE_SECONDS / paced_reader.SHARE)


async def test_who_is_in_haste_takes_no_rest(slow: SlowReads) -> None:
    slow.reader.in_haste = True

    await slow.reader.read(slow.pieces())

    assert slow.seconds == pytest.approx((PIECES - 1) * PIECE_SECONDS)


async def test_a_hurry_ends_the_rest_and_all_later_ones(slow: SlowReads) -> None:
    slow.executor.seconds = 1.0  # each rest would be long

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(slow.reader.read(slow.pieces()))
        await asyncio.sleep(1.5)  # the first piece is read
        slow.hurry.set()

    assert slow.seconds == pytest.approx(PIECES - 1)


async def test_a_machine_that_stood_still_lets_nobody_rest_for_long(slow: SlowReads) -> None:
    slow.executor.seconds = 3600.0

    await slow.reader.read(slow.pieces())

    assert slow.seconds == pytest.approx((PIECES - 1) * (3600.0 + paced_reader.LONGEST_REST_SECONDS))


async def test_what_a_piece_raises_ends_the_read(slow: SlowReads) -> None:
    def failing() -> Pieces[None]:
        yield lambda connection: connection.execute("SELECT 1 FROM nowhere")

    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        await slow.reader.read(failing())
