"""The verbs for false messages, small batches and wrong clocks: `./lab forge`, `batch`, `skew`."""

from collections.abc import Iterator, Mapping
from typing import Annotated

import typer

from branchlab.console import out, show
from branchlab.errors import LabError
from branchlab.faults import gates
from branchlab.faults.command import Clients, Lease, network_and_driver, with_clients
from branchlab.faults.words import DEFAULT_LEASE_SECONDS, parse_offset
from branchlab.language import N_, _
from branchlab.nodes.contract import Forged
from branchlab.options import ENV_FILE, RUN_DIR, EnvFile, Node, RunDir

KINDS: Mapping[str, str] = {
    "repeated": N_("the same events again, signed anew"),
    "replayed": N_("the very same request, its token with it"),
    "tampered": N_("one character of the body changed"),
    "forged": N_("signed under a secret that is not the network's"),
    "stale-token": N_("a token that has expired"),
}
"""Every kind of message that no honest node sends, by its name in the nodes' API, in words."""

Kind = Annotated[str, typer.Argument(metavar="KIND", help=f"One of {', '.join(KINDS)}.")]


def forge(
    kind: Kind,
    a: Annotated[str | None, typer.Argument(metavar="[A]", help="The sender; the first node.")] = None,
    b: Annotated[str | None, typer.Argument(metavar="[B]", help="The receiver; the last node.")] = None,
    *,
    times: Annotated[int, typer.Option(min=1, max=20, help="How many messages.")] = 5,
    run_dir: RunDir = RUN_DIR,
    env_file: EnvFile = ENV_FILE,
) -> None:
    """Send a node messages that no honest node sends, and count its answers by cause."""
    if kind not in KINDS:
        raise LabError(
            _("there is no forgery '{kind}'; the kinds are {kinds}", kind=kind, kinds=", ".join(KINDS))
        )
    current = network_and_driver(run_dir, env_file)[0]
    sender, receiver = a or current.members[0].name, b or current.members[-1].name
    if current.node(sender) == current.node(receiver):
        raise LabError(_("a message goes from one node to another"))
    answers: list[Forged] = []

    async def act(clients: Clients) -> None:
        answers.append(await gates.forge(clients[sender], receiver, kind, times=times))

    with_clients([sender], act, run_dir, env_file)
    out.print(f"{sender}→{receiver}: {times} × {kind} ({_(KINDS[kind])})", markup=False)
    show(answer_lines(answers[0]))


def answer_lines(forged: Forged) -> Iterator[str]:
    """What came of the messages, one line for each kind of answer."""
    for answer in forged["answers"]:
        if answer["status"] is None:
            yield _("  {count} × no answer: it {cause}", count=answer["count"], cause=answer["cause"])
            continue
        effect = _("applied nothing") if answer["cause"] == "duplicate" else _("refused")
        yield f"  {answer['count']} × {answer['status']} {answer['cause']}: {effect}"


def batch(
    node: Node,
    events: Annotated[int, typer.Argument(metavar="N", min=1, max=500, help="Events in a batch.")],
    *,
    lease: Lease = DEFAULT_LEASE_SECONDS,
    run_dir: RunDir = RUN_DIR,
    env_file: EnvFile = ENV_FILE,
) -> None:
    """Let the batches that a node sends hold fewer events, as if each were far more costly."""

    async def act(clients: Clients) -> None:
        await gates.limit_batch(clients[node], events, lease_seconds=lease)

    with_clients([node], act, run_dir, env_file)
    out.print(
        _(
            "{node} sends {events} at a time for {lease:g} s, or until `make heal`",
            node=node,
            events=events,
            lease=lease,
        )
    )


def skew(
    node: Node,
    offset: Annotated[str, typer.Argument(metavar="±T", help="Such as +10m, -90s or +2h.")],
    *,
    lease: Lease = DEFAULT_LEASE_SECONDS,
    run_dir: RunDir = RUN_DIR,
    env_file: EnvFile = ENV_FILE,
) -> None:
    """Let the clock of a node go wrong."""
    seconds = parse_offset(offset)

    async def act(clients: Clients) -> None:
        await gates.skew_clock(clients[node], seconds, lease_seconds=lease)

    with_clients([node], act, run_dir, env_file)
    ahead = _("ahead") if seconds >= 0 else _("behind")
    out.print(
        _(
            "the clock of {node} is {seconds:g} s {ahead} for {lease:g} s, or until `make heal`",
            node=node,
            seconds=abs(seconds),
            ahead=ahead,
            lease=lease,
        )
    )
