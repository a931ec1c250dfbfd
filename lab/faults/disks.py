"""The verbs around lost disks: `lab wipe`, `backup`, `restore`, `salvage`, and what a person does about what
is left: `lab parked`, `lab altered`, `lab count` and `lab decommission`."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from lab.console import out, progress, show
from lab.errors import LabError
from lab.faults.command import Clients, network_and_driver, with_clients
from lab.networks import network
from lab.nodes.contract import AlteredRow, Member, ParkedEvent
from lab.nodes.counting import when_unblocked
from lab.nodes.outcome import Refused
from lab.options import ENV_FILE, RUN_DIR, EnvFile, Node, RunDir

Copy = Annotated[Path, typer.Argument(metavar="FILE", help="A copy of the node's database.")]
Sku = Annotated[str, typer.Argument(metavar="SKU", help="A product.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


def wipe(node: Node, *, yes: Yes = False, run_dir: RunDir = RUN_DIR, env_file: EnvFile = ENV_FILE) -> None:
    """Lose a node's disk: it starts again empty and fetches what its peers have. Orders that no peer has are
    lost for ever."""
    current, driver = network_and_driver(run_dir, env_file)
    current.node(node)
    _confirm(node, f"all data of {node} will be removed", yes=yes)
    with progress.status("wiping…"):
        driver.wipe(node)
    out.print(f"the disk of {node} is new and empty; it serves when it has what its peers have: `make watch`")


def backup(node: Node, file: Copy, *, run_dir: RunDir = RUN_DIR, env_file: EnvFile = ENV_FILE) -> None:
    """Copy a node's database to a file, whether or not the node runs. It has password hashes: guard it."""
    driver = network_and_driver(run_dir, env_file)[1]
    with progress.status("copying…"):
        driver.backup(node, file)
    out.print(f"{file} is {node} as it was just now")


def restore(
    node: Node, file: Copy, *, yes: Yes = False, run_dir: RunDir = RUN_DIR, env_file: EnvFile = ENV_FILE
) -> None:
    """Put a copy in the place of a node's database. It begins a new epoch: what it had to sell is frozen
    until a stock count, and peers bring what they have beyond the copy."""
    current, driver = network_and_driver(run_dir, env_file)
    current.node(node)
    _confirm(node, f"the data of {node} will be replaced by {file}", yes=yes)
    with progress.status("restoring…"):
        driver.restore(node, file)
    out.print(f"{node} is restored from {file} and lives a new epoch; what it had to sell is frozen")


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
    alone = " and it will serve without the others" if found else ""
    _confirm(node, f"a damaged database of {node} will be set aside{alone}", yes=yes)
    with progress.status("salvaging…"):
        said = driver.salvage(node, found=found)
    out.print(said.strip(), markup=False)
    then = "serves with what came back" if found else "serves when it has what its peers have"
    out.print(f"{node} is started again and {then}: `make watch`")


def parked(
    node: Node,
    *,
    replay: Annotated[bool, typer.Option("--replay", help="Try each of them again first.")] = False,
    run_dir: RunDir = RUN_DIR,
    env_file: EnvFile = ENV_FILE,
) -> None:
    """List the events that a node could not apply, and why."""
    left: list[ParkedEvent] = []

    async def act(clients: Clients) -> None:
        if replay:
            replayed = await clients[node].replay_parked()
            out.print(f"{replayed['applied']} applied, {replayed['left']} left")
        left.extend(await clients[node].parked())

    with_clients([node], act, run_dir, env_file)
    show(_words(event) for event in left)
    if not left:
        out.print(f"nothing is parked at {node}")


