"""A history is read whole, or refused in one line that names the place and what is wrong."""

from pathlib import Path

import pytest

from lab.errors import LabError
from lab.teaching.replay.history import HistoryLine, HistoryOrder, HistoryProduct, load

PRODUCTS = "sku,name,price\nCAFE,Café,18.00\nCHA,Chá,9.5\n"
CUSTOMERS = "code,name,contact,city\nANA,Ana Lima,,Recife\nBIA,Bia Reis,Bia,\n"
ORDERS = """order,date,branch,customer,sku,quantity,unit_price
1,2026-01-02,Norte,ANA,CAFE,12,18.00
1,2026-01-02,Norte,ANA,CHA,1,9.00
2,2026-01-03,Sul,BIA,CAFE,5,18.00
3,2026-01-04,Norte,BIA,CAFE,1,18.00
"""


def write(directory: Path, **changed: str) -> Path:
    files = {"products": PRODUCTS, "customers": CUSTOMERS, "orders": ORDERS, **changed}
    for name, text in files.items():
        (directory / f"{name}.csv").write_text(text, encoding="utf-8")
    return directory


def test_a_history_is_read_with_money_in_cents(tmp_path: Path) -> None:
    history = load(write(tmp_path))

    assert history.products == (HistoryProduct("CAFE", "Café", 1800), HistoryProduct("CHA", "Chá", 950))
    assert history.customers[0] == {"code": "ANA", "name": "Ana Lima", "city": "Recife"}
    assert history.orders[0] == HistoryOrder(
        "1", "2026-01-02", "Norte", "ANA", (HistoryLine("CAFE", 12, 1800), HistoryLine("CHA", 1, 900))
    )


def test_orders_are_grouped_by_branch_in_the_order_of_the_file(tmp_path: Path) -> None:
    branches = load(write(tmp_path)).orders_by_branch()

    assert {branch: [order.order for order in orders] for branch, orders in branches.items()} == {
        "Norte": ["1", "3"],
        "Sul": ["2"],
    }


def test_the_units_all_orders_need_are_counted(tmp_path: Path) -> None:
    assert load(write(tmp_path)).units_needed() == {"CAFE": 18, "CHA": 1}


def test_a_byte_order_mark_and_further_columns_do_no_harm(tmp_path: Path) -> None:
    products = "\ufeffsku,name,price,units_in_stock\nCAFE,Café,18.00,3\nCHA,Chá,9.5,\n"

    assert len(load(write(tmp_path, products=products)).products) == 2


@pytest.mark.parametrize(
    ("file", "old", "new", "words"),
    [
        ("products", "18.00", "18,00", "products.csv line 2: it has not 3 values as the heading has"),
        ("products", "18.00", "-1", "products.csv line 2: the price '-1' is not an amount such as 18.00"),
        ("products", "18.00", "1.005", "the price '1.005' is not an amount"),
        ("products", "18.00", "NaN", "the price 'NaN' is not an amount"),
        ("products", "CHA,", "cafe,", "products.csv line 3: the sku cafe is there already"),
        ("products", "Café", "", "products.csv line 2: the name is empty"),
        ("products", "price", "cost", "products.csv lacks the column price"),
        ("products", PRODUCTS, "", "products.csv lacks the column sku"),
        ("products", PRODUCTS, "sku,name,price\n", "products.csv has no lines after its heading"),
        ("customers", "BIA,", "ANA,", "customers.csv line 3: the customer ANA is there already"),
        (
            "orders",
            "CAFE,12",
            "CAFE,0",
            "orders.csv line 2: the quantity '0' is not a whole number from 1 to",
        ),
        ("orders", "CAFE,12", "CAFE,1000001", "the quantity '1000001' is not a whole number"),
        ("orders", "CAFE,12", "CAFE,1.5", "the quantity '1.5' is not a whole number"),
        ("orders", "CAFE,12", "CAFE,²", "the quantity '²' is not a whole number"),
        ("orders", "ANA,CHA", "BIA,CHA", "orders.csv line 3: order 1 has another date, branch or customer"),
        ("orders", "Sul,BIA", "Sul,EVA", "orders.csv line 4: the customer EVA is not in customers.csv"),
        ("orders", "ANA,CHA", "ANA,MATE", "orders.csv line 3: the sku MATE is not in products.csv"),
        ("orders", "1,2026-01-02,Norte,ANA,CHA", "1,2026-01-02,,ANA,CHA", "the branch is empty"),
    ],
)
def test_what_is_wrong_is_said_in_one_plain_line(
    tmp_path: Path, file: str, old: str, new: str, words: str
) -> None:
    original = {"products": PRODUCTS, "customers": CUSTOMERS, "orders": ORDERS}[file]
    directory = write(tmp_path, **{file: original.replace(old, new, 1)})

    with pytest.raises(LabError) as refused:
        load(directory)

    assert words in str(refused.value)
    assert "\n" not in str(refused.value)


def test_an_order_of_more_than_a_hundred_lines_is_refused(tmp_path: Path) -> None:
    line = "9,2026-01-05,Sul,ANA,CAFE,1,18.00\n"

    with pytest.raises(LabError, match="order 9 has more than 100 lines"):
        load(write(tmp_path, orders=ORDERS + line * 101))


def test_a_directory_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="there is no directory"):
        load(tmp_path / "none")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "orders.csv").unlink()

    with pytest.raises(LabError, match=r"there is no .*orders\.csv"):
        load(tmp_path)


def test_a_file_that_is_not_utf8_says_how_to_save_it(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "products.csv").write_bytes("sku,name,price\nCAFE,Café,1\n".encode("latin-1"))

    with pytest.raises(LabError, match="is not UTF-8 text"):
        load(tmp_path)


def test_a_quote_left_open_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LabError, match=r"products\.csv is not readable as CSV"):
        load(write(tmp_path, products='sku,name,price\n"CAFE,Café,1\n'))
