"""A small run that kept every promise, to be spoilt, and the checker's verdict over it."""

from collections.abc import Callable
from pathlib import Path

from branchlab.checking.verdict import Verdict, judge
from branchlab.nodes.contract import Order, Stock
from branchlab.tests.run_records import HandMadeRun, make_order, make_stock

ORDER = make_order(1, quantity=2)
STOCK = make_stock(received=10, sold=2)

Spoil = Callable[[HandMadeRun], None]


def verdict_of(directory: Path, spoil: Spoil = lambda _run: None) -> Verdict:
    """Over a run with ten units, an order, a read of it and a sample; `spoil` goes on from there, and reads
    every node."""
    run = HandMadeRun(directory)
    run.receive(10)
    run.order(ORDER)
    run.look_up(ORDER)
    run.sample(heads={"matriz@e1": 3}, stock=[STOCK])
    run.sample(heads={"matriz@e1": 3}, node="filial-sul")
    spoil(run)
    return judge(run.records())


def read(run: HandMadeRun, orders: list[Order], *stock: Stock) -> None:
    """Every node shows the same, and all that can be sold is to be sold at matriz."""
    run.read_at("matriz", orders, [{**one, "here": one["here"] or one["available"]} for one in stock])
    run.read_at("filial-sul", orders, stock)


def with_row(stock: Stock, **changes: object) -> Stock:
    return {**stock, "rows": [{**stock["rows"][0], **changes}]}  # type: ignore[typeddict-item]  # a TypedDict forgets itself in {**}


def as_it_was(run: HandMadeRun) -> None:
    read(run, [ORDER], STOCK)
