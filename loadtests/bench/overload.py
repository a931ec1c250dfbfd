"""What a branch does when it is asked for more than it can do: orders that are taken and refused, their
times, memory, replication and recovery, at multiples of its capacity in an open loop:

    python -m loadtests.bench.overload [--rounds 5] [--seconds 5] [--together N] [--table]
        [--svg docs/overload.svg]

With --table the rows are printed as they stand in docs/security.md, too.

A machine that is shared is not equally fast from one minute to the next. So in each round one client alone,
the capacity (what a closed loop of 64 clients reaches) and every load are measured side by side, the loads in
another order each time, and p99 is compared with that of the same round. Time-outs count as such. The node
has one core; its peer and the clients share another one. How busy the clients were is printed: near 1 they
were what was measured, and not the node.
"""

import argparse
import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from branchlab.console import out
from branchlab.networks.drivers.process import node_command
from branchlab.networks.network import NodeAddress
from branchlab.networks.ports import find_free
from branchlab.nodes.outcome import Refused, Unknown
from branchlab.poll import poll
from loadtests.bench.curve import curve
from loadtests.bench.donor import Bench, network_of
from loadtests.bench.open_loop import BROKEN, GONE, UNSENT, Outcome
from loadtests.bench.overload_steps import (
    LEAST_GOODPUT,
    MOST_RECOVERY_SECONDS,
    MOST_STRETCH,
    Step,
    is_reached,
    show,
    summed,
    table,
)
from loadtests.bench.room import BENCH, Cores, pinned, program, wait_listening

MULTIPLES = (0.5, 1.0, 2.0, 5.0, 10.0)
_CLIENTS = 64  # of the closed loop that finds the capacity
_TOP_SECONDS = 2.0
_ALONE_SECONDS = 4.0
_SETTLED_SECONDS = 1.0  # of each step, until which the queue of its beginning counts for no quantile
_RECOVERY_SECONDS = 4.0
_OK, _REFUSED = 201, 503


@dataclass(frozen=True)
class Played:
    """What one process of clients saw, and the share of the time that it worked."""

    outcomes: Sequence[Outcome]
    busy: float


