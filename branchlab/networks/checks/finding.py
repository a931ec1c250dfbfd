"""What a check of doctor says."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Finding:
    """One check's result. `advice` is for what is not `fine`. `noted` marks something unusual that
    stands in nobody's way."""

    subject: str
    fine: bool
    words: str
    advice: str = ""
    noted: bool = False

    @property
    def line(self) -> str:
        """As doctor shows it; `ok`, `--` for what is only noted, or `!!` for what needs somebody."""
        mark = "!!" if not self.fine else "--" if self.noted else "ok"
        advice = f": {self.advice}" if self.advice and mark != "ok" else ""
        return f"{mark}  {self.subject:<13} {self.words}{advice}"


Check = Callable[[Path, Path], Finding]
"""Looks at one thing, given the network's folder and the file of its secrets. It changes nothing."""


def noted(subject: str, words: str, advice: str = "") -> Finding:
    """Something unusual that the lab copes with."""
    return Finding(subject, fine=True, words=words, advice=advice, noted=True)
