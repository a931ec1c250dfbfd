"""The `./lab` command line: the names of its verbs. What they do is in the rooms."""

import os
import sys
from collections.abc import Callable, Sequence
from functools import partial

from branchlab import interruption, language, mistakes, terminal
from branchlab.console import complain, end_in_a_line
from branchlab.faults.kinds import KINDS, FaultKind
from branchlab.language import _
from branchlab.verbs import Verbs, function_of, spoken_headings


def _link_verb(kind: FaultKind) -> Callable[..., None]:
    made: Callable[..., None] = function_of("branchlab.faults.command", "link_verb")(kind)
    return made


NEGATIVE = {"ignore_unknown_options": True}  # -90s is no option
app = Verbs(help="Start a network of branch nodes, break it on purpose, watch it, heal it.")
# By name: a verb imports its own room when it is called. All rooms take seconds.
app.add("branchlab.teaching.demo.command", "demo", "demo_data")
app.add("branchlab.teaching.lesson.command", "lesson")
app.add("branchlab.teaching.load.command", "load")
app.add("branchlab.teaching.replay.command", "replay")
app.add("branchlab.teaching.scenarios.command", "run")
app.add("branchlab.teaching.report.command", "report", "export")
app.add("branchlab.teaching.report.slides", "slides")
app.add("branchlab.teaching.torture.command", "torture")
app.add("branchlab.teaching.ladder.command", "conform", "climb")
app.add("branchlab.checking.runs", "runs")
app.add("branchlab.checking.verify", "verify")
app.add("branchlab.faults.command", "partition")
for kind in KINDS:
    app.add_made(kind.name, partial(_link_verb, kind))
app.add("branchlab.faults.command", "disk_full")
app.add("branchlab.faults.forging", "forge", "batch")
app.add("branchlab.faults.forging", "skew", context_settings=NEGATIVE)
app.add("branchlab.faults.healing", "heal")
app.add("branchlab.faults.disks", "wipe", "backup", "restore", "salvage")
app.add("branchlab.faults.decisions", "reset_admin", "parked", "altered", "count", "decommission")
app.add("branchlab.packages", "audit")
app.add("branchlab.checking.proof", "simulate", "model", "teeth")
app.add("branchlab.checking.pythons", "pythons")
app.add("branchlab.networks.command", "up")
app.add_made("base-image", partial(function_of, "branchlab.networks.command", "make_base_image"))
app.add("branchlab.networks.command", "down", "clean", "status", "watch")
app.add("branchlab.screens.command", "ui")
app.add("branchlab.networks.command", "doctor", "chaos")
app.add("branchlab.networks.homes.command", "adopt", "sweep")
app.add("branchlab.networks.command", "start", "stop", "pause", "resume", "kill")


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs one verb. Exits 0 when it is done, 1 on a failed verdict, 2 with one line on a mistake, 130 with
    one line when somebody interrupts it."""
    terminal.write_what_it_can()
    asked = language.asked_for(sys.argv[1:] if arguments is None else arguments, os.environ)
    with language.speaking(language.language_called(asked or "") or language.language_of(os.environ)):
        if asked is not None and language.language_called(asked) is None:
            complain("lab: " + _no_language(asked))
            sys.exit(2)
        _run(arguments)


def _no_language(asked: str) -> str:
    names = ", ".join(language.LANGUAGES)
    return _("there is no language '{asked}' here; the languages are {names}", asked=asked, names=names)


def _run(arguments: Sequence[str] | None) -> None:
    with interruption.heeded() as heed, spoken_headings():
        try:
            app(arguments, prog_name="./lab")
        except SystemExit:
            if heed.came and not heed.over:  # it read its own words yet
                end_in_a_line(interruption.plain_line())
            raise
        except Exception as error:
            if (line := mistakes.in_words(error)) is None:
                raise
            complain(f"lab: {line}")
            sys.exit(2)