def altered(
    node: Node,
    *,
    accept: Annotated[
        bool, typer.Option("--accept", help="Take each of them for what it says now. Count the shelf first.")
    ] = False,
    yes: Yes = False,
    run_dir: RunDir = RUN_DIR,
    env_file: EnvFile = ENV_FILE,
) -> None:
    """List the rows that something else than the node's commands changed and that no peer could confirm."""
    left: list[AlteredRow] = []
    if accept:
        _confirm(node, f"the altered rows of {node} will count as they stand", yes=yes)

    async def act(clients: Clients) -> None:
        if accept:
            done = await clients[node].accept_altered()
            out.print(f"{done['accepted']} accepted, {done['left']} left")
        left.extend(await clients[node].altered())

    with_clients([node], act, run_dir, env_file)
    show(f"{row['relation']}/{row['bucket']} {row['row_key']}: {row['why']}" for row in left)
    if not left:
        out.print(f"every row of {node} is what was written")


def count(
    sku: Sku,
    *,
    gone: Annotated[
        int, typer.Option("--gone", help="Units that left the shelf unseen from all lost disks together.")
    ],
    run_dir: RunDir = RUN_DIR,
    env_file: EnvFile = ENV_FILE,
) -> None:
    """Count the shelf after a disk was lost: what is frozen, but for the units gone, may be sold again. A
    wrong number can oversell."""
    current = network_and_driver(run_dir, env_file)[0]
    counter = min(node.name for node in current.members)  # the first by name counts for the company

    async def act(clients: Clients) -> None:
        try:
            before = await clients[counter].stock_of(sku)
            after = await when_unblocked(lambda: clients[counter].count(sku, gone=gone))
        except Refused as refused:
            raise LabError(str(refused.problem.get("detail") or refused)) from None
        out.print(
            f"{sku}: {before['frozen']} were frozen; {after['available'] - before['available']} may be sold"
            f" at {counter} once every branch knows it, {gone} are written off, {after['frozen']} stay frozen"
        )

    with_clients([counter], act, run_dir, env_file)


def decommission(
    node: Node,
    *,
    at: Annotated[str | None, typer.Option("--at", metavar="NODE", help="Who says it; any member.")] = None,
    yes: Yes = False,
    run_dir: RunDir = RUN_DIR,
    env_file: EnvFile = ENV_FILE,
) -> None:
    """Say that a branch is gone for good: stock counts wait for it no more. Nothing takes it back. One that
    still lives and cannot be told sells on, so take its disk away first."""
    current, driver = network_and_driver(run_dir, env_file)
    current.node(node)
    _confirm(node, f"{node} will be no member any more, for ever", yes=yes)
    others = [one.name for one in current.members if one.name != node]
    running = [name for name in others if driver.state(name) == "running"]
    teller = at or next(iter(running or others), node)
    found: list[Member] = []

    async def act(clients: Clients) -> None:
        try:
            found.append(await clients[teller].decommission(node))
        except Refused as refused:
            raise LabError(str(refused.problem.get("detail") or refused)) from None

    with progress.status("telling the others…"):
        with_clients([teller], act, run_dir, env_file)
    gone = tuple(sorted({*current.decommissioned, node}))
    network.save(replace(current, decommissioned=gone), run_dir)
    if found[0]["state"] == "decommissioned":
        known = ", ".join(found[0]["known_by"]) or "nobody else is left"
        out.print(f"{node} is decommissioned: {teller} knows it, and {known}")
    else:
        out.print(f"{teller} knows that {node} is gone, and no other node yet: stock counts wait for one")


def _confirm(node: str, what: str, *, yes: bool) -> None:
    """Asks for the node's name, typed; LabError for anything else."""
    try:
        agreed = yes or typer.prompt(f"{what}; type {node} to go on", default="", show_default=False) == node
    except typer.Abort:  # Ctrl-C, or there is nobody to ask
        agreed = False
    if not agreed:
        raise LabError(f"nothing was done; type {node} when asked, or say --yes")


def _words(event: ParkedEvent) -> str:
    """`order_created 0197… from filial-sul, event 12: why (waiting, tried 3 times)`."""
    state = "waiting" if event["waiting"] else "parked"
    whence = f"{event['kind']} {event['entity']} from {event['origin']}, event {event['seq']}"
    return f"{whence}: {event['reason']} ({state}, tried {event['attempts']} times)"
