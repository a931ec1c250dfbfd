"""`./lab verify FILE`: judges a run by its run log, which may come from anywhere and be of any age."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from branchlab.checking.checker.finding import Promise
from branchlab.checking.runlog import FORMAT, Record, read_records
from branchlab.checking.runs import newest_log
from branchlab.checking.verdict import Result, Verdict, judge, verdict_lines
from branchlab.console import show, show_json
from branchlab.errors import LabError
from branchlab.language import N_, _
from branchlab.options import RUN_DIR, AsJson, RunDir

_MEANINGS: dict[Promise, str] = {
    "lost": N_("every acknowledged order and cancellation is at every node"),
    "duplicated": N_("an order exists once for each key"),
    "oversold": N_("no more units are sold than came in"),
    "rights": N_("units and rights are neither made nor lost"),
    "converged": N_("all nodes show the same"),
    "monotone": N_("what a node knows only grows, as long as it has its disk"),
    "session": N_("what a client was told at a branch, it reads there"),
    "authentic": N_("nothing is there that no client asked for"),
}


def verify(
    file: Annotated[
        Path | None, typer.Argument(metavar="RUN.jsonl", help="The run log of any run; else the newest.")
    ] = None,
    *,
    as_json: AsJson = False,
    run_dir: RunDir = RUN_DIR,
) -> None:
    """Judge a run by its run log alone; exit 0 on PASS, 1 on FAIL, 2 when nobody can tell."""
    file = file or newest_log(run_dir)
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
        raise LabError(_("{path} does not begin as a run log does (docs/runlog.md)", path=path))
    if records[0].get("format") != FORMAT:
        raise LabError(
            _(
                "{path} has format {found}; this program reads format {wanted}",
                path=path,
                found=records[0].get("format"),
                wanted=FORMAT,
            )
        )
    return records


def judge_run(path: Path, records: Sequence[Record]) -> Verdict:
    """The verdict over these records. LabError when they do not have the fields they should."""
    try:
        return judge(records)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        why = _("it lacks the field {error}", error=error) if isinstance(error, KeyError) else str(error)
        raise LabError(
            _("{path} has a record that is not as docs/runlog.md says ({why})", path=path, why=why)
        ) from error


def report_lines(records: Sequence[Record], verdict: Verdict) -> list[str]:
    """What was run, each promise with its result, and the verdict; a verdict of the run's own only where it
    was another one."""
    start, last = records[0], records[-1]
    lines = [
        _(
            "{what} {seed}over {count} nodes, driver {driver}",
            what=start["what"],
            seed=_with_seed(start),
            count=len(start["nodes"]),
            driver=start["driver"],
        )
    ]
    for promise, meaning in _MEANINGS.items():
        lines.append(f"  {_word(verdict.promises[promise]):<9}{promise:<12}{_(meaning)}")
    lines += verdict_lines(verdict)
    if last["kind"] == "verdict" and last["result"] != verdict.result:
        lines.append(_("the verdict at the end of the run was {result}", result=last["result"]))
    return lines


def _with_seed(start: Record) -> str:
    return "" if start["seed"] is None else _("with seed {seed} ", seed=start["seed"])


def _word(result: Result | None) -> str:
    return _("untested") if result is None else result
