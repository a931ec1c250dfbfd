"""The frame of every run: a log, a client on each node, what was there before, what is played, the verdict.

with open_log(directory, new_name("…")) as log:
    async with begin(log, network, secrets, what="…", run=new_name("…")) as run:
        await run.look_around()      # all agree, and what is there is read
        …                            # whatever is played
        verdict = await run.conclude()
"""

import os
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random

from branchlab.checking.operations import Operations
from branchlab.checking.runlog import RunLog, read_records
from branchlab.checking.runs import shown_path
from branchlab.checking.verdict import EXIT_CODES, Result, Verdict, judge, verdict_lines, worst
from branchlab.errors import LabError
from branchlab.language import N_, _, counted, deferred, shown
from branchlab.networks.network import Network
from branchlab.nodes import convergence
from branchlab.nodes.client import DEFAULT_TIMEOUT, NodeClient
from branchlab.nodes.contract import Status
from branchlab.nodes.convergence import DEFAULT_DEADLINE_SECONDS, NotConvergedError, Statuses
from branchlab.nodes.outcome import Refused, Unknown
from branchlab.nodes.password import is_wrong, wrong_password
from branchlab.settings import Secrets
from branchlab.steps import Tell, silent

_MOST_FAILURES = 10  # on screen
_MOST_READINGS = 3  # of all nodes at the end, until nothing is written meanwhile
_WRITTEN_MEANWHILE = N_("the nodes were still being written to")


def new_name(what: str) -> str:
    """A unique name for one run: its kind, its start, and a random part."""
    return f"{what}-{datetime.now(UTC):%Y%m%dT%H%M%S}-{os.urandom(2).hex()}"


def new_tag(what: str) -> str:
    """A short one, for names of what a run creates."""
    return f"{what[:2].upper()}{os.urandom(2).hex().upper()}"


@dataclass(frozen=True, kw_only=True)
class RunOutcome:
    """The outcome of a run: the verdict over its log, facts to show, expectations that were not met, and what
    was not there in time to be judged."""

    verdict: Verdict
    log: Path
    facts: tuple[str, ...] = ()
    failures: tuple[str, ...] = ()
    unjudged: tuple[str, ...] = ()

    @property
    def result(self) -> Result:
        """FAIL when an expectation or a promise did not hold, else UNKNOWN when one was not judged."""
        if self.failures:
            return "FAIL"
        return worst(self.verdict.result, "UNKNOWN" if self.unjudged else "PASS")

    @property
    def exit_code(self) -> int:
        """0 when everything went as it should, 1 when not, 2 when that is unknown."""
        return EXIT_CODES[self.result]

    def lines(self) -> list[str]:
        """The short plain summary, and where the log is."""
        hidden = len(self.failures) - _MOST_FAILURES
        return [
            *(f"  {shown(fact)}" for fact in self.facts),
            *(_("  FAILED: {failure}", failure=failure) for failure in self.failures[:_MOST_FAILURES]),
            *([_("  … and {hidden} more failures", hidden=hidden)] if hidden > 0 else []),
            *(_("  NOT JUDGED: {what}", what=one) for one in self.unjudged[:_MOST_FAILURES]),
            *verdict_lines(self.verdict),
            _("run log: {path}", path=shown_path(self.log)),
        ]


def closing_line(what: str, outcomes: Sequence[RunOutcome]) -> str:
    """The one last line of a verb; it agrees with `exit_code_of` the same outcomes."""
    failures = sum(len(one.failures) for one in outcomes)
    unjudged = sum(len(one.unjudged) for one in outcomes)
    reasons = [counted("{n} expectation", "{n} expectations", failures)] if failures else []
    reasons += [_("{unjudged} not judged in time", unjudged=unjudged)] if unjudged else []
    said = f" ({', '.join(reasons)})" if reasons else ""
    promises = worst(*(one.verdict.result for one in outcomes))
    return _(
        "{what} {result}{said} · promises {promises}",
        what=what,
        result=worst(*(one.result for one in outcomes)),
        said=said,
        promises=promises,
    )


