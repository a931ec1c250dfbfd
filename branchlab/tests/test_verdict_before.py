"""What happened to a network before a run is no fault of the run: it is read at its start."""

from pathlib import Path
from typing import cast

from branchlab.checking.verdict import Verdict, judge
from branchlab.nodes.contract import Order, Stock
from branchlab.tests.run_records import HandMadeRun, make_order, make_stock

EARLIER = make_order(1, quantity=2)
ORDER = make_order(2, quantity=3)


def with_row(stock: Stock, **changes: object) -> Stock:
    return cast(Stock, {**stock, "rows": [{**stock["rows"][0], **changes}]})


def verdict_after(directory: Path, before: Stock, final: Stock, *earlier: Order) -> Verdict:
    """Over a run that receives one unit and sells three on a network with this past."""
    run = HandMadeRun(directory)
    run.read(earlier, [before], phase="before")
    run.receive(1)
    run.order(ORDER)
    run.read([*earlier, ORDER], [final])
    return judge(run.records())


def test_units_that_a_count_found_earlier_may_be_sold(tmp_path: Path) -> None:
    before = with_row(make_stock(received=3, sold=2, available=2), returned_frozen=1)
    final = with_row(make_stock(received=4, sold=5, available=0), returned_frozen=1)

    assert verdict_after(tmp_path, before, final, EARLIER).problems == ()


def test_units_found_earlier_are_not_found_twice(tmp_path: Path) -> None:
    before = with_row(make_stock(received=3, sold=2, available=2), returned_frozen=1)
    final = with_row(make_stock(received=4, sold=5, available=1), returned_frozen=2)

    assert verdict_after(tmp_path, before, final, EARLIER).promises["rights"] == "FAIL"


def test_a_sale_whose_order_went_with_a_disk_earlier_stays_in_the_rows(tmp_path: Path) -> None:
    before, final = make_stock(received=6, sold=2), make_stock(received=7, sold=5)

    assert verdict_after(tmp_path, before, final).problems == ()


def test_more_sales_without_orders_than_there_were_are_a_failure(tmp_path: Path) -> None:
    before, final = make_stock(received=6, sold=2), make_stock(received=7, sold=6)

    assert verdict_after(tmp_path, before, final).promises["rights"] == "FAIL"


def test_a_return_to_the_pool_whose_cancellation_was_lost_earlier_stays_in_the_rows(tmp_path: Path) -> None:
    before = with_row(make_stock(received=4, sold=2, available=4), returned=2)
    final = with_row(make_stock(received=5, sold=5, available=2), returned=2)

    assert verdict_after(tmp_path, before, final, EARLIER).problems == ()
