"""What came of one history."""

from dataclasses import dataclass, field

from tests.simulation.journal import Violation


@dataclass(frozen=True)
class Result:
    """The outcome of a history. `digest` covers everything that happened in it, in order. `judged` is the
    result of each promise by the checker of real networks, if the history came to its end."""

    seed: int
    digest: str
    operations: int
    outcomes: dict[str, int]
    faults: dict[str, int]
    virtual_seconds: float
    violations: list[Violation]
    judged: dict[str, str | None] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
