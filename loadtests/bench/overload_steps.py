"""What came of the loads of `overload`: of all rounds together, as rows, and whether the aim was reached."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean, median

from branchlab.console import out

LEAST_GOODPUT = 0.9
MOST_STRETCH = 3.0
MOST_RECOVERY_SECONDS = 2.0


@dataclass(frozen=True)
class Step:
    """What came of one load. Times are in seconds; `stretch` is p99 to that of one client alone, `lag` how
    long a peer took to have all orders after the end, `recovered` how long after the end the last order
    failed or was slow. `per_cpu` is orders taken for each second that the node worked: what others on the
    machine do changes it least. `unsent` orders found every connection of the clients taken; `busy` is the
    share of the time that the clients worked."""

    multiple: float
    offered: float
    goodput: float
    median: float
    p99: float
    stretch: float
    refused: int
    gone: int
    broken: int
    mib: float
    per_cpu: float
    lag: float
    recovered: float
    unsent: int
    busy: float


def summed(steps: Sequence[Step]) -> list[Step]:
    """One step for each load, of those of all rounds: sums of what was counted, means of what was offered and
    taken, medians of all else."""
    by_multiple: dict[float, list[Step]] = {}
    for step in steps:
        by_multiple.setdefault(step.multiple, []).append(step)
    return [_sum_of(by_multiple[multiple]) for multiple in sorted(by_multiple)]


def _sum_of(steps: Sequence[Step]) -> Step:
    return Step(
        multiple=steps[0].multiple,
        offered=mean(step.offered for step in steps),
        goodput=mean(step.goodput for step in steps),
        median=median(step.median for step in steps),
        p99=median(step.p99 for step in steps),
        stretch=median(step.stretch for step in steps),
        refused=sum(step.refused for step in steps),
        gone=sum(step.gone for step in steps),
        broken=sum(step.broken for step in steps),
        mib=max(step.mib for step in steps),
        per_cpu=median(step.per_cpu for step in steps),
        lag=median(step.lag for step in steps),
        recovered=median(step.recovered for step in steps),
        unsent=sum(step.unsent for step in steps),
        busy=median(step.busy for step in steps),
    )


def show(steps: Sequence[Step]) -> None:
    """Print a row for each load, with all that was measured."""
    top = max(step.goodput for step in steps)
    out.print(
        "load | offered/s | taken/s | of top | p50 ms | p99 ms | p99 of alone | 503 | gone | broken | unsent"
        " | MiB | taken per CPU-s | clients busy"
        " | peer has all after | recovered after"
    )
    for step in steps:
        out.print(
            f"{step.multiple:>4g} | {step.offered:9.0f} | {step.goodput:7.0f} | {step.goodput / top:6.2f}"
            f" | {1000 * step.median:6.0f} | {1000 * step.p99:6.0f} | {step.stretch:12.1f}"
            f" | {step.refused:5} | {step.gone:4} | {step.broken:6} | {step.unsent:6} | {step.mib:5.0f}"
            f" | {step.per_cpu:15.0f} | {step.busy:12.2f}"
            f" | {step.lag:17.1f} s | {step.recovered:.1f} s"
        )


def table(steps: Sequence[Step]) -> list[str]:
    """The rows of the table in docs/security.md, of loads that are the capacity or more."""
    top = max(step.goodput for step in steps)
    return [
        f"| {step.multiple:g} × | {step.goodput / top:.2f} | {step.stretch:.2g} | {step.per_cpu:.0f}"
        f" | {step.gone} | {step.mib:.0f} MiB |"
        for step in steps
        if step.multiple >= 1
    ]


def is_reached(steps: Sequence[Step]) -> bool:
    """Whether the aim was reached at every load that is the capacity or more."""
    top = max(step.goodput for step in steps)
    return all(
        step.goodput >= LEAST_GOODPUT * top
        and step.stretch <= MOST_STRETCH
        and step.recovered <= MOST_RECOVERY_SECONDS
        and not step.gone
        for step in steps
        if step.multiple >= 1
    )
