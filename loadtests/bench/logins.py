"""How much later orders are answered while 50 logins a second arrive, as a ratio to a calm node:

python -m loadtests.bench.logins [--rounds 6] [--seconds 5]

Calm and busy rounds take turns, so that whatever else the machine does weighs on both alike.
"""

import argparse
import asyncio
import math
from collections.abc import Callable, Coroutine

import httpx

from branchlab.console import out
from branchlab.nodes.client import NodeClient
from branchlab.nodes.contract import WantedLine
from loadtests.bench.donor import Bench, network_of

_LOGINS_PER_SECOND = 50
_BETWEEN_ORDERS_SECONDS = 0.02
_LINE: WantedLine = {"sku": "P-0", "quantity": 1}
_PATIENCE_SECONDS = 60.0

LogIn = Callable[[int], Coroutine[None, None, int]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--seconds", type=float, default=5.0)
    given = parser.parse_args()
    with network_of(2, settings={"BCRYPT_ROUNDS": "12"}) as bench:
        asyncio.run(_measure(bench, rounds=given.rounds, seconds=given.seconds))


async def _measure(bench: Bench, *, rounds: int, seconds: float) -> None:
    client = await bench.client(bench.donor)
    password = bench.secrets.admin_password
    url = bench.network.url(bench.donor)
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=_PATIENCE_SECONDS) as stranger:

        async def guess(number: int) -> int:
            return await _log_in(stranger, f"name {number}", "a guess")

        async def right(_number: int) -> int:
            return await _log_in(stranger, bench.secrets.admin_username, password)

        for what, log_in in (("wrong, with ever new names", guess), ("right", right)):
            calm: list[float] = []
            busy: list[float] = []
            statuses: list[int] = []
            for _ in range(rounds):
                calm += await _orders(client, seconds)
                flood = asyncio.create_task(_flood(log_in, seconds))
                busy += await _orders(client, seconds)
                statuses += await flood
            _show(what, calm, busy, statuses)
    await client.close()


async def _log_in(stranger: httpx.AsyncClient, username: str, password: str) -> int:
    form = {"username": username, "password": password}
    return (await stranger.post("/auth/login", data=form)).status_code


async def _orders(client: NodeClient, seconds: float) -> list[float]:
    """How long each of a steady row of orders took."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    took = []
    while loop.time() < end:
        began = loop.time()
        await client.place_order("BUYER", [_LINE])
        took.append(loop.time() - began)
        await asyncio.sleep(_BETWEEN_ORDERS_SECONDS)
    return took


async def _flood(log_in: LogIn, seconds: float) -> list[int]:
    tasks = []
    for number in range(int(seconds * _LOGINS_PER_SECOND)):
        tasks.append(asyncio.create_task(log_in(number)))
        await asyncio.sleep(1 / _LOGINS_PER_SECOND)
    return await asyncio.gather(*tasks)


def _show(what: str, calm: list[float], busy: list[float], statuses: list[int]) -> None:
    counted = {status: statuses.count(status) for status in sorted(set(statuses))}
    out.print(f"{_LOGINS_PER_SECOND} logins a second, {what}: answered {counted}")
    for share in (0.5, 0.99):
        before, during = _quantile(calm, share), _quantile(busy, share)
        out.print(
            f"  orders, p{share * 100:.0f}: calm {before * 1000:.1f} ms,"
            f" busy {during * 1000:.1f} ms, ratio {during / before:.2f}"
        )


def _quantile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, math.ceil(share * len(ordered)) - 1)]


if __name__ == "__main__":
    main()
