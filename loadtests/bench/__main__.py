"""`make bench`: our node and what it is compared with, measured side by side in rounds.

python -m loadtests.bench [--only NAME] [--rounds 5] [--quick]
"""

import argparse
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

from branchlab.console import note, out
from branchlab.errors import LabError
from branchlab.nodes.outcome import Refused, Unknown
from loadtests.bench import report, room
from loadtests.bench.notes import Notes
from loadtests.bench.order_texts import orders
from loadtests.bench.parts import ALL
from loadtests.bench.parts import orders as orders_part
from loadtests.bench.parts.part import Part
from loadtests.bench.pressing import generators_top

_FEWEST_ROUNDS = 1
_LARGE = 1_000_000
# What simulations were before they were made faster: by its subject, which outlives a rewritten history.
_BEFORE = "HEAD^{/^Bound, quicken and type the node}^"


def main(words: Sequence[str] | None = None) -> int:
    """The exit status: 0 whatever was measured, 1 where a part could not be, 130 after Ctrl-C."""
    given = _parser().parse_args(words)
    parts = [orders_part.QUICK] if given.quick else _chosen(given.only)
    seconds = sum(part.seconds(given.rounds) for part in parts)
    out.print(
        f"{', '.join(part.name for part in parts)}: {given.rounds} rounds, about {seconds / 60:.1f} min on a"
        f" quiet machine, never more than {3 * seconds / 60:.0f}"
    )
    heed_signals()
    try:
        return _measure(given, parts)
    except LabError as error:
        sys.exit(f"bench: {error}")
    except KeyboardInterrupt:
        note("interrupted; nothing of the bench runs any more, and nothing was written")
        return 130


def _measure(given: argparse.Namespace, parts: Sequence[Part]) -> int:
    notes = Notes(rounds=given.rounds)
    with room.opened(
        rivals=given.rivals,
        rounds=given.rounds,
        seconds=given.seconds,
        orders=given.orders,
        before=given.before,
        first_port=given.base_port,
    ) as here:
        top = generators_top(here, orders("x" * 300))
        out.print(f"the load generator makes {top:,.0f} requests/s at least")
        notes.figure("requests/s", "load generator's own top", top)
        failed = [part.name for part in parts if not _played(part, here, notes)]
    if given.quick:
        report.quick(notes)
    else:
        report.whole(notes, only=given.only, record=given.record)
    return 1 if failed else 0


def _played(part: Part, here: room.Room, notes: Notes) -> bool:
    """Whether the part came to its end. One that fails takes no other's figures away."""
    try:
        part.play(here, notes, part.rounds(here, notes))
    except (SystemExit, LabError, Refused, Unknown) as error:
        notes.remark(f"{part.name}: ended early: {error}")
        return False
    except Exception as error:  # an error of the part's own must not cost the half hour of the others
        out.print(traceback.format_exc(), markup=False)
        notes.remark(f"{part.name}: ended early by an error of its own: {error!r}")
        return False
    return True


def _chosen(only: str | None) -> list[Part]:
    """The parts that measure the ratio, or the part of that name; all without one."""
    found = [part for part in ALL if only in (None, part.name, *part.ratios)]
    if not found:
        names = ", ".join(f"{part.name} ({', '.join(part.ratios)})" for part in ALL)
        raise SystemExit(f"bench: there is no '{only}'; parts and their ratios: {names}")
    return found


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bench", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--only", help="one part or one ratio")
    parser.add_argument("--quick", action="store_true", help="our node and the no-op only")
    parser.add_argument(
        "--record", action="store_true", help="write charts and figures into docs/performance"
    )
    parser.add_argument("--rounds", type=_rounds, default=5)
    parser.add_argument("--seconds", type=float, default=3.0, help="of one measurement")
    parser.add_argument("--orders", type=int, default=_LARGE, help="in the large file")
    parser.add_argument("--before", default=_BEFORE, help="the commit to compare simulations with")
    parser.add_argument("--rivals", default=sys.executable, help="the Python of the bench's own environment")
    parser.add_argument("--base-port", type=int, help="use ports from here on")
    return parser


def _rounds(text: str) -> int:
    return max(_FEWEST_ROUNDS, int(text))


def heed_signals() -> None:
    """The first signal ends the run in order; later ones change nothing, for the end is under way."""

    def interrupted(_number: int, _frame: object) -> None:
        for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(each, signal.SIG_IGN)
        raise KeyboardInterrupt

    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, interrupted)


if __name__ == "__main__":
    os.chdir(Path(__file__).resolve().parents[2])
    sys.exit(main())
