"""The one screen of all verbs: answers go to standard output, progress goes to standard error."""

import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from rich.console import Console

from branchlab import terminal
from branchlab.steps import Lines, Tell, moving_line

out = Console(soft_wrap=True, highlight=False)
progress = Console(stderr=True)


def show(lines: Iterable[str]) -> None:
    """Prints the lines unchanged: brackets in names and reasons of nodes are no markup."""
    for line in lines:
        out.print(line, markup=False)


def show_json(value: object) -> None:
    """Prints a value for programs."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=terminal.is_plain()) + "\n")


def note(line: str) -> None:
    """Prints one line about the progress, beside the answers."""
    progress.print(line, style="dim", markup=False, soft_wrap=True, highlight=False)


def complain(line: str) -> None:
    """Prints why a verb failed."""
    progress.print(line, style="red", markup=False, soft_wrap=True, highlight=False)


def end_in_a_line(line: str) -> None:
    """Prints the last line of what was interrupted, below whatever stands on the screen."""
    if progress.is_terminal:  # which shows ^C, and perhaps half a bar with the cursor hidden
        progress.show_cursor()
        progress.print()
    progress.print(line, markup=False, soft_wrap=True, highlight=False)


@contextmanager
def working(first: str) -> Iterator[Tell]:
    """Shows the progress: one moving line on a terminal, a line for each step in a log."""
    if progress.is_terminal:
        with moving_line(progress, first) as tell:
            yield tell
    else:
        lines = Lines(note)
        lines(first)
        yield lines
