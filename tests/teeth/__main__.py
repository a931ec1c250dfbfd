"""`python -m tests.teeth`: see `--help`."""

import tempfile
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from app.database.migrations import migrate
from app.state.registry.canonical_forms import FORMS
from tests.teeth.bugs import BUGS
from tests.teeth.catching import Found, catch

out = Console(soft_wrap=True, highlight=False, markup=False)


def teeth(
    *,
    only: Annotated[str, typer.Option(help="Plant the bugs with this in their names.")] = "",
    jobs: Annotated[int, typer.Option(min=1, help="Processes at once.")] = 2,
) -> None:
    """Plant bugs into the real code, one at a time, and say what catches each; exits 1 if one survives, or if
    the same history fails without it."""
    wanted = [name for name in BUGS if only in name]
    began = time.monotonic()
    good = 0
    with tempfile.TemporaryDirectory(prefix="teeth-") as place:
        template = Path(place) / "template.db"
        migrate(template, forms=FORMS)
        with ProcessPoolExecutor(jobs) as pool:
            waiting = [pool.submit(_catch, name, template) for name in wanted]
            for name, found in zip(wanted, _results(waiting), strict=True):
                for line in _lines(name, found):
                    out.print(line)
                good += isinstance(found, Found) and found.good
    seconds = time.monotonic() - began
    out.print(f"{len(wanted)} bugs planted, {good} caught without a false alarm, {seconds:.0f} s")
    raise typer.Exit(0 if wanted and good == len(wanted) else 1)


def _catch(name: str, template: Path) -> Found:
    return catch(BUGS[name], template=template)


def _results(waiting: Iterable[Future[Found]]) -> Iterator[Found | Exception]:
    for future in waiting:
        try:
            yield future.result()
        except Exception as error:
            yield error


def _lines(name: str, found: Found | Exception) -> Iterator[str]:
    if isinstance(found, Exception):
        yield f"BAD PLANT  {name}: {found!r}"
        return
    verdict = "caught" if found.caught else "SURVIVED"
    yield f"{verdict:<11}{name}: {found.breaks}"
    yield f"{'':<11}by {found.by}" + (f": {found.caught}" if found.caught else "")
    if found.false_alarm is not None:
        yield f"FALSE ALARM  without the bug too: {found.false_alarm}"


if __name__ == "__main__":
    typer.run(teeth)
