"""The one screen of all verbs: answers go to standard output, progress goes to standard error."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from rich.console import Console

Tell = Callable[[str], None]
"""Takes one line about the progress."""

out = Console(soft_wrap=True, highlight=False)
progress = Console(stderr=True)


def show(lines: Iterable[str]) -> None:
    """Prints the lines unchanged: brackets in names and reasons of nodes are no markup."""
    for line in lines:
        out.print(line, markup=False)


def show_json(value: object) -> None:
    """Prints a value for programs."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def note(line: str) -> None:
    """Prints one line about the progress, beside the answers."""
    progress.print(line, style="dim", markup=False, soft_wrap=True, highlight=False)


def complain(line: str) -> None:
    """Prints why a verb failed."""
    progress.print(line, style="red", markup=False, soft_wrap=True, highlight=False)


@contextmanager
def working(first: str) -> Iterator[Tell]:
    """Shows the progress: one moving line on a terminal, a line for each step in a log."""
    if progress.is_terminal:
        with progress.status(first) as shown:
            yield shown.update
    else:
        yield lambda line: progress.print(line, soft_wrap=True, highlight=False)
