"""Everything that happened in a history, in order."""

import asyncio
import hashlib
from collections import Counter
from dataclasses import dataclass


@dataclass(frozen=True)
class Violation:
    """A broken promise: its name (`oversold`, `lost`, …), and how it showed."""

    promise: str
    text: str


MOST_VIOLATIONS = 20  # of one history; a broken promise tends to break again at every commit


class Journal:
    """Collects a history's events, faults and violations.

    Two runs of one seed write the same lines, so their digests are equal. The first line that differs shows
    where chance, time or order entered other than through the seed.
    """

    def __init__(self, *, keep_lines: bool = False) -> None:
        self._hash = hashlib.sha256()
        self._keep = keep_lines
        self.lines: list[str] = []
        self.faults: Counter[str] = Counter()
        self.violations: list[Violation] = []

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of all lines so far."""
        return self._hash.hexdigest()

    def note(self, *words: object) -> None:
        """Write one line: the virtual time, and the words."""
        line = f"{asyncio.get_running_loop().time():.6f} {' '.join(map(str, words))}"
        self._hash.update(line.encode() + b"\n")
        if self._keep:
            self.lines.append(line)

    def fault(self, kind: str, *words: object) -> None:
        """Write and count a fault."""
        self.faults[kind] += 1
        self.note("fault", kind, *words)

    def violation(self, promise: str, text: str) -> None:
        """Write that a promise was broken."""
        self.note("VIOLATION", promise, text)
        if len(self.violations) < MOST_VIOLATIONS:
            self.violations.append(Violation(promise, text))
