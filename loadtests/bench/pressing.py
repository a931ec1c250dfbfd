"""Runs the load generator, and reads what came of it."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from math import ceil

from loadtests.bench.order_texts import Request
from loadtests.bench.room import BENCH, Room, pause, pinned, program, wait_listening

CONNECTIONS = 64
BUSIEST = 0.9
"""The share of its core from which on the generator counts as what was measured."""

_WARM_UP_SECONDS = 1.0
_PATIENCE_SECONDS = 30.0
_TAKEN = range(200, 300)
_GENERATOR = str(BENCH / "generator.py")


def percentile(times: Sequence[float], percent: float) -> float:
    """The smallest of the sorted times that at least `percent` % of all do not exceed."""
    return times[max(ceil(len(times) * percent / 100), 1) - 1]


@dataclass(frozen=True)
class Pressed:
    """What came of a load. `times` has the sorted seconds of each kind of request that was taken, `busy` the
    share of its core that the busiest generator worked."""

    seconds: float
    busy: float
    statuses: Counter[int] = field(default_factory=Counter)
    times: dict[str, list[float]] = field(default_factory=dict)

    @property
    def taken(self) -> int:
        return sum(count for status, count in self.statuses.items() if status in _TAKEN)

    @property
    def refused_share(self) -> float:
        """Of all requests, those that were not taken: refused, lost or left without an answer."""
        return 1 - self.taken / max(1, sum(self.statuses.values()))

    @property
    def rate(self) -> float:
        """Taken requests a second; where none was, that of one: all that can be said is that it is less."""
        return max(self.taken, 1) / self.seconds

    def quantile(self, percent: float, kind: str = "order") -> float:
        """The time of the load where none was taken: it was not shorter."""
        return percentile(self.times[kind], percent) if self.times.get(kind) else self.seconds


def press(
    room: Room,
    port: int,
    requests: Sequence[Request],
    *,
    seconds: float | None = None,
    connections: int = CONNECTIONS,
    rate: float | None = None,
    workers: int = 1,
) -> Pressed:
    """Load on the port: in a closed loop, or with `rate` so many requests a second, due or not."""
    lasts = room.seconds if seconds is None else seconds
    plan = {
        "host": "127.0.0.1",
        "port": port,
        "rate": None if rate is None else rate / workers,
        "seconds": lasts,
        "warm_up": _WARM_UP_SECONDS,
        "connections": max(1, connections // workers),
    }
    shares = [[*requests[n:], *requests[:n]] for n in range(workers)]
    with ThreadPoolExecutor(workers) as pool:
        texts = [json.dumps({**plan, "requests": share}) for share in shares]
        return merged(pool.map(lambda text: _run(room, text, lasts), texts))


def _run(room: Room, plan: str, seconds: float) -> str:
    """What one generator prints."""
    command = pinned(room.cores.others, [sys.executable, _GENERATOR])
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        printed, _ = process.communicate(plan, timeout=seconds + _PATIENCE_SECONDS)
    except subprocess.TimeoutExpired:
        raise SystemExit("the load generator did not end in time") from None
    finally:
        process.kill()
        process.wait()
    if process.returncode != 0:
        raise SystemExit("the load generator failed; see above")
    return printed


def merged(printed: Iterable[str]) -> Pressed:
    """What several generators did at the same time, as one."""
    seconds, busy = 0.0, 0.0
    statuses: Counter[int] = Counter()
    times: dict[str, list[float]] = {}
    for text in printed:
        one = json.loads(text)
        seconds, busy = one["seconds"], max(busy, one["busy"])
        statuses.update({int(status): count for status, count in one["statuses"].items()})
        for kind, found in one["microseconds"].items():
            times.setdefault(kind, []).extend(each / 1e6 for each in found)
    return Pressed(seconds, busy, statuses, {kind: sorted(found) for kind, found in times.items()})


def generators_top(room: Room, requests: Sequence[Request]) -> float:
    """Requests a second that the generator reaches at least, for a server that does nothing."""
    (port,) = room.ports(1)
    log = room.folder("answerer") / "log"
    command = pinned(room.cores.measured, [sys.executable, str(BENCH / "answerer.py"), str(port)])
    with program(command, log=log) as process:
        wait_listening(port, process, log=log)
        pause(0.1)
        return press(room, port, requests, seconds=2.0).rate
