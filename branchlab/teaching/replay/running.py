"""Plays one history through the running network, and shows what became of it."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from branchlab import settings
from branchlab.checking.evidence import collect
from branchlab.checking.operations import Patience
from branchlab.checking.run import RunOutcome, begin
from branchlab.checking.runlog import RunLog, read_records
from branchlab.console import out, show
from branchlab.errors import LabError
from branchlab.language import _
from branchlab.networks.network import Network
from branchlab.nodes.keys import same_key
from branchlab.steps import Tell, silent
from branchlab.teaching.replay import progress, report
from branchlab.teaching.replay.history import History
from branchlab.teaching.replay.player import Pace, Played, play
from branchlab.teaching.replay.prepare import Prepared, load_catalogue, receipts_of
from branchlab.teaching.replay.report import Summary, summarise


@dataclass(frozen=True)
class Plan:
    """What one replay is asked to do. `rejected` counts the orders of the files that are not in `history`;
    `rate` are orders a second, None for as many as `clients` can place."""

    history: History
    mapping: Mapping[str, str]
    stock: Mapping[str, int]
    clients: int
    run: str
    rate: float | None = None
    rejected: int = 0
    patience: Patience = field(default_factory=Patience)


@dataclass(frozen=True)
class Replayed:
    """All that one replay found. `left` are the units of its products still available, per node."""

    prepared: Prepared
    played: list[Played]
    summary: Summary
    outcome: RunOutcome
    left: Mapping[str, int]

    def if_all_expected(self) -> "Replayed":
        """This replay, with a failure more for each kind of order of the files that was not accepted."""
        summary = self.summary
        failures = [
            _("{count} of the orders were {what}", count=count, what=what)
            for count, what in (
                (summary.orders - summary.accepted, _("not accepted")),
                (summary.rejected, _("rejected before they were sent")),
            )
            if count
        ]
        return replace(self, outcome=replace(self.outcome, failures=(*self.outcome.failures, *failures)))


async def run_replay(
    plan: Plan, current: Network, secrets: settings.Secrets, log: RunLog, *, tell: Tell = silent
) -> Replayed:
    """Loads, plays and judges; needs a network whose nodes are all ready and agree."""
    history = plan.history
    counts = {branch: len(orders) for branch, orders in history.orders_by_branch().items()}
    steps = len(history.products) + len(history.customers) + len(receipts_of(plan.stock))
    async with begin(log, current, secrets, what="replay", run=plan.run, tell=tell) as under_way:
        operations = under_way.operations
        with progress.shown(steps=steps, orders=counts, tell=tell) as shown:
            await under_way.look_around()
            prepared = await load_catalogue(
                operations, current.names[0], history, plan.stock, advance=shown.catalogue_step
            )
            shown.catalogue_done()
            await under_way.converge()
            began = time.monotonic()
            played = await play(
                operations,
                history,
                plan.mapping,
                run=plan.run,
                concurrency=plan.clients,
                patience=plan.patience,
                on_played=shown.played,
                pace=Pace(plan.rate),
            )
            seconds = time.monotonic() - began
        outcome = RunOutcome(verdict=await under_way.conclude(), log=log.path)
        summary = summarise(played, outcome.verdict, seconds=seconds, rejected=plan.rejected)
        return Replayed(prepared, played, summary, outcome, _left(log.path, plan.stock))


def _left(log: Path, stock: Mapping[str, int]) -> dict[str, int]:
    """Node → units of the history's products still available there, as read at the end."""
    skus = {same_key(sku) for sku in stock}
    evidence = collect(read_records(log))
    return {
        node: sum(product["available"] for sku, product in evidence.final[node].stock.items() if sku in skus)
        for node in evidence.nodes
        if node in evidence.final
    }


def print_replayed(plan: Plan, replayed: Replayed) -> None:
    """Shows the counts of a replay, and why orders were refused."""
    prepared, summary = replayed.prepared, replayed.summary
    out.print(
        _(
            "created {products} products and {customers} customers, received {units} units at one"
            " node, split equally",
            products=prepared.products,
            customers=prepared.customers,
            units=prepared.units,
        )
    )
    if prepared.products_kept or prepared.customers_kept:
        out.print(
            _(
                "kept {products_kept} products and {customers_kept} customers that were there"
                " ({other_price} products at another price)",
                products_kept=prepared.products_kept,
                customers_kept=prepared.customers_kept,
                other_price=prepared.other_price,
            )
        )
    out.print(report.branch_table(replayed.played, plan.mapping))
    show(report.ended_well(replayed.played))
    if lines := report.ended_badly(replayed.played):
        out.print(_("orders that were not accepted ({count}):", count=len(lines)))
        show(f"  {line}" for line in report.shown_lines(lines, replayed.outcome.log.name))
    out.print(
        _(
            "{accepted} of {orders} accepted, {accepted_first_try} at the first try; {refused}"
            " refused, {unknown} unknown, {retries} retries, {repriced} lines repriced, {seconds:.1f}"
            " s",
            accepted=summary.accepted,
            orders=summary.orders,
            accepted_first_try=summary.accepted_first_try,
            refused=summary.refused,
            unknown=summary.unknown,
            retries=summary.retries,
            repriced=summary.repriced,
            seconds=summary.seconds,
        )
    )
    if summary.rejected:
        out.print(
            _("orders of the files that were rejected and not played: {rejected}", rejected=summary.rejected)
        )
    out.print(
        _("units left: {units}", units=", ".join(f"{node} {left}" for node, left in replayed.left.items()))
    )


def write_json(path: Path, summary: Summary) -> None:
    """Writes the counts for programs. LabError when that is not possible."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(summary.as_json(), indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise LabError(_("cannot write {path}: {strerror}", path=path, strerror=error.strerror)) from None