def exit_code_of(outcomes: Sequence[RunOutcome]) -> int:
    """1 when any of them failed, else 2 when any is unknown, else 0."""
    return EXIT_CODES[worst(*(one.result for one in outcomes))]


@dataclass(frozen=True)
class Run:
    """A run under way: every member has a client, and everything they do is written to one log. `tell` gets
    what it waits for."""

    operations: Operations

    tell: Tell = silent

    async def look_around(self) -> None:
        """Waits until all nodes agree, then reads them before the run. NotConvergedError as `converge`."""
        await self.converge()
        await self.operations.read("before", tell=self.tell)

    async def converge(
        self, *, deadline_seconds: float = DEFAULT_DEADLINE_SECONDS
    ) -> dict[str, Status | None]:
        """Waits until all nodes agree; returns the last reading. NotConvergedError names the obstacles."""
        clients = list(self.operations.clients.values())
        self.tell(_("waiting until the nodes agree…"))
        return await convergence.wait_converged(clients, deadline_seconds=deadline_seconds, tell=self.tell)

    async def conclude(self, *, deadline_seconds: float = DEFAULT_DEADLINE_SECONDS) -> Verdict:
        """Waits until the nodes agree or the deadline passes. Then reads them all, judges the log, and writes
        the verdict.

        Nodes that do not agree in time are read as they are. The differences are then no failure, since what
        is missing may be on its way, but unknown. So are those between nodes that were written to meanwhile.
        """
        log = self.operations.log
        try:
            before = await self.converge(deadline_seconds=deadline_seconds)
        except NotConvergedError as error:
            await self.operations.read("final", tell=self.tell)
            log.agreement(deferred("they did not agree {error}", error=error))
        else:
            for node, status in before.items():
                log.sample(node, status)
            log.agreement(await self._read_at_rest(before))
        self.tell(_("judging the run by its log {path}…", path=shown_path(log.path)))
        verdict = judge(read_records(log.path))
        log.verdict(verdict.as_record())
        return verdict

    async def _read_at_rest(self, before: Statuses) -> str | None:
        """Reads every node while nobody writes. Returns why that could not be, if somebody never stopped."""
        operations = self.operations
        for _attempt in range(_MOST_READINGS):
            shown = await operations.shown(tell=self.tell)
            after = await convergence.read_all([*operations.clients.values()])
            if is_at_rest := not convergence.has_moved(before, after):
                break
            before = after
        operations.record("final", shown)
        return None if is_at_rest else _WRITTEN_MEANWHILE


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
    alone: bool = False,
    tell: Tell = silent,
) -> AsyncIterator[Run]:
    """Writes the log's first record, then does the same as `go_on`. The run's orders are marked with its id.

    `random` draws the pauses of buyers; without it the run's seed decides. `alone` says that nobody else can
    log in to the network.
    """
    log.start(
        run=run,
        what=what,
        seed=seed,
        nodes={node.name: node.url for node in network.nodes},
        policy=network.policy,
        driver=network.driver,
        may_oversell=network.policy == "optimistic",
        alone=alone,
    )
    async with go_on(
        log,
        network,
        secrets,
        random=random or Random(seed),
        answer_seconds=answer_seconds,
        mark=run,
        tell=tell,
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
    mark: str | None = None,
    tell: Tell = silent,
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
                if isinstance(error, Refused) and await is_wrong(client, error):
                    raise wrong_password(secrets.admin_username) from None
                raise LabError(
                    _(
                        "{name} at {url} takes no login ({error}); try `make status`, then `make up`",
                        name=node.name,
                        url=node.url,
                        error=error,
                    )
                ) from None
            clients[node.name] = client
        yield Run(Operations(clients, log, random=random or Random(), mark=mark), tell)
