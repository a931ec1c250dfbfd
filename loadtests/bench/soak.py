"""Half an hour at half the top rate: whether a node's memory grows. `make bench-soak MINUTES=30`

python -m loadtests.bench.soak [--minutes 30]
"""

import argparse
import json
import shutil
import sys
from collections.abc import Sequence

from branchlab.console import note, out
from loadtests.bench import own, report, room
from loadtests.bench.__main__ import heed_signals
from loadtests.bench.pressing import press
from loadtests.bench.ratios import BY_NAME, MEMORY, as_json

_EARLY_MINUTES = 5
_CHUNK_SECONDS = 58.0  # with its start and its end a minute
_LEAST_FREE_BYTES = 5 << 30
_NODES = 3


def main(words: Sequence[str] | None = None) -> int:
    """Exit status 0 where the goal is reached, 1 where it is not, 130 after Ctrl-C."""
    parser = argparse.ArgumentParser(
        prog="bench-soak", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--minutes", type=int, default=30)
    parser.add_argument("--base-port", type=int, help="use ports from here on")
    given = parser.parse_args(words)
    if given.minutes < 2:
        parser.error("--minutes: 2 at least")
    out.print(f"soak: {given.minutes} min and about one more")
    heed_signals()
    try:
        with room.opened(
            rivals=sys.executable, rounds=1, seconds=5.0, orders=0, before="", first_port=given.base_port
        ) as here:
            sizes = _soak(here, given.minutes)
    except KeyboardInterrupt:
        note("interrupted; nothing of the bench runs any more, and nothing was written")
        return 130
    return _conclude(sizes)


def _soak(here: room.Room, minutes: int) -> list[float]:
    """The resident MiB of the measured node at the end of each minute."""
    sizes: list[float] = []
    with own.network(here, _NODES) as node:
        node.warm(here)
        rate = press(here, node.port, node.orders()).rate / 2
        out.print(f"half of the top rate: {rate:,.0f} orders/s")
        for minute in range(1, minutes + 1):
            if shutil.disk_usage(here.place).free < _LEAST_FREE_BYTES:
                raise SystemExit(f"less than 5 GiB of disk are left after {minute - 1} min")
            found = press(here, node.port, node.orders(), seconds=_CHUNK_SECONDS, rate=rate)
            sizes.append(node.bench.resident_mib(node.bench.donor))
            note(
                f"minute {minute}: {sizes[-1]:.0f} MiB, {found.rate:,.0f} orders/s,"
                f" p99 {1000 * found.quantile(99):.1f} ms, {100 * found.refused_share:.1f} % not taken"
            )
    return sizes


def early(minutes: int) -> int:
    """After how many minutes the memory counts as what a node needs: 5, or a sixth of a short run."""
    return max(1, min(_EARLY_MINUTES, minutes // 6))


def _conclude(sizes: list[float]) -> int:
    first = early(len(sizes))
    ratio = BY_NAME[MEMORY]
    value = sizes[-1] / sizes[first - 1]
    found = as_json({MEMORY: [value]}, rounds=1, machine=report.machine())
    report.SOAK.parent.mkdir(exist_ok=True)
    report.SOAK.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    out.print(
        f"memory after {first} min {sizes[first - 1]:.0f} MiB, after {len(sizes)} min {sizes[-1]:.0f} MiB"
    )
    out.print(f"{ratio.name} {value:.2f}, goal {ratio.wish()}: {ratio.what}")
    return 0 if ratio.reached(value) else 1


if __name__ == "__main__":
    sys.exit(main())
