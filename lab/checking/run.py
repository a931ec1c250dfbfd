"""The frame of every run: a log, a client on each node, what was there before, what is played, the verdict.

with RunLog(…) as log:
    async with begin(log, network, secrets, what="…", run=new_name("…")) as run:
        await run.look_around()      # all agree, and what is there is read
        …                            # whatever is played
        verdict = await run.conclude()
"""

import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random

from lab.checking.operations import Operations
from lab.checking.runlog import RunLog, read_records
from lab.checking.verdict import Verdict, judge, verdict_lines
from lab.errors import LabError
from lab.networks.network import Network
from lab.nodes import convergence
from lab.nodes.client import DEFAULT_TIMEOUT, NodeClient
from lab.nodes.contract import Status
from lab.nodes.convergence import DEFAULT_DEADLINE_SECONDS, NotConvergedError
from lab.nodes.outcome import Refused, Unknown
from lab.settings import Secrets

LOG_NAME = "run.jsonl"
_MOST_FAILURES = 10  # on screen


def new_name(what: str) -> str:
    """A unique name for one run: its kind, its start, and a random part."""
    return f"{what}-{datetime.now(UTC):%Y%m%dT%H%M%S}-{os.urandom(2).hex()}"


def new_tag(what: str) -> str:
    """A short one, for names of what a run creates."""
    return f"{what[:2].upper()}{os.urandom(2).hex().upper()}"


@dataclass(frozen=True, kw_only=True)
class RunOutcome:
    """The outcome of a run: the verdict over its log, facts to show, and other failures."""

    verdict: Verdict
    log: Path
    facts: tuple[str, ...] = ()
    failures: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """0 when everything went as it should, 1 when not, 2 when that is unknown."""
        return 1 if self.failures else self.verdict.exit_code

    def lines(self) -> list[str]:
        """The short plain summary, and where the log is."""
        hidden = len(self.failures) - _MOST_FAILURES
        return [
            *(f"  {fact}" for fact in self.facts),
            *(f"  FAILED: {failure}" for failure in self.failures[:_MOST_FAILURES]),
            *([f"  … and {hidden} more failures"] if hidden > 0 else []),
            *verdict_lines(self.verdict),
            f"run log: {self.log}",
        ]


@dataclass(frozen=True)
class Run:
    """A run under way: every member has a client, and everything they do is written to one log."""

    operations: Operations

    async def look_around(self) -> None:
        """Waits until all nodes agree, then reads them before the run. NotConvergedError as `converge`."""
        await self.converge()
        await self.operations.read("before")

    async def converge(
        self, *, deadline_seconds: float = DEFAULT_DEADLINE_SECONDS
    ) -> dict[str, Status | None]:
        """Waits until all nodes agree; returns the last reading. NotConvergedError names the obstacles."""
        clients = list(self.operations.clients.values())
        return await convergence.wait_converged(clients, deadline_seconds=deadline_seconds)

    async def conclude(self, *, deadline_seconds: float = DEFAULT_DEADLINE_SECONDS) -> Verdict:
        """Waits until the nodes agree or the deadline passes. Then reads them all, judges the log, and writes
        the verdict.

        Nodes that do not agree in time are read as they are; the verdict then names the differences.
        """
        log = self.operations.log
        try:
            for node, status in (await self.converge(deadline_seconds=deadline_seconds)).items():
                log.sample(node, status)
        except NotConvergedError:
            pass
        await self.operations.read("final")
        verdict = judge(read_records(log.path))
        log.verdict(verdict.as_record())
        return verdict


@asynccontextmanager
async def begin(
    log: RunLog,
    network: Network,
    secrets: Secrets,
    *,
    what: str,
    run: str,
    seed: int | None = None,
    random: Random | None = None,
    answer_seconds: float = DEFAULT_TIMEOUT,
    may_oversell: bool = False,
) -> AsyncIterator[Run]:
    """Writes the log's first record, then does the same as `go_on`.

    `random` draws the pauses of buyers; without it the run's seed decides. With `may_oversell` units sold too
    often are no failure if every node lists them.
    """
    log.start(
        run=run,
        what=what,
        seed=seed,
        nodes={node.name: node.url for node in network.nodes},
        policy=network.policy,
        driver=network.driver,
        may_oversell=may_oversell,
    )
    async with go_on(
        log, network, secrets, random=random or Random(seed), answer_seconds=answer_seconds
    ) as under_way:
        yield under_way


@asynccontextmanager
async def go_on(
    log: RunLog,
    network: Network,
    secrets: Secrets,
    *,
    random: Random | None = None,
    answer_seconds: float = DEFAULT_TIMEOUT,
) -> AsyncIterator[Run]:
    """A client per member, logged in as the admin, that writes to a log already begun. LabError when a node
    refuses the login.

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
        yield Run(Operations(clients, log, random=random or Random()))
