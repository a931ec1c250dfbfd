"""The verbs `./lab adopt` and `./lab sweep`, for networks whose folder was moved, copied or removed."""

from typing import Annotated

import typer

from branchlab.confirming import require_typed
from branchlab.console import out, progress
from branchlab.language import _
from branchlab.networks.homes import adoption, leftovers
from branchlab.options import ENV_FILE, RUN_DIR, EnvFile, RunDir, Yes

Name = Annotated[
    str | None,
    typer.Argument(metavar="[NAME]", help="What is left over, as `make status` names it; or this folder's."),
]


def adopt(name: Name = None, run_dir: RunDir = RUN_DIR, env_file: EnvFile = ENV_FILE) -> None:
    """Make this folder the home of a network: of the one it describes, after a move or without its secrets,
    or of one whose folder is gone."""
    if name is None:
        adoption.adopt_here(run_dir, env_file, _say)
    else:
        adoption.adopt_leftover(name, leftovers.find(), run_dir, env_file, _say)


def sweep(name: Name = None, *, yes: Yes = False) -> None:
    """Remove what folders left over that are gone: processes, containers, volumes with their data."""
    left = [one for one in leftovers.find() if name in (None, one.name)]
    if not left:
        out.print(
            _("nothing is left over")
            if name is None
            else _("nothing is left over by the name {name}", name=name)
        )
        return
    for one in left:
        _say(one.words)
    require_typed("sweep", _("all of this will be removed"), yes=yes)
    with progress.status(_("removing what is left over…")):
        for one in left:
            one.remove()
    out.print(_("removed"))


def _say(line: str) -> None:
    out.print(line, markup=False)
