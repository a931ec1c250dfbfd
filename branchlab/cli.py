"""The `./lab` command line: the names of its verbs. What they do is in the rooms."""

import os
import sys
from collections.abc import Sequence

from branchlab import interruption, language, mistakes, terminal
from branchlab.checking.proof import model, simulate, teeth
from branchlab.checking.pythons import pythons
from branchlab.checking.runs import runs
from branchlab.checking.verify import verify
from branchlab.console import complain, end_in_a_line
from branchlab.faults import command as fault_verbs
from branchlab.faults import disks, forging
from branchlab.faults.healing import heal
from branchlab.faults.kinds import KINDS
from branchlab.language import _
from branchlab.networks import command as network_verbs
from branchlab.networks.homes import command as home_verbs
from branchlab.packages import audit
from branchlab.screens.command import ui
from branchlab.teaching.demo.command import demo, demo_data
from branchlab.teaching.ladder import command as ladder_verbs
from branchlab.teaching.lesson.command import lesson
from branchlab.teaching.load.command import load
from branchlab.teaching.replay.command import replay
from branchlab.teaching.report.command import export, report
from branchlab.teaching.report.slides import slides
from branchlab.teaching.scenarios.command import run
from branchlab.teaching.torture.command import torture
from branchlab.verbs import Verbs, spoken_headings

app = Verbs(help="Start a network of branch nodes, break it on purpose, watch it, heal it.")
app.command()(demo)
app.command()(demo_data)
app.command()(lesson)
app.command()(load)
app.command()(replay)
app.command()(run)
app.command()(report)
app.command()(export)
app.command()(slides)
app.command()(torture)
app.command()(ladder_verbs.conform)
app.command()(ladder_verbs.climb)
app.command()(runs)
app.command()(verify)
app.command()(fault_verbs.partition)
for kind in KINDS:
    app.command(kind.name)(fault_verbs.link_verb(kind))
app.command()(fault_verbs.disk_full)
app.command()(forging.forge)
app.command()(forging.batch)
app.command(context_settings={"ignore_unknown_options": True})(forging.skew)  # -90s is no option
app.command()(heal)
app.command()(disks.wipe)
app.command()(disks.backup)
app.command()(disks.restore)
app.command()(disks.salvage)
app.command()(disks.reset_admin)
app.command()(disks.parked)
app.command()(disks.altered)
app.command()(disks.count)
app.command()(disks.decommission)
app.command()(audit)
app.command()(simulate)
app.command()(model)
app.command()(teeth)
app.command()(pythons)
app.command()(network_verbs.up)
app.command("base-image")(network_verbs.make_base_image)
app.command()(network_verbs.down)
app.command()(network_verbs.clean)
app.command()(network_verbs.status)
app.command()(network_verbs.watch)
app.command()(ui)
app.command()(network_verbs.doctor)
app.command()(network_verbs.chaos)
app.command()(home_verbs.adopt)
app.command()(home_verbs.sweep)
app.command()(network_verbs.start)
app.command()(network_verbs.stop)
app.command()(network_verbs.pause)
app.command()(network_verbs.resume)
app.command()(network_verbs.kill)


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