def main() -> int:
    """Exit status 0 where the aim was reached at every load, 1 where it was not."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each load, in each round")
    parser.add_argument("--table", action="store_true", help="print the rows of docs/security.md, too")
    parser.add_argument("--svg", type=Path, default=None)
    parser.add_argument("--together", type=int, default=None, help="COMMANDS_TOGETHER, if not the default")
    given = parser.parse_args()
    top = _clients_top()
    out.print(f"the clients make {top:,.0f} requests/s at most, of a program that only answers")
    together = {} if given.together is None else {"COMMANDS_TOGETHER": str(given.together)}
    steps: list[Step] = []
    alone: list[float] = []
    with network_of(2, settings=together, command=_on_its_core()) as bench:
        token = asyncio.run(_token(bench))
        _play(bench, token, "closed", 4, 1.0)  # the first orders make everything warm
        for number in range(given.rounds):
            single = _accepted(_play(bench, token, "closed", 1, _ALONE_SECONDS).outcomes)
            capacity = _closed(bench, token, _CLIENTS, _TOP_SECONDS)
            out.print(f"round {number + 1}: one client {_times(single)}; capacity {capacity:.0f} orders/s")
            alone.append(_quantile(single, 0.99))
            turn = number % len(MULTIPLES)
            for multiple in MULTIPLES[turn:] + MULTIPLES[:turn]:
                steps.append(_step(bench, token, multiple, capacity, seconds=given.seconds, alone=alone[-1]))
    found = summed(steps)
    show(found)
    if given.table:
        out.print("\n".join(table(found)))
    if given.svg is not None:
        given.svg.write_text(curve(found, alone=median(alone)), encoding="utf-8")
        out.print(f"the curve is in {given.svg}")
    reached = is_reached(found)
    out.print(
        "reached"
        if reached
        else f"not reached: {LEAST_GOODPUT:.0%} of the top, {MOST_STRETCH:g} x p99 of one client alone,"
        f" all well {MOST_RECOVERY_SECONDS:g} s after"
    )
    return 0 if reached else 1


def _step(
    bench: Bench, token: str, multiple: float, capacity: float, *, seconds: float, alone: float
) -> Step:
    rate = multiple * capacity
    cpu = bench.cpu_seconds(bench.donor)
    with ThreadPoolExecutor(1) as pool:
        load = pool.submit(_play, bench, token, "open", rate, seconds)
        time.sleep(seconds)
        mib, cpu = bench.resident_mib(bench.donor), bench.cpu_seconds(bench.donor) - cpu
        after = _play(bench, token, "closed", 1, _RECOVERY_SECONDS).outcomes
        outcomes, busy = load.result().outcomes, load.result().busy
    began = min(due for due, _, _ in outcomes)
    ended = began + seconds
    settled = [one for one in outcomes if one[0] >= began + _SETTLED_SECONDS]
    times = _accepted(settled)
    bad = [due + took for due, took, status in after if status != _OK or took > MOST_STRETCH * alone]
    return Step(
        multiple=multiple,
        offered=rate,
        goodput=len(times) / (seconds - _SETTLED_SECONDS),
        median=_quantile(times, 0.5),
        p99=_quantile(times, 0.99),
        stretch=_quantile(times, 0.99) / alone,
        refused=_count(outcomes, lambda status: status == _REFUSED),
        gone=_count(outcomes, lambda status: status == GONE),
        broken=_count(outcomes, lambda status: status == BROKEN),
        mib=mib,
        per_cpu=len(_accepted(outcomes)) / cpu,
        lag=asyncio.run(_lag(bench)),
        recovered=max(0.0, max(bad, default=ended) - ended),
        unsent=_count(outcomes, lambda status: status == UNSENT),
        busy=busy,
    )


def _play(bench: Bench, token: str, loop: str, many: float, seconds: float) -> Played:
    """What one process of clients saw."""
    parts = urlsplit(bench.network.url(bench.donor))
    return _clients(token, (loop, str(parts.hostname), str(parts.port), str(many), str(seconds)))


def _clients(token: str, words: Sequence[str]) -> Played:
    ended = subprocess.run(
        pinned(Cores.here().others, [sys.executable, "-m", "loadtests.bench.open_loop", *words]),
        input=token + "\n",
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(ended.stdout)
    return Played([(due, took, status) for due, took, status in found["outcomes"]], found["busy"])


def _clients_top() -> float:
    """Requests a second that the clients make of a program that only answers."""
    (port,) = find_free(1)
    with TemporaryDirectory(prefix="bench-") as folder:
        log = Path(folder) / "log"
        command = pinned(Cores.here().measured, [sys.executable, str(BENCH / "answerer.py"), str(port)])
        with program(command, log=log) as process:
            wait_listening(port, process, log=log)
            words = ("closed", "127.0.0.1", str(port), "64", str(_TOP_SECONDS))
            return len(_accepted(_clients("x" * 300, words).outcomes)) / _TOP_SECONDS


def _on_its_core() -> Callable[[NodeAddress], Sequence[str]]:
    """The command of a node: the first one has a core for itself."""
    first: list[str] = []

    def command(node: NodeAddress) -> Sequence[str]:
        first.append(node.name)
        cores = Cores.here()
        return pinned(cores.measured if node.name == first[0] else cores.others, node_command(node))

    return command


def _closed(bench: Bench, token: str, clients: int, seconds: float) -> float:
    """Orders a second that so many clients get, who wait for each answer."""
    return len(_accepted(_play(bench, token, "closed", clients, seconds).outcomes)) / seconds


async def _token(bench: Bench) -> str:
    client = await bench.client(bench.donor)
    await client.close()
    assert client.token is not None, "it is logged in"
    return client.token


async def _lag(bench: Bench) -> float:
    """Seconds until no event waits for a peer."""
    began = time.monotonic()
    client = await bench.client(bench.donor)

    async def is_empty() -> bool:
        try:
            return all(pending == 0 for pending in (await client.status())["pending"].values())
        except (Refused, Unknown):
            return False

    await poll(is_empty, seconds=60.0, every=0.02)
    await client.close()
    return time.monotonic() - began


def _accepted(outcomes: Sequence[Outcome]) -> list[float]:
    """The times of the orders that were taken, sorted."""
    return sorted(took for _, took, status in outcomes if status == _OK)


def _count(outcomes: Sequence[Outcome], which: Callable[[int], bool]) -> int:
    return sum(which(status) for _, _, status in outcomes)


def _quantile(times: Sequence[float], share: float) -> float:
    return times[min(len(times) - 1, int(share * len(times)))] if times else 0.0


def _times(times: Sequence[float]) -> str:
    return f"p50 {1000 * _quantile(times, 0.5):.0f} ms, p99 {1000 * _quantile(times, 0.99):.0f} ms"


if __name__ == "__main__":
    sys.exit(main())
