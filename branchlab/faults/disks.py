"""The verbs around a node's disk: `./lab wipe`, `backup`, `restore` and `salvage`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from branchlab.confirming import require_typed
from branchlab.console import out, working
from branchlab.faults.command import network_and_driver
from branchlab.language import _
from branchlab.networks.network import LAB
from branchlab.options import ENV_FILE, RUN_DIR, EnvFile, Node, RunDir, Yes

Copy = Annotated[Path, typer.Argument(metavar="FILE", help="A copy of the node's database.")]


def wipe(node: Node, *, yes: Yes = False, run_dir: RunDir = RUN_DIR, env_file: EnvFile = ENV_FILE) -> None:
    """Lose a node's disk: it starts again empty and fetches what its peers have. Orders that no peer has are
    lost for ever."""
    current, driver = network_and_driver(run_dir, env_file)
    current.node(node)
    require_typed(node, _("all data of {node} will be removed", node=node), yes=yes)
    with working(_("{node} loses its disk and starts again empty…", node=node)):
        driver.wipe(node)
    then = _("it serves when it has what its peers have: `make watch`")
    if current.implementation != LAB:
        then = _("what it does about that is its own affair: `make watch`")
    out.print(_("the disk of {node} is new and empty; {then}", node=node, then=then))


def backup(node: Node, file: Copy, *, run_dir: RunDir = RUN_DIR, env_file: EnvFile = ENV_FILE) -> None:
    """Copy a node's database to a file, whether or not the node runs. It has password hashes: guard it."""
    driver = network_and_driver(run_dir, env_file)[1]
    with working(_("copying the database of {node}…", node=node)):
        driver.backup(node, file)
    out.print(_("{file} is {node} as it was just now", file=file, node=node))


def restore(
    node: Node, file: Copy, *, yes: Yes = False, run_dir: RunDir = RUN_DIR, env_file: EnvFile = ENV_FILE
) -> None:
    """Put a copy in the place of a node's database. It begins a new epoch: what it had to sell is frozen
    until a stock count, and peers bring what they have beyond the copy."""
    current, driver = network_and_driver(run_dir, env_file)
    current.node(node)
    require_typed(node, _("the data of {node} will be replaced by {file}", node=node, file=file), yes=yes)
    with working(
        _("putting {file} in the place of the database of {node}, and starting it…", file=file, node=node)
    ):
        driver.restore(node, file)
    out.print(
        _(
            "{node} is restored from {file} and lives a new epoch; what it had to sell is frozen",
            node=node,
            file=file,
        )
    )


def salvage(
    node: Node,
    *,
    show: Annotated[bool, typer.Option("--show", help="Only show what damaged files hold, as JSON.")] = False,
    found: Annotated[
        bool, typer.Option("--found", help="Where no node serves: serve with what came back.")
    ] = False,
    yes: Yes = False,
    run_dir: RunDir = RUN_DIR,
    env_file: EnvFile = ENV_FILE,
) -> None:
    """Bring back what a node's damaged files still hold. It begins a new life: what it had to sell is frozen,
    orders that nobody else has are announced again, and peers bring the rest."""
    current, driver = network_and_driver(run_dir, env_file)
    current.node(node)
    if show:
        sys.stdout.write(driver.show_salvage(node))
        return
    alone = _(" and it will serve without the others") if found else ""
    require_typed(
        node, _("a damaged database of {node} will be set aside{alone}", node=node, alone=alone), yes=yes
    )
    with working(_("reading the damaged files of {node}, and starting it…", node=node)):
        said = driver.salvage(node, found=found)
    out.print(said.strip(), markup=False)
    then = _("serves with what came back") if found else _("serves when it has what its peers have")
    out.print(_("{node} is started again and {then}: `make watch`", node=node, then=then))
