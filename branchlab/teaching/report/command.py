"""`./lab report`: one page over runs, to take home; `./lab export`: a run log for other tools."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from branchlab import settings
from branchlab.checking.runs import newest_log, shown_path
from branchlab.checking.verify import judge_run, read_run
from branchlab.console import out, show
from branchlab.errors import LabError
from branchlab.language import Language, _, language_called, language_of
from branchlab.options import RUN_DIR, Lang, RunDir
from branchlab.teaching.report import exports
from branchlab.teaching.report.page import page

DEFAULT_PAGE = settings.ROOT / "build" / "report.html"
MOST_BYTES = 1_500_000
Log = Annotated[
    list[Path] | None, typer.Argument(metavar="[RUN.jsonl …]", help="Run logs, in order; else the newest.")
]


def report(
    files: Log = None,
    *,
    to: Annotated[Path, typer.Option("--out", help="The page that is written.")] = DEFAULT_PAGE,
    lang: Lang = None,
    run_dir: RunDir = RUN_DIR,
) -> None:
    """Write one page over one run or several: charts, faults, predictions, verdicts and their
    counter-examples. It needs no network and no other file."""
    size = write_report(files or [newest_log(run_dir)], to, spoken(lang))
    out.print(f"{shown_path(to)} ({size // 1000} kB)", markup=False)


def export(
    file: Annotated[
        Path | None, typer.Argument(metavar="[RUN.jsonl]", help="A run log; else the newest.")
    ] = None,
    *,
    shiviz: Annotated[bool, typer.Option("--shiviz", help="Who knew what when, for ShiViz.")] = False,
    jepsen: Annotated[
        bool, typer.Option("--jepsen", help="A history in EDN, for Jepsen's checkers.")
    ] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Every series, one row for each change.")] = False,
    to: Annotated[Path | None, typer.Option("--out", help="A file; else standard output.")] = None,
    run_dir: RunDir = RUN_DIR,
) -> None:
    """Write a run log in the form of another tool."""
    if sum((shiviz, jepsen, as_csv)) != 1:
        raise LabError(_("say one form: --shiviz, --jepsen or --csv"))
    records = read_run(file or newest_log(run_dir))
    if as_csv:
        text = exports.table(records)
    else:
        text = "".join(f"{line}\n" for line in (exports.shiviz if shiviz else exports.jepsen)(records))
    if to is None:
        show(text.splitlines())
        return
    to.parent.mkdir(parents=True, exist_ok=True)
    to.write_text(text, encoding="utf-8")
    out.print(shown_path(to), markup=False)
    if shiviz:
        said = _("ShiViz reads it with the expression {pattern}", pattern=exports.SHIVIZ_PATTERN)
        out.print(said, markup=False)


def write_report(files: Sequence[Path], to: Path, language: Language) -> int:
    """Writes the page over these run logs; its size in bytes. LabError where one is no run log."""
    runs = []
    for file in files:
        records = read_run(file)
        runs.append((records, judge_run(file, records)))
    content = page(runs, language).encode()
    to.parent.mkdir(parents=True, exist_ok=True)
    to.write_bytes(content)
    return len(content)


def spoken(lang: str | None) -> Language:
    """The language that was asked for, else the terminal's. LabError for one that is not here."""
    if lang is None:
        return language_of(os.environ)
    if (found := language_called(lang)) is None:
        raise LabError(_("there is no language '{lang}' here; there are pt-BR and en", lang=lang))
    return found
