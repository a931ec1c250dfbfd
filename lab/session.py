"""Clients on every node of a network for the length of one run, and the judgement at its end."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from random import Random

from lab import convergence
from lab.client import DEFAULT_TIMEOUT, NodeClient
from lab.convergence import NotConvergedError
from lab.errors import LabError
from lab.network import Network
from lab.operations import Operations
from lab.outcome import Refused, Unknown
from lab.runlog import RunLog, read_records
from lab.settings import Secrets
from lab.verdict import Verdict, judge


@asynccontextmanager
async def open_operations(
    network: Network,
    secrets: Secrets,
    log: RunLog,
    *,
    random: Random,
    answer_seconds: float = DEFAULT_TIMEOUT,
) -> AsyncIterator[Operations]:
    """A client per member, logged in as the admin, writing to `log`. LabError when a node refuses the login.

    A request without an answer after `answer_seconds` counts as unknown.
    """
    async with AsyncExitStack() as stack:
        clients = {}
        for node in network.members:
            client = await stack.enter_async_context(NodeClient(node.name, node.url, timeout=answer_seconds))
            try:
                await client.login(secrets.admin_username, secrets.admin_password)
            except (Refused, Unknown) as error:
                raise LabError(
                    f"{node.name} at {node.url} takes no login ({error}); try `make status`, then `make up`"
                ) from None
            clients[node.name] = client
        yield Operations(clients, log, random=random)


async def conclude(
    operations: Operations, *, deadline_seconds: float = convergence.DEFAULT_DEADLINE_SECONDS
) -> Verdict:
    """Waits until the nodes agree or the deadline, reads them all, judges the run log, writes the verdict.

    Nodes that do not agree in time are read as they are; the verdict then says what differs.
    """
    clients = list(operations.clients.values())
    try:
        statuses = await convergence.wait_converged(clients, deadline_seconds=deadline_seconds)
        for node, status in statuses.items():
            operations.log.sample(node, status)
    except NotConvergedError:
        pass
    await operations.read("final")
    verdict = judge(read_records(operations.log.path))
    operations.log.verdict(verdict.as_record())
    return verdict


def verdict_lines(verdict: Verdict, *, most: int = 10) -> list[str]:
    """The verdict in plain words: its first problems and the promises they break, then the word itself."""
    problems = [*(f"{one.promise}: {one.words}" for one in verdict.findings), *verdict.unproven]
    hidden = len(problems) - most
    gone = f", {verdict.gone} gone with a disk (declared at risk)" if verdict.gone else ""
    return [
        *(f"  {problem}" for problem in problems[:most]),
        *([f"  … and {hidden} more"] if hidden > 0 else []),
        f"VERDICT {verdict.result}: {verdict.acknowledged} acknowledged, {verdict.lost} lost{gone},"
        f" {verdict.duplicated} duplicated, {verdict.oversold} oversold, {_converged(verdict.converged)}",
    ]


def _converged(converged: bool | None) -> str:
    return {True: "converged", False: "not converged", None: "convergence unknown"}[converged]
