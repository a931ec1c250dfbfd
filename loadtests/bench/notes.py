"""What a run of `make bench` finds, as it finds it."""

from collections import defaultdict
from dataclasses import dataclass, field

from loadtests.bench.pressing import BUSIEST, Pressed

_MANY_REFUSED = 0.01


@dataclass
class Notes:
    """`ratios` has one value a round, `figures` the same for what a chart shows: chart, what, values."""

    ratios: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    figures: defaultdict[str, defaultdict[str, list[float]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(list))
    )
    remarks: dict[str, None] = field(default_factory=dict)
    rounds: int = 0

    def ratio(self, name: str, value: float) -> None:
        self.ratios[name].append(value)

    def figure(self, chart: str, what: str, value: float) -> None:
        self.figures[chart][what].append(value)

    def remark(self, words: str) -> None:
        """Something that whoever reads the figures has to know; the same words once."""
        self.remarks[words] = None

    def pressed(self, what: str, found: Pressed, *, of: str = "orders") -> Pressed:
        """Notes the rate and the times of a load at 64 connections, and what makes them doubtful."""
        self.figure(f"{of}/s", what, found.rate)
        self.figure(f"{of} p50 ms", what, 1000 * found.quantile(50))
        self.figure(f"{of} p99 ms", what, 1000 * found.quantile(99))
        self.doubt(what, found)
        return found

    def doubt(self, what: str, found: Pressed) -> None:
        """Remarks what makes a load's figures doubtful."""
        if found.busy > BUSIEST:
            self.remark(f"{what}: the load generator had no time left, so the true figure is higher")
        if found.refused_share > _MANY_REFUSED:
            self.remark(
                f"{what}: many requests were refused or lost; their time goes on until they are taken"
            )
            self.figure("not taken %", what, 100 * found.refused_share)
