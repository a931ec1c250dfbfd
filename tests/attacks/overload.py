"""More than a branch can do: orders at many times its capacity, for more than there is, and heavy readers."""

import asyncio
import json
import statistics
import sys
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

from branchlab.nodes.client import NodeClient
from branchlab.nodes.contract import WantedLine
from branchlab.nodes.outcome import Refused
from branchlab.poll import poll
from loadtests.bench.open_loop import GONE, PRODUCTS, Outcome
from tests.attacks.arena import Arena
from tests.attacks.attempt import Attempt, Finding

VICTIM = "matriz"
PEER = "filial-norte"
_TAKEN, _REFUSED = 201, 503
_UNITS = 100_000
_SECONDS = 5.0
_MULTIPLE = 2.5
_LEAST_GOODPUT = 0.6  # on a machine that others use too; docs/performance.md has the curve
_MOST_GROWTH = 64 << 20  # bytes
_MOST_TIMES = 20  # without lanes it was 100 and more; with them 1 to 3
_CLIENTS = 8
_HEAVY = 40  # orders of a hundred lines
_READERS = 16
_STUCK = 100


async def _prepare(admin: NodeClient) -> None:
    """The catalogue of the bench, once."""
    with suppress(Refused):
        await admin.create_customer({"code": "BUYER", "name": "Buyer"})
        for number in range(PRODUCTS):
            await admin.create_product(f"P-{number}", f"Product {number}", 700)
            await admin.adjust(f"P-{number}", _UNITS, reason="attack", share="keep")


async def _load(arena: Arena, token: str, loop: str, many: float) -> list[Outcome]:
    """What a process of clients saw."""
    host, port = arena.address(VICTIM)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "loadtests.bench.open_loop", loop, host, str(port), str(many), str(_SECONDS)),
        cwd=Path(__file__).parents[2],
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await process.communicate(f"{token}\n".encode())
    return [(due, took, status) for due, took, status in json.loads(said)["outcomes"]]


async def _sold(admin: NodeClient) -> int:
    return sum(sum(row["sold"] for row in stock["rows"]) for stock in await admin.stock())


async def _more_than_it_can(arena: Arena) -> Finding:
    async with arena.cluster.client(VICTIM) as admin:
        await _prepare(admin)
        assert admin.token is not None, "it is logged in"
        alone = Counter(status for *_, status in await _load(arena, admin.token, "closed", _CLIENTS))
        memory, sold = arena.memory_bytes(VICTIM), await _sold(admin)
        rate = _MULTIPLE * alone[_TAKEN] / _SECONDS
        found = Counter(status for *_, status in await _load(arena, admin.token, "open", rate))
        grown = arena.memory_bytes(VICTIM) - memory
        unanswered = await _sold(admin) - sold - found[_TAKEN]
        drained = await _drained(admin)
    share = found[_TAKEN] / max(1, alone[_TAKEN])
    held = share >= _LEAST_GOODPUT and not found[GONE] and grown < _MOST_GROWTH and not unanswered and drained
    got = (
        f"{share:.0%} of its capacity, {found[_REFUSED]} x 503, {found[GONE]} timed out,"
        f" {grown / (1 << 20):+.0f} MiB, {unanswered} sold unanswered"
    )
    return Finding(held, got)


async def _drained(admin: NodeClient) -> bool:
    async def is_drained() -> bool:
        return all(pending == 0 for pending in (await admin.status())["pending"].values())

    return await poll(is_drained, seconds=30.0, every=0.1)


async def _more_than_there_is(arena: Arena) -> Finding:
    async with arena.cluster.client(VICTIM) as admin:
        await _prepare(admin)
        alone = await _middle_of_twenty(admin)
        ended = asyncio.Event()

        async def insist() -> None:
            while not ended.is_set():
                with suppress(Refused):
                    await admin.place_order("BUYER", [WantedLine(sku="P-0", quantity=9 * _UNITS)])

        insisting = [asyncio.create_task(insist()) for _ in range(4)]
        beside = await _middle_of_twenty(admin)
        ended.set()
        await asyncio.gather(*insisting)
    return Finding(beside < _MOST_TIMES * alone, _as_slow(beside, alone))


async def _heavy_readers(arena: Arena) -> Finding:
    async with arena.cluster.client(VICTIM) as admin:
        await _prepare(admin)
        alone = await _middle_of_twenty(admin)
        heavy: list[Any] = [{"sku": f"P-{n % PRODUCTS}", "quantity": 1} for n in range(100)]
        for _ in range(_HEAVY):
            await admin.place_order("BUYER", heavy)
        request = (
            f"GET /orders?limit=500 HTTP/1.1\r\nHost: {VICTIM}\r\nAuthorization: Bearer {admin.token}\r\n\r\n"
        ).encode()
        ended = asyncio.Event()
        readers = [asyncio.create_task(_read_again(arena, request, ended)) for _ in range(_READERS)]
        stuck = [await asyncio.open_connection(*arena.address(VICTIM), limit=1024) for _ in range(_STUCK)]
        for _, writer in stuck:
            writer.write(request)
        beside = await _middle_of_twenty(admin)
        ended.set()
        for _, writer in stuck:
            writer.transport.abort()
        pages = sum(await asyncio.gather(*readers))
    return Finding(beside < _MOST_TIMES * alone, f"{_as_slow(beside, alone)}; {pages} pages read meanwhile")


async def _middle_of_twenty(admin: NodeClient) -> float:
    """The median seconds of small orders, one after the other. Raises Refused if one is refused."""
    times = []
    for _ in range(20):
        began = time.monotonic()
        await admin.place_order("BUYER", [{"sku": "P-0", "quantity": 1}])
        times.append(time.monotonic() - began)
    return statistics.median(times)


def _as_slow(beside: float, alone: float) -> str:
    return f"an order's p50 {beside / alone:.1f} times that of a quiet node"


async def _read_again(arena: Arena, request: bytes, ended: asyncio.Event) -> int:
    """Read pages on one connection after another; how many came whole."""
    pages = 0
    while not ended.is_set():
        with suppress(OSError, asyncio.IncompleteReadError):
            reader, writer = await asyncio.open_connection(*arena.address(VICTIM))
            writer.write(request.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
            pages += (await reader.read()).startswith(b"HTTP/1.1 200")
            writer.close()
        await asyncio.sleep(0.05)
    return pages


ATTEMPTS = (
    Attempt(
        "orders at 2.5 times the capacity, answered or not",
        "503 at once, goodput kept, nothing sold unanswered",
        _more_than_it_can,
        nodes=2,
    ),
    Attempt(
        "four clients order 900,000 of 100,000, again and again",
        f"small orders of it are all taken, below {_MOST_TIMES} times their time alone",
        _more_than_there_is,
        nodes=2,
    ),
    Attempt(
        "16 readers of large pages, and 100 that do not read",
        f"an order's p50 below {_MOST_TIMES} times that of a quiet node",
        _heavy_readers,
        nodes=2,
    ),
)
