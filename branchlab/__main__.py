"""`./lab VERB`, which each target of the Makefile calls. `python -m branchlab VERB` does the same, in the
checkout's own folder."""

import os
import signal
import sys

pressed: list[int] = []
# All that is imported below takes most of a second, and Python complains at length when that is broken off.
signal.signal(signal.SIGINT, lambda number, _frame: pressed.append(number))
signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})  # `./lab` holds it back until here

if not __package__:  # run by its file, by `./lab`, Python puts its folder on the path in place of the parent
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

from branchlab import interruption, terminal  # noqa: E402  # Ctrl-C is heeded from the first line on
from branchlab.cli import main  # noqa: E402  # as above


def run() -> None:
    """Runs one verb. Under `make` every exit status but 0 becomes 1: `make` adds no line to that. Ctrl-C
    before the verb begins ends in one line, too."""
    terminal.let_programs_write_what_they_can()
    under_make = os.environ.pop("LAB_UNDER_MAKE", "")
    try:
        _run()
    except SystemExit as end:
        if under_make and end.code not in (0, None):
            sys.exit(1)
        raise


def _run() -> None:
    with interruption.heeded():
        try:
            if pressed:
                raise KeyboardInterrupt
            main()
        except KeyboardInterrupt:
            sys.stderr.write(interruption.plain_line() + "\n")
            sys.exit(interruption.EXIT_CODE)


if __name__ == "__main__":
    run()
