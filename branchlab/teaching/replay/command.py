"""`./lab replay DIR`: plays a history through the running network and judges what became of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from branchlab import interruption
from branchlab.checking.run import closing_line, new_name
from branchlab.checking.runs import open_log
from branchlab.console import show, working
from branchlab.errors import LabError
from branchlab.language import _, counted, spoken
from branchlab.networks import lease, network
from branchlab.networks.homes import secrets_fit
from branchlab.options import ENV_FILE, RUN_DIR, EnvFile, RunDir
from branchlab.teaching.replay import faults
from branchlab.teaching.replay.files import load, write_template
from branchlab.teaching.replay.mapping import assign, parse_overrides
from branchlab.teaching.replay.meaning.columns import parse_told
from branchlab.teaching.replay.meaning.dates import is_format
from branchlab.teaching.replay.meaning.numbers import Mark
from branchlab.teaching.replay.meaning.understanding import Understood, Wanted
from branchlab.teaching.replay.prepare import stock_wanted
from branchlab.teaching.replay.reading.decoding import is_encoding
from branchlab.teaching.replay.running import Plan, print_replayed, run_replay, write_json

_DECIMALS: dict[str, Mark] = {"point": ".", "comma": ","}
_REJECTED = "rejected.csv"


@dataclass(frozen=True)
class _Skipping:
    """Whether what is faulty is left out, and where it is written then."""

    wanted: bool
    path: Path


def replay(
    directory: Annotated[
        Path | None,
        typer.Argument(metavar="DIR", help="Holds the three files.", show_default=False),
    ] = None,
    *,
    template: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write example files there, and play nothing.")
    ] = None,
    map_columns: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN=HEADING", help="orders.order=Invoice: what a column is called; repeatable."
        ),
    ] = None,
    date_format: Annotated[
        str | None, typer.Option(metavar="FORMAT", help="Of the dates, as in '%d %b %Y'.")
    ] = None,
    decimal: Annotated[
        str | None, typer.Option(metavar="point|comma", help="What begins the decimals of numbers.")
    ] = None,
    encoding: Annotated[str | None, typer.Option(help="Of the files, such as cp850 or mac_roman.")] = None,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help=f"Play the rest, and write what is faulty to {_REJECTED}.")
    ] = False,
    rejected: Annotated[
        Path | None, typer.Option(metavar="FILE", help=f"Where that goes; DIR/{_REJECTED} if not given.")
    ] = None,
    node_of_branch: Annotated[
        list[str] | None,
        typer.Option("--map", metavar="BRANCH=NODE", help="Where a branch's orders are played; repeatable."),
    ] = None,
    clients: Annotated[
        int,
        typer.Option(
            "--clients",
            "--concurrency",
            metavar="N",
            min=1,
            max=256,
            help="Orders under way at once, in total.",
        ),
    ] = 8,
    rate: Annotated[
        float | None, typer.Option(min=0.01, max=10_000, help="Orders a second at most, in total.")
    ] = None,
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
    """Play an order history through the network; exit 1 when anything is lost, doubled or oversold.

    DIR holds three CSV files, in English or Portuguese (docs/import.md):

    products.csv (produtos.csv), with the columns
      sku, name, price (sku, nome, preco)

    customers.csv (clientes.csv), where only the first two must be there
      code, name, contact, email, phone, city, country
      (codigo, nome, contato, email, telefone, cidade, pais)

    orders.csv (pedidos.csv), with a line for each product of an order
      order, date, branch, customer, sku, quantity, unit_price
      (pedido, data, filial, cliente, sku, quantidade, preco_unitario)

    Separator, encoding, decimal comma and the order of dates are found out and
    said. All faults are listed before anything is sent.
    """
    if template is not None:
        _write_template(template, directory)
        return
    if directory is None:
        raise LabError(
            _("say which history: ./lab replay DIR; or begin one with ./lab replay --template DIR")
        )
    wanted = _wanted(map_columns or [], date_format, decimal, encoding)
    overrides = parse_overrides(node_of_branch or [])
    understood = _read(directory, wanted, _Skipping(skip_bad, rejected or directory / _REJECTED))
    history = understood.history
    current = network.load(run_dir)
    counts = {branch: len(orders) for branch, orders in history.orders_by_branch().items()}
    plan = Plan(
        history=history,
        mapping=assign(counts, current.names, overrides=overrides),
        stock=stock_wanted(history, stock),
        clients=clients,
        run=new_name("replay"),
        rate=rate,
        rejected=understood.orders_left_out,
    )
    show(
        _(
            "branch {branch} ({count} orders) plays at {mapping}",
            branch=branch,
            count=count,
            mapping=plan.mapping[branch],
        )
        for branch, count in counts.items()
    )
    with (
        lease.held(run_dir, plan.run),
        open_log(run_dir, plan.run) as log,
        working(_("looking at the network…")) as tell,
    ):
        replayed = interruption.run(
            run_replay(plan, current, secrets_fit.read(run_dir, env_file), log, tell=tell)
        )
    if expect_all:
        replayed = replayed.if_all_expected()
    print_replayed(plan, replayed)
    show([*replayed.outcome.lines(), closing_line("REPLAY", [replayed.outcome])])
    if json_file is not None:
        write_json(json_file, replayed.summary)
    raise typer.Exit(replayed.outcome.exit_code)


def _write_template(target: Path, directory: Path | None) -> None:
    if directory is not None:
        raise LabError(_("--template DIR writes examples and plays nothing; leave the other DIR out"))
    paths = write_template(target, portuguese=spoken() == "pt-BR")
    show(
        [
            _(
                "wrote {names}; play them with ./lab replay {target}",
                names=", ".join(path.name for path in paths),
                target=target,
            )
        ]
    )


def _wanted(
    map_columns: Sequence[str], date_format: str | None, decimal: str | None, encoding: str | None
) -> Wanted:
    if date_format is not None and not is_format(date_format):
        raise LabError(
            _(
                "--date-format wants a form such as '%d/%m/%Y %H:%M', not '{date_format}'",
                date_format=date_format,
            )
        )
    if decimal is not None and decimal not in _DECIMALS:
        raise LabError(_("--decimal wants point or comma, not '{decimal}'", decimal=decimal))
    if encoding is not None and not is_encoding(encoding):
        raise LabError(_("--encoding: Python reads no text in '{encoding}'", encoding=encoding))
    mark = _DECIMALS[decimal] if decimal is not None else None
    return Wanted(parse_told(map_columns), encoding, date_format, mark)


def _read(directory: Path, wanted: Wanted, skipping: _Skipping) -> Understood:
    """The history in the directory; LabError, with the faults listed, where it is not to be played."""
    understood = load(directory, wanted)
    show(understood.remarks)
    found = understood.faults
    if not found:
        return understood
    show(faults.lines(found))
    if not understood.is_legible:
        raise LabError(
            _("{faults}; a file cannot be read by its heading, so nothing was sent", faults=_how_many(found))
        )
    if not skipping.wanted:
        raise LabError(
            _(
                "{faults}; nothing was sent. Mend the files, or play the rest with --skip-bad",
                faults=_how_many(found),
            )
        )
    if not understood.history.orders:
        raise LabError(_("{faults}; no order is left to play, so nothing was sent", faults=_how_many(found)))
    rows = [*found, *understood.left_out]
    faults.write_rejected(rows, skipping.path)
    show(
        [
            _(
                "{faults}; orders left out: {left_out}, played: {played}; {path} has every reason",
                faults=_how_many(found),
                left_out=understood.orders_left_out,
                played=len(understood.history.orders),
                path=skipping.path,
            )
        ]
    )
    return understood


def _how_many(found: Sequence[faults.Fault]) -> str:
    files = len({fault.file for fault in found})
    return counted(
        "{n} fault in {files} of 3 files", "{n} faults in {files} of 3 files", len(found), files=files
    )
