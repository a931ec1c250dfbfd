"""`lab verify FILE`: judges a run by its run log, which may come from anywhere and be of any age."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from lab.checking.checker.finding import Promise
from lab.checking.runlog import FORMAT, Record, read_records
from lab.checking.verdict import Result, Verdict, judge, verdict_lines
from lab.console import show, show_json
from lab.errors import LabError
from lab.options import AsJson

_MEANINGS: dict[Promise, str] = {
    "lost": "every acknowledged order and cancellation is at every node",
    "duplicated": "an order exists once for each key",
    "oversold": "no more units are sold than came in",
    "rights": "units and rights are neither made nor lost",
    "converged": "all nodes show the same",
    "monotone": "what a node knows only grows, as long as it has its disk",
    "session": "what a client was told at a branch, it reads there",
    "authentic": "nothing is there that no client asked for",
}


def verify(
    file: Annotated[Path, typer.Argument(metavar="RUN.jsonl", help="The run log of any run.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Judge a run by its run log alone; exit 0 on PASS, 1 on FAIL, 2 when nobody can tell."""
    records = read_run(file)
    verdict = judge_run(file, records)
    if as_json:
        show_json(verdict.as_record())
    else:
        show(report_lines(records, verdict))
    raise typer.Exit(verdict.exit_code)


def read_run(path: Path) -> list[Record]:
    """The records of a run log, from its first on. LabError for a file that is none, or of another form."""
    records = list(read_records(path))
    if not records or records[0]["kind"] != "run.start":
        raise LabError(f"{path} does not begin as a run log does (docs/runlog.md)")
    if records[0].get("format") != FORMAT:
        raise LabError(f"{path} has format {records[0].get('format')}; this program reads format {FORMAT}")
    return records


def judge_run(path: Path, records: Sequence[Record]) -> Verdict:
    """The verdict over these records. LabError when they do not have the fields they should."""
    try:
        return judge(records)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise LabError(
            f"{path} has a record that is not as docs/runlog.md says ({type(error).__name__}: {error})"
        ) from error


def report_lines(records: Sequence[Record], verdict: Verdict) -> list[str]:
    """What was run, each promise with its result, and the verdict; a verdict of the run's own only where it
    was another one."""
    start, last = records[0], records[-1]
    lines = [f"{start['what']} {_with_seed(start)}over {len(start['nodes'])} nodes, driver {start['driver']}"]
    for promise, meaning in _MEANINGS.items():
        lines.append(f"  {_word(verdict.promises[promise]):<9}{promise:<12}{meaning}")
    lines += verdict_lines(verdict)
    if last["kind"] == "verdict" and last["result"] != verdict.result:
        lines.append(f"the verdict at the end of the run was {last['result']}")
    return lines


def _with_seed(start: Record) -> str:
    return "" if start["seed"] is None else f"with seed {start['seed']} "


def _word(result: Result | None) -> str:
    return "untested" if result is None else result
