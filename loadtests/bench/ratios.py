"""The ratios of `make bench`: what each is, what it should reach, and what came of it."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Literal

Way = Literal["at least", "at most"]


@dataclass(frozen=True)
class Ratio:
    """One ratio. Without a `goal` it is for comparison only."""

    name: str
    what: str
    goal: float | None
    way: Way = "at least"

    def reached(self, value: float) -> bool:
        if self.goal is None:
            return True
        return value >= self.goal if self.way == "at least" else value <= self.goal

    def wish(self) -> str:
        if self.goal is None:
            return "–"
        return f"{'≥' if self.way == 'at least' else '≤'} {self.goal:g}"


MEMORY = "memory"
"""Measured by `make bench-soak` alone, since it takes half an hour."""

_REFUSALS = {
    "401": "a request without a valid token",
    "403": "a request that a role may not make",
    "409": "an order without stock",
    "422": "an order that is no order",
    "503": "a request that finds no place",
}

RATIOS = (
    Ratio("orders", "orders/s, one node ÷ no-op", 1.5),
    Ratio("peers", "the same with two peers up, replicating ÷ no-op", 1.0),
    Ratio("postgres", "orders/s, one node ÷ FastAPI + asyncpg + PostgreSQL", 5),
    Ratio("plain", "orders/s with two live peers ÷ plain design with two live peers", 20),
    Ratio("plain-alone", "orders/s, one node ÷ plain design alone", None),
    Ratio("p99", "order p99 ÷ no-op p99", 0.8, "at most"),
    Ratio("stretch", "order p99 ÷ own p50", 2, "at most"),
    Ratio("hot", "one-line orders of one hot SKU ÷ one-line orders spread over 200", 0.9),
    Ratio("grant", "order that needs a grant, p50 ÷ plain order p50, same load", 4, "at most"),
    Ratio("drain", "orders/s of a drained backlog ÷ PostgreSQL logical replication of the same orders", 2),
    Ratio("drain-events", "events/s of the same drain ÷ orders/s of PostgreSQL", None),
    Ratio("lag", "lag p99, commit here to commit there, at 100 orders/s ÷ client order p99", 1.5, "at most"),
    Ratio("status", "/status p50 in a large file, with pending events ÷ no-op p50", 2, "at most"),
    Ratio("list", "GET /orders?limit=100 p50 in a large file ÷ no-op p50", 6, "at most"),
    Ratio("dead", "orders/s while 2 of 5 peers are dead ÷ all alive", 0.95),
    Ratio("rebuild", "rows/s of a rebuild ÷ SQLite's own bulk insert of the same rows", 0.3),
    Ratio("growth", "cost of an order in a large file ÷ in a file of 10,000 orders", 1.2, "at most"),
    Ratio("full", "orders/s at FULL ÷ at NORMAL", 0.95),
    *(
        Ratio(status, f"what {refusal} costs the event loop ÷ an order that is taken", 1, "at most")
        for status, refusal in _REFUSALS.items()
    ),
    Ratio("simulation", "simulated histories/s ÷ those of an earlier commit", 2),
    Ratio(MEMORY, "memory at the end of a long run at half the top rate ÷ after 5 min", 1.1, "at most"),
)
BY_NAME = {ratio.name: ratio for ratio in RATIOS}


@dataclass(frozen=True)
class Spread:
    """The rounds of one ratio, in short."""

    min: float
    median: float
    max: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        return cls(min(values), median(values), max(values))


def as_json(
    measured: Mapping[str, Sequence[float]], *, rounds: int, machine: Mapping[str, str | int]
) -> dict[str, Any]:
    """What build/bench.json has."""
    ratios = {
        name: {**vars(Spread.of(values)), "goal": BY_NAME[name].goal} for name, values in measured.items()
    }
    return {"ratios": ratios, "rounds": rounds, "machine": {**machine}}


def read(path: Path) -> dict[str, Spread]:
    """The ratios in such a file; none where there is no file."""
    if not path.is_file():
        return {}
    kept = json.loads(path.read_text("utf-8"))["ratios"]
    return {name: Spread(one["min"], one["median"], one["max"]) for name, one in kept.items()}


def judged(found: Mapping[str, Spread], ratios: Iterable[Ratio] = RATIOS) -> tuple[list[str], bool]:
    """One line for each ratio that has a goal, and whether all are reached; what was not measured is not."""
    lines, all_reached = [], True
    for ratio in ratios:
        if ratio.goal is None:
            continue
        spread = found.get(ratio.name)
        reached = spread is not None and ratio.reached(spread.median)
        all_reached = all_reached and reached
        value = "not measured" if spread is None else f"{spread.median:.2f}"
        word = "reached" if reached else "MISSED"
        lines.append(f"{word:8} {ratio.name:11} {value:>12}  {ratio.wish():7} {ratio.what}")
    return lines, all_reached
