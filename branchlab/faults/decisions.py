"""The verbs by which a person decides what no node may: `./lab reset-admin`, `parked`, `altered`, `count` and
`decommission`."""

from collections.abc import Awaitable
from dataclasses import replace
from typing import Annotated

import typer

from branchlab.confirming import require_typed
from branchlab.console import out, show, working
from branchlab.errors import LabError
from branchlab.faults.command import Clients, network_and_driver, with_clients
from branchlab.language import _
from branchlab.networks import network
from branchlab.networks.implementation import require
from branchlab.nodes.contract import AlteredRow, Member, ParkedEvent, Stock
from branchlab.nodes.outcome import Refused
from branchlab.nodes.stock_counts import below_zero, when_unblocked
from branchlab.options import ENV_FILE, RUN_DIR, EnvFile, Node, RunDir, Yes

Sku = Annotated[str, typer.Argument(metavar="SKU", help="A product.")]


def reset_admin(
    node: Node, *, yes: Yes = False, run_dir: RunDir = RUN_DIR, env_file: EnvFile = ENV_FILE
) -> None:
    """Get back into a network that nobody can log in to: the user ADMIN_USERNAME of the secrets' file becomes
    an active administrator with ADMIN_PASSWORD, in the node's own database."""
    current, driver = network_and_driver(run_dir, env_file)
    current.node(node)
    require_typed(
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
        require_typed(node, _("the altered rows of {node} will count as they stand", node=node), yes=yes)

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
        require_typed(found[0]["sku"], below, yes=yes)
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
    require_typed(
        node, _("{node} will be no member any more, for ever{alone}", node=node, alone=alone), yes=yes
    )
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
