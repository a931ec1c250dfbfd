"""The `lab` command line: the names of its verbs. What they do is in the rooms."""

import sys
from collections.abc import Sequence

import typer

from lab.checking.proof import model, simulate, teeth
from lab.checking.verify import verify
from lab.console import complain
from lab.errors import LabError
from lab.faults import command as fault_verbs
from lab.faults import disks
from lab.faults.healing import heal
from lab.faults.kinds import KINDS
from lab.networks import command as network_verbs
from lab.teaching.demo.command import demo, demo_data
from lab.teaching.load.command import load
from lab.teaching.replay.command import replay
from lab.teaching.scenarios.command import run
from lab.teaching.torture.command import torture

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Start a network of branch nodes, break it on purpose, watch it, heal it.",
)
app.command()(demo)
app.command()(demo_data)
app.command()(load)
app.command()(replay)
app.command()(run)
app.command()(torture)
app.command()(verify)
app.command()(fault_verbs.partition)
for kind in KINDS:
    app.command(kind.name)(fault_verbs.link_verb(kind))
app.command()(fault_verbs.disk_full)
app.command()(heal)
app.command()(disks.wipe)
app.command()(disks.backup)
app.command()(disks.restore)
app.command()(disks.salvage)
app.command()(disks.parked)
app.command()(disks.altered)
app.command()(disks.count)
app.command()(disks.decommission)
app.command()(simulate)
app.command()(model)
app.command()(teeth)
app.command()(network_verbs.up)
app.command("base-image")(network_verbs.make_base_image)
app.command()(network_verbs.down)
app.command()(network_verbs.clean)
app.command()(network_verbs.status)
app.command()(network_verbs.watch)
app.command()(network_verbs.doctor)
app.command()(network_verbs.chaos)
app.command()(network_verbs.start)
app.command()(network_verbs.stop)
app.command()(network_verbs.pause)
app.command()(network_verbs.resume)
app.command()(network_verbs.kill)


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs one verb. Exits 0 when it is done, 1 on a failed verdict, 2 with one line on a mistake."""
    try:
        app(arguments, prog_name="lab")
    except LabError as error:
        complain(f"lab: {error}")
        sys.exit(2)
