"""The verbs around lost disks: `./lab wipe`, `backup`, `restore`, `salvage`, and what a person does about
what is left: `./lab reset-admin`, `./lab parked`, `./lab altered`, `./lab count` and `./lab decommission`."""

import sys
from collections.abc import Awaitable
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from branchlab.console import out, show, working
from branchlab.errors import LabError
from branchlab.faults.command import Clients, network_and_driver, with_clients
from branchlab.language import _
from branchlab.networks import network
from branchlab.networks.implementation import require
from branchlab.networks.network import LAB
from branchlab.nodes.contract import AlteredRow, Member, ParkedEvent, Stock
from branchlab.nodes.outcome import Refused
from branchlab.nodes.stock_counts import below_zero, when_unblocked
from branchlab.options import ENV_FILE, RUN_DIR, EnvFile, Node, RunDir

Copy = Annotated[Path, typer.Argument(metavar="FILE", help="A copy of the node's database.")]
Sku = Annotated[str, typer.Argument(metavar="SKU", help="A product.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


def wipe(node: Node, *, yes: Yes = False, run_dir: RunDir = RUN_DIR, env_file: EnvFile = ENV_FILE) -> None:
    """Lose a node's disk: it starts again empty and fetches what its peers have. Orders that no peer has are
    lost for ever."""
    current, driver = network_and_driver(run_dir, env_file)
    current.node(node)
    _confirm(node, _("all data of {node} will be removed", node=node), yes=yes)
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
    _confirm(node, _("the data of {node} will be replaced by {file}", node=node, file=file), yes=yes)
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
    _confirm(
        node, _("a damaged database of {node} will be set aside{alone}", node=node, alone=alone), yes=yes
    )
    with working(_("reading the damaged files of {node}, and starting it…", node=node)):
        said = driver.salvage(node, found=found)
    out.print(said.strip(), markup=False)
    then = _("serves with what came back") if found else _("serves when it has what its peers have")
    out.print(_("{node} is started again and {then}: `make watch`", node=node, then=then))


def reset_admin(
    node: Node, *, yes: Yes = False, run_dir: RunDir = RUN_DIR, env_file: EnvFile = ENV_FILE
) -> None:
    """Get back into a network that nobody can log in to: the user ADMIN_USERNAME of the secrets' file becomes
    an active administrator with ADMIN_PASSWORD, in the node's own database."""
    current, driver = network_and_driver(run_dir, env_file)
    current.node(node)
    _confirm(
        node, _("{node} will be stopped, and ADMIN_USERNAME gets a new password and role", node=node), yes=yes
    )
    with working(_("stopping {node}, giving it the administrator, and starting it…", node=node)):
        said = driver.reset_admin(node)
    out.print(said.strip(), markup=False)
    out.print(_("{node} is started again; the other branches receive it from there", node=node))


def parked(
    node: Node,
    *,
    replay: Annotated[bool, typer.Option("--replay", help="Try each of them again first.")] = False,
    run_dir: RunDir = RUN_DIR,
    env_file: EnvFile = ENV_FILE,
) -> None:
    """List the events that a node could not apply, and why."""
    require(network.load(run_dir), "log", "parked")
    left: list[ParkedEvent] = []

    async def act(clients: Clients) -> None:
        if replay:
            replayed = await clients[node].replay_parked()
            out.print(_("{applied} applied, {left} left", applied=replayed["applied"], left=replayed["left"]))
        left.extend(await clients[node].parked())

    with_clients([node], act, run_dir, env_file)
    show(_words(event) for event in left)
    if not left:
        out.print(_("nothing is parked at {node}", node=node))


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
    require(network.load(run_dir), "log", "altered")
    left: list[AlteredRow] = []
    if accept:
        _confirm(node, _("the altered rows of {node} will count as they stand", node=node), yes=yes)

    async def act(clients: Clients) -> None:
        if accept:
            done = await clients[node].accept_altered()
            out.print(_("{accepted} accepted, {left} left", accepted=done["accepted"], left=done["left"]))
        left.extend(await clients[node].altered())

    with_clients([node], act, run_dir, env_file)
    show(f"{row['relation']}/{row['bucket']} {row['row_key']}: {row['why']}" for row in left)
    if not left:
        out.print(_("every row of {node} is what was written", node=node))


def count(
    sku: Sku,
    *,
    gone: Annotated[
        int, typer.Option("--gone", help="Units that left the shelf unseen from all lost disks together.")
    ],
    yes: Yes = False,
    run_dir: RunDir = RUN_DIR,
    env_file: EnvFile = ENV_FILE,
) -> None:
    """Count the shelf after a disk was lost: what is frozen, but for the units gone, may be sold again. A
    wrong number can oversell; one above what is frozen is asked about."""
    current = network_and_driver(run_dir, env_file)[0]
    require(current, "rights", "count")
    counter = min(node.name for node in current.members)  # the first by name counts for the company
    found: list[Stock] = []

    async def look(clients: Clients) -> None:
        found.append(await _unrefused(clients[counter].stock_of(sku)))

    async def act(clients: Clients) -> None:
        found.append(await _unrefused(when_unblocked(lambda: clients[counter].count(sku, gone=gone))))

    with_clients([counter], look, run_dir, env_file)
    if (below := below_zero(found[0], gone=gone)) is not None:
        _confirm(found[0]["sku"], below, yes=yes)
    with_clients([counter], act, run_dir, env_file)
    before, after = found
    out.print(
        _(
            "{sku}: {frozen} were frozen; {available} may be sold at {counter} once every branch"
            " knows it, {gone} are written off, {left_frozen}",
            sku=sku,
            frozen=before["frozen"],
            available=after["available"] - before["available"],
            counter=counter,
            gone=gone,
            left_frozen=_left_frozen(after),
        )
    )


async def _unrefused(asked: Awaitable[Stock]) -> Stock:
    try:
        return await asked
    except Refused as refused:
        raise LabError(str(refused.problem.get("detail") or refused)) from None


def _left_frozen(stock: Stock) -> str:
    if stock["frozen"] < 0:
        return _("{frozen} more are gone than were frozen", frozen=-stock["frozen"])
    return _("{frozen} stay frozen", frozen=stock["frozen"])


def decommission(
    node: Node,
    *,
    at: Annotated[str | None, typer.Option("--at", metavar="NODE", help="Who says it; any member.")] = None,
    without_majority: Annotated[
        bool, typer.Option("--without-majority", help="Let it count though most members are lost.")
    ] = False,
    yes: Yes = False,
    run_dir: RunDir = RUN_DIR,
    env_file: EnvFile = ENV_FILE,
) -> None:
    """Say that a branch is gone for good: stock counts wait for it no more. Nothing takes it back. One that
    still lives and cannot be told sells on, so take its disk away first. It counts when most members store
    it; where most are lost, say --without-majority."""
    current, driver = network_and_driver(run_dir, env_file)
    current.node(node)
    require(current, "members", "decommission")
    alone = (
        _(", and counts here wait for no majority: only if the others are lost") if without_majority else ""
    )
    _confirm(node, _("{node} will be no member any more, for ever{alone}", node=node, alone=alone), yes=yes)
    others = [one.name for one in current.members if one.name != node]
    running = [name for name in others if driver.state(name) == "running"]
    teller = at or next(iter(running or others), node)
    # An admin's word counts only where it is given, and every one of them may be the next to count.
    tellers = sorted({teller, *running}) if without_majority else [teller]
    found: dict[str, Member] = {}

    async def act(clients: Clients) -> None:
        for name in tellers:
            try:
                found[name] = await clients[name].decommission(node, without_majority=without_majority)
            except Refused as refused:
                raise LabError(str(refused.problem.get("detail") or refused)) from None

    with working(_("telling {tellers} that {node} is gone…", tellers=", ".join(tellers), node=node)):
        with_clients(tellers, act, run_dir, env_file)
    gone = tuple(sorted({*current.decommissioned, node}))
    network.save(replace(current, decommissioned=gone), run_dir)
    out.print(_how_far(found[teller], teller))


def _how_far(member: Member, teller: str) -> str:
    stored = 1 + len(member["known_by"])
    if member["state"] != "decommissioned":
        return _(
            "{stored} of the {needed} members that must store it know that {name} is gone: stock"
            " counts wait. If the others are lost, say --without-majority",
            stored=stored,
            needed=member["needed"],
            name=member["name"],
        )
    known = ", ".join(member["known_by"]) or _("nobody else")
    return _(
        "{name} is decommissioned: {teller} knows it, and {known}",
        name=member["name"],
        teller=teller,
        known=known,
    )


def _confirm(name: str, what: str, *, yes: bool) -> None:
    """Asks for the name of the node or product, typed; LabError for anything else."""
    try:
        agreed = (
            yes
            or typer.prompt(
                _("{what}; type {name} to go on", what=what, name=name), default="", show_default=False
            )
            == name
        )
    except typer.Abort:  # Ctrl-C, or there is nobody to ask
        agreed = False
    if not agreed:
        raise LabError(_("nothing was done; type {name} when asked, or say --yes", name=name))


def _words(event: ParkedEvent) -> str:
    """`order_created 0197… from filial-sul, event 12: why (waiting, tried 3 times)`."""
    state = _("waiting") if event["waiting"] else _("parked")
    whence = _(
        "{kind} {entity} from {origin}, event {seq}",
        kind=event["kind"],
        entity=event["entity"],
        origin=event["origin"],
        seq=event["seq"],
    )
    return _(
        "{whence}: {reason} ({state}, tried {attempts} times)",
        whence=whence,
        reason=event["reason"],
        state=state,
        attempts=event["attempts"],
    )
