"""Judges build/bench.json against the goals: one line for each ratio, and exit status 1 where one is missed.

python -m loadtests.bench.judge [FILE]
"""

import sys
from pathlib import Path

from branchlab.console import out
from loadtests.bench.ratios import judged, read
from loadtests.bench.report import JSON, SOAK


def main(path: Path = JSON) -> int:
    found = read(path)
    if not found:
        sys.exit(f"there is no {path}; run `make bench` first")
    lines, all_reached = judged({**read(SOAK), **found})
    for line in lines:
        out.print(line, highlight=False, soft_wrap=True)
    return 0 if all_reached else 1


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:])))
