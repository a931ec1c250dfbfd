"""`lab replay DIR`: plays a history through the running network and judges what became of it."""

import asyncio
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from lab import settings
from lab.checking.evidence import collect
from lab.checking.operations import Patience
from lab.checking.run import LOG_NAME, RunOutcome, begin, new_name
from lab.checking.runlog import RunLog, read_records
from lab.console import out, progress, show
from lab.errors import LabError
from lab.networks import network
from lab.networks.network import Network
from lab.nodes.keys import same_key
from lab.options import ENV_FILE, RUN_DIR, EnvFile, RunDir
from lab.teaching.replay import report
from lab.teaching.replay.history import History, load
from lab.teaching.replay.mapping import assign, parse_overrides
from lab.teaching.replay.player import Played, play
from lab.teaching.replay.prepare import Prepared, load_catalogue, stock_wanted
from lab.teaching.replay.report import Summary, summarise


@dataclass(frozen=True)
class Plan:
    """What one replay is asked to do."""

    history: History
    mapping: Mapping[str, str]
    stock: Mapping[str, int]
    concurrency: int
    run: str
    patience: Patience = field(default_factory=Patience)


@dataclass(frozen=True)
class Replayed:
    """All that one replay found. `left` are the units of its products still available, per node."""

    prepared: Prepared
    played: list[Played]
    summary: Summary
    outcome: RunOutcome
    left: Mapping[str, int]


def replay(
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", help="Holds products.csv, customers.csv and orders.csv.")
    ],
    *,
    node_of_branch: Annotated[
        list[str] | None,
        typer.Option("--map", metavar="BRANCH=NODE", help="Where a branch's orders are played; repeatable."),
    ] = None,
    concurrency: Annotated[int, typer.Option(min=1, max=256, help="Orders under way at once, in total.")] = 8,
    stock: Annotated[
        str, typer.Option(metavar="exact|times:K", help="Stock what the orders need, or K times that.")
    ] = "exact",
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Also write the counts there as JSON.")
    ] = None,
    expect_all: Annotated[
        bool, typer.Option("--expect-all", help="Also exit 1 unless every order was accepted.")
    ] = False,
    run_dir: RunDir = RUN_DIR,
    env_file: EnvFile = ENV_FILE,
) -> None:
    """Play an order history through the network; exit 1 when anything is lost, doubled or oversold."""
    history = load(directory)
    current = network.load(run_dir)
    counts = {branch: len(orders) for branch, orders in history.orders_by_branch().items()}
    plan = Plan(
        history=history,
        mapping=assign(counts, current.names, overrides=parse_overrides(node_of_branch or [])),
        stock=stock_wanted(history, stock),
        concurrency=concurrency,
        run=new_name("replay"),
    )
    show(
        f"branch {branch} ({count} orders) plays at {plan.mapping[branch]}"
        for branch, count in counts.items()
    )
    with RunLog(run_dir / LOG_NAME) as log:
        replayed = asyncio.run(run_replay(plan, current, settings.load_or_create(env_file), log))
        _print(plan, replayed)
    if json_file is not None:
        _write_json(json_file, replayed.summary)
    all_accepted = replayed.summary.accepted == replayed.summary.orders
    raise typer.Exit(replayed.outcome.exit_code or int(expect_all and not all_accepted))


async def run_replay(plan: Plan, current: Network, secrets: settings.Secrets, log: RunLog) -> Replayed:
    """Loads, plays and judges; needs a network whose nodes are all ready and agree."""
    async with begin(log, current, secrets, what="replay", run=plan.run) as under_way:
        operations = under_way.operations
        with _progress(plan) as bars:
            await under_way.look_around()
            prepared = await load_catalogue(
                operations, current.names[0], plan.history, plan.stock, advance=bars.catalogue_step
            )
            bars.catalogue_done()
            await under_way.converge()
            began = time.monotonic()
            played = await play(
                operations,
                plan.history,
                plan.mapping,
                run=plan.run,
                concurrency=plan.concurrency,
                patience=plan.patience,
                on_played=bars.played,
            )
            seconds = time.monotonic() - began
        outcome = RunOutcome(verdict=await under_way.conclude(), log=log.path)
        summary = summarise(played, outcome.verdict, seconds=seconds)
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


class _Bars:
    """One progress bar for the catalogue and one per branch, moved as things happen."""

    def __init__(self, bars: Progress, plan: Plan) -> None:
        self._bars = bars
        steps = len(plan.history.products) + len(plan.history.customers) + len(plan.stock)
        self._catalogue = bars.add_task("catalogue and stock", total=steps)
        self._branches = {
            branch: bars.add_task(escape(branch), total=len(orders), start=False)
            for branch, orders in plan.history.orders_by_branch().items()
        }

    def catalogue_step(self) -> None:
        self._bars.advance(self._catalogue)

    def catalogue_done(self) -> None:
        """The bar jumps to its end, since what was kept needed no step; the branches' clocks start."""
        total = self._bars.tasks[self._catalogue].total
        self._bars.update(self._catalogue, completed=total)
        for task in self._branches.values():
            self._bars.start_task(task)

    def played(self, played: Played) -> None:
        self._bars.advance(self._branches[played.order.branch])


@contextmanager
def _progress(plan: Plan) -> Iterator[_Bars]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=progress) as bars:
        yield _Bars(bars, plan)


def _print(plan: Plan, replayed: Replayed) -> None:
    prepared, summary = replayed.prepared, replayed.summary
    out.print(
        f"created {prepared.products} products and {prepared.customers} customers, received"
        f" {prepared.units} units at one node, split equally"
    )
    if prepared.products_kept or prepared.customers_kept:
        out.print(
            f"kept {prepared.products_kept} products and {prepared.customers_kept} customers that were there"
            f" ({prepared.other_price} products at another price)"
        )
    out.print(report.branch_table(replayed.played, plan.mapping))
    lines = report.reasons(replayed.played)
    if lines:
        out.print(f"refused requests, one line each ({len(lines)}):")
        show(f"  {line}" for line in report.shown_reasons(lines, replayed.outcome.log.name))
    out.print(
        f"{summary.accepted} of {summary.orders} accepted, {summary.accepted_first_try} at the first try;"
        f" {summary.refused} refused, {summary.unknown} unknown, {summary.retries} retries,"
        f" {summary.repriced} lines repriced, {summary.seconds:.1f} s"
    )
    out.print("units left: " + ", ".join(f"{node} {units}" for node, units in replayed.left.items()))
    show(replayed.outcome.lines())


def _write_json(path: Path, summary: Summary) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(summary.as_json(), indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise LabError(f"cannot write {path}: {error.strerror}") from None
