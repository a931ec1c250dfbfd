"""A history in its documented form is read whole; what no file can mean is one plain line."""

from pathlib import Path

import pytest

from branchlab.errors import LabError
from branchlab.teaching.replay.files import load, write_template
from branchlab.teaching.replay.history import HistoryLine, HistoryOrder, HistoryProduct
from branchlab.tests.replay_files import ORDERS, write


def test_a_history_is_read_with_money_in_cents(tmp_path: Path) -> None:
    history = load(write(tmp_path)).history

    assert history.products == (HistoryProduct("CAFE", "Café", 1800), HistoryProduct("CHA", "Chá", 950))
    assert history.customers[0] == {"code": "ANA", "name": "Ana Lima", "city": "Recife"}
    assert history.orders[0] == HistoryOrder(
        "1", "2026-01-02", "Norte", "ANA", (HistoryLine("CAFE", 12, 1800), HistoryLine("CHA", 1, 900))
    )


def test_orders_are_grouped_by_branch_in_order_of_time(tmp_path: Path) -> None:
    branches = load(write(tmp_path)).history.orders_by_branch()

    assert {branch: [order.order for order in orders] for branch, orders in branches.items()} == {
        "Norte": ["1", "3"],
        "Sul": ["2"],
    }


def test_the_units_all_orders_need_are_counted(tmp_path: Path) -> None:
    assert load(write(tmp_path)).history.units_needed() == {"CAFE": 18, "CHA": 1}


def test_a_directory_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="none is no directory; a history needs"):
        load(tmp_path / "none")


def test_a_file_that_is_not_there_is_named_in_both_languages(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "orders.csv").unlink()

    with pytest.raises(LabError, match=r"there is no .*orders\.csv \(pedidos\.csv\)"):
        load(tmp_path)


def test_files_of_both_languages_side_by_side_are_refused(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "pedidos.csv").write_text(ORDERS, encoding="utf-8")

    with pytest.raises(LabError, match=r"holds orders\.csv and pedidos\.csv; leave one of them"):
        load(tmp_path)


def test_the_names_of_the_files_may_be_in_any_case(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "orders.csv").rename(tmp_path / "Pedidos.CSV")

    assert len(load(tmp_path).history.orders) == 3


@pytest.mark.parametrize("portuguese", [False, True])
def test_the_template_is_a_history_without_faults(tmp_path: Path, portuguese: bool) -> None:
    paths = write_template(tmp_path / "new", portuguese=portuguese)

    understood = load(tmp_path / "new")
    assert understood.faults == ()
    assert len(understood.history.orders) == 2
    assert understood.history.orders[0].lines[0].unit_price_cents == 1890
    assert ("pedidos.csv" in {path.name for path in paths}) == portuguese


def test_both_templates_say_the_same(tmp_path: Path) -> None:
    write_template(tmp_path / "en", portuguese=False)
    write_template(tmp_path / "pt", portuguese=True)

    english, portuguese = (load(tmp_path / language).history for language in ("en", "pt"))
    assert english.products == portuguese.products
    assert english.customers == portuguese.customers
    assert [order.lines for order in english.orders] == [order.lines for order in portuguese.orders]


def test_a_template_overwrites_nothing(tmp_path: Path) -> None:
    write(tmp_path)

    with pytest.raises(LabError, match="is there already; name an empty directory"):
        write_template(tmp_path, portuguese=False)
