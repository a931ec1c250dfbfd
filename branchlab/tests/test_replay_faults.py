"""All that is wrong with a history is said at once with its place; what is played without it, is whole."""

import csv
from pathlib import Path

import pytest

from branchlab.errors import LabError
from branchlab.teaching.replay.faults import Fault, lines, write_rejected
from branchlab.teaching.replay.files import load
from branchlab.teaching.replay.meaning.understanding import Understood, Wanted
from branchlab.tests.replay_files import CUSTOMERS, ORDERS, PRODUCTS, write


def told(understood: Understood) -> list[str]:
    return [str(fault) for fault in understood.faults]


@pytest.mark.parametrize(
    ("file", "old", "new", "words"),
    [
        (
            "products",
            "18.00",
            "18,00",
            "products.csv line 2: has 4 values, the heading has 3; a comma inside",
        ),
        ("products", "18.00", "-1", "line 2, column price, '-1': is no amount in whole cents such as 18.00"),
        ("products", "18.00", "-1", "returns and cancellations are no orders"),
        ("products", "18.00", "1.005", "'1.005': is no amount in whole cents"),
        ("products", "18.00", "NaN", "'NaN': is no amount"),
        ("products", "18.00", "1e3", "'1e3': is no amount"),
        ("products", "18.00", "", "products.csv line 2, column price: is empty"),
        ("products", "18.00", "10000000000.01", "is no amount"),
        ("products", "CHA,", "cafe,", "line 3, column sku, 'cafe': is the sku of line 2, too"),
        ("products", "Café", "", "products.csv line 2, column name: is empty"),
        ("products", "Café", "C" * 201, "has 201 characters; a node takes at most 200"),
        ("products", "Café", "Ca\x07fé", r"'Ca\x07fé': has the control character U+0007"),
        ("products", "Café", "Ca\u0085fé", r"'Ca\x85fé': has the control character U+0085"),
        ("products", "Café", '"Ca\nfé"', r"'Ca\nfé': has the control character U+000A"),
        ("products", "CHA,", "x" * 65 + ",", "has 65 characters; a node takes at most 64"),
        ("products", "CHA,", "0b0e7f2e-9a53-5f0b-9d3c-0d9a6d9c7d11,", "could be taken for an id"),
        ("products", "Chá", '"Chá', "products.csv line 3: opens a quote that is never closed"),
        ("products", "Chá", '"Chá" fino', "products.csv line 3: has text behind a closing quote"),
        ("products", "price", "cost", "products.csv line 1, column price: is missing: no column is named"),
        ("products", "name", "sku", "column sku: is there more than once: 'sku' and 'sku'"),
        ("products", PRODUCTS, "", "products.csv line 1: is empty"),
        ("products", PRODUCTS, "sku,name,price\n", "products.csv line 1: has no lines after its heading"),
        (
            "products",
            "CHA,",
            "CH\u200bA,",
            r"'CH\u200bA': has U+200B, which cannot be seen; no node takes that",
        ),
        ("products", "Chá", "Ch\u202eá", "has U+202E, which changes the direction of text"),
        ("products", "Chá", "Ch\ufdd0á", "has U+FDD0, which stands for no character"),
        ("products", "Chá", "\u2060", "line 3, column name"),
        ("customers", "BIA,", "ANA,", "customers.csv line 3, column code, 'ANA': is the code of line 2, too"),
        ("customers", "contact,city", "e-mail,city", "column email, 'Bia': is no e-mail address"),
        ("customers", "Recife", "R" * 101, "column city, 'RRR"),
        ("orders", "CAFE,12", "CAFE,0", "line 2, column quantity, '0': is no whole number from 1 to 1000000"),
        ("orders", "CAFE,12", "CAFE,1000001", "'1000001': is no whole number"),
        ("orders", "CAFE,12", "CAFE,1.5", "'1.5': is no whole number"),
        ("orders", "CAFE,12", "CAFE,²", "'²': is no whole number"),
        ("orders", "CAFE,12", "CAFE,-3", "returns and cancellations are no orders"),
        (
            "orders",
            "ANA,CHA",
            "BIA,CHA",
            "line 3, column customer, 'BIA': is another customer than 'ANA' in line 2",
        ),
        ("orders", "Norte,ANA,CHA", "Sul,ANA,CHA", "column branch, 'Sul': is another branch than 'Norte'"),
        ("orders", "Sul,BIA", "Sul,EVA", "line 4, column customer, 'EVA': is not in customers.csv"),
        ("orders", "ANA,CHA", "ANA,MATE", "line 3, column sku, 'MATE': is not in products.csv"),
        ("orders", "1,2026-01-02,Norte,ANA,CHA", "1,2026-01-02,,ANA,CHA", "column branch: is empty"),
        ("orders", "1,2026-01-02,Norte,ANA,CHA", ",2026-01-02,Norte,ANA,CHA", "column order: is empty"),
        ("orders", "2026-01-03", "2026-02-30", "'2026-02-30': is no date in the form year-month-day"),
        ("orders", "2026-01-03", "", "orders.csv line 4, column date: is empty"),
        ("orders", "2026-01-03,", "", "orders.csv line 4: has 6 values, the heading has 7"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(
    tmp_path: Path, file: str, old: str, new: str, words: str
) -> None:
    original = {"products": PRODUCTS, "customers": CUSTOMERS, "orders": ORDERS}[file]

    faults = told(load(write(tmp_path, **{file: original.replace(old, new, 1)})))

    assert [line for line in faults if words in line] != [], faults
    assert faults[0].startswith(file)
    assert all("\n" not in line for line in faults)


def test_every_fault_of_every_file_is_listed_at_once(tmp_path: Path) -> None:
    understood = load(
        write(
            tmp_path,
            products=PRODUCTS.replace("9.5", "free"),
            customers=CUSTOMERS.replace("Bia Reis", ""),
            orders=ORDERS.replace("CAFE,5", "CAFE,many").replace("2026-01-04", "yesterday"),
        )
    )

    assert [(fault.file, fault.line, fault.column, fault.value) for fault in understood.faults] == [
        ("products.csv", 3, "price", "free"),
        ("customers.csv", 3, "name", ""),
        ("orders.csv", 4, "quantity", "many"),
        ("orders.csv", 5, "date", "yesterday"),
    ]


def test_one_row_may_have_several_faults(tmp_path: Path) -> None:
    orders = ORDERS.replace("3,2026-01-04,Norte,BIA,CAFE,1,18.00", "3,soon,,EVA,MATE,none,free")

    columns = [fault.column for fault in load(write(tmp_path, orders=orders)).faults]
    assert columns == ["branch", "customer", "date", "quantity", "sku", "unit_price"]


def test_a_fault_in_the_catalogue_is_not_repeated_for_every_order(tmp_path: Path) -> None:
    understood = load(write(tmp_path, products=PRODUCTS.replace("18.00", "free")))

    assert len(understood.faults) == 1
    assert understood.history.orders == ()
    assert understood.orders_left_out == 3
    assert [fault.line for fault in understood.left_out] == [2, 3, 4, 5]
    assert understood.left_out[0].reason == "order 1 is left out: products.csv line 2 has a fault"


def test_an_order_is_played_whole_or_not_at_all(tmp_path: Path) -> None:
    understood = load(write(tmp_path, orders=ORDERS.replace("CHA,1", "CHA,none")))

    assert [order.order for order in understood.history.orders] == ["2", "3"]
    assert [(fault.line, fault.reason) for fault in understood.left_out] == [
        (2, "order 1 is left out: line 3 has a fault")
    ]


@pytest.mark.parametrize(
    ("old", "new", "played"),
    [
        ("1,2026-01-02,Norte,ANA,CHA,1,9.00", "1,2026-01-02,Norte,ANA,CHA,1,9,00", ["2", "3"]),
        ("1,2026-01-02,Norte,ANA,CHA,1,9.00", '1,"2026-01-02" x,Norte,ANA,CHA,1,9.00', ["3"]),
        ("1,2026-01-02,Norte,ANA,CHA,1,9.00", "17,2026-01-02,Norte,ANA,CHA", ["1", "2", "3"]),
    ],
)
def test_a_row_that_cannot_be_read_takes_the_orders_it_may_belong_to_along(
    tmp_path: Path, old: str, new: str, played: list[str]
) -> None:
    understood = load(write(tmp_path, orders=ORDERS.replace(old, new)))

    assert [order.order for order in understood.history.orders] == played
    assert len(understood.faults) == 1


def test_an_order_of_more_than_a_thousand_lines_is_one_fault(tmp_path: Path) -> None:
    line = "9,2026-01-05,Sul,ANA,CAFE,1,18.00\n"
    understood = load(write(tmp_path, orders=ORDERS + line * 1002))

    assert told(understood) == [
        "orders.csv line 1006, column order, '9': has 1002 lines; a node takes at most 1000 in one order"
    ]
    assert len(understood.history.orders) == 3


def test_an_order_that_costs_more_than_a_node_can_store_is_a_fault(tmp_path: Path) -> None:
    products = PRODUCTS.replace("18.00", "10000000000.00")
    orders = ORDERS + "9,2026-01-05,Sul,ANA,CAFE,1000000,18.00\n" * 10

    assert (
        "costs more in total than a node can store"
        in told(load(write(tmp_path, products=products, orders=orders)))[0]
    )


@pytest.mark.parametrize(
    "products", ["", "sku,name,cost\nCAFE,Café,18.00\n", 'sku,name,price\nCAFE,Café,18.00\n"CHA\n']
)
def test_names_that_an_unread_line_may_have_are_no_faults(tmp_path: Path, products: str) -> None:
    understood = load(write(tmp_path, products=products))

    assert [fault.file for fault in understood.faults] == ["products.csv"]
    assert "1" not in {order.order for order in understood.history.orders}


@pytest.mark.parametrize("data", [b"\x81\x8d\x8f\x90\x9d\xff" * 20, b"\xff\xfea", b"\x00\x01\x02" * 10])
def test_a_file_that_is_no_text_is_one_fault(tmp_path: Path, data: bytes) -> None:
    understood = load(write(tmp_path, products=data))

    assert not understood.is_legible
    assert {fault.file for fault in understood.faults} == {"products.csv"}


@pytest.mark.parametrize("start", [b"PK\x03\x04\x14\x00", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"])
def test_a_spreadsheet_is_named_as_one(tmp_path: Path, start: bytes) -> None:
    understood = load(write(tmp_path, orders=start + bytes(range(256)) * 4))

    assert told(understood) == ["orders.csv line 1: is a spreadsheet, and no text; save it as CSV"]


def test_amounts_that_can_be_two_numbers_are_asked_about(tmp_path: Path) -> None:
    products = PRODUCTS.replace("18.00", "1.500").replace("9.5", "2.250")
    orders = ORDERS.replace("18.00", "18").replace("9.00", "9")  # no decimals that would show it
    files = write(tmp_path, products=products, orders=orders)

    (fault,) = load(files).faults
    assert str(fault) == (
        "products.csv line 2, column price, '1.500': is 1.500 with a decimal point, 1500 with a decimal"
        " comma; say which with --decimal point or --decimal comma"
    )
    assert load(files, Wanted(decimal=",")).history.products[0].price_cents == 150_000
    assert load(files, Wanted(decimal=".")).history.products[0].price_cents == 150


def test_fifty_faults_are_shown_and_the_others_counted() -> None:
    shown = lines([Fault("orders.csv", line, "sku", "x", "is not there") for line in range(2, 62)])

    assert len(shown) == 51
    assert shown[-1] == "… and 10 more faults"


def test_a_long_value_is_cut_on_screen() -> None:
    fault = Fault("orders.csv", 2, "order", "9" * 180, "is too long")

    assert str(fault) == f"orders.csv line 2, column order, '{'9' * 60}…': is too long"


def test_rejected_lines_are_written_with_their_reason_and_their_row(tmp_path: Path) -> None:
    rows = [
        Fault("orders.csv", 2, "quantity", "1,5", "is no whole number", ("1", "1,5", 'a "b"')),
        Fault("orders.csv", 3, None, "", "order 1 is left out", ("1", "\udce9")),
    ]
    write_rejected(rows, tmp_path / "rejected.csv")

    with (tmp_path / "rejected.csv").open(encoding="utf-8", newline="") as file:
        assert list(csv.reader(file)) == [
            ["file", "line", "column", "value", "reason", "row"],
            ["orders.csv", "2", "quantity", "1,5", "is no whole number", '1,"1,5","a ""b"""'],
            ["orders.csv", "3", "", "", "order 1 is left out", r"1,\udce9"],
        ]


def test_rejected_lines_that_cannot_be_written_are_one_plain_line(tmp_path: Path) -> None:
    with pytest.raises(LabError, match=r"cannot write .*name another place with --rejected"):
        write_rejected([], tmp_path)
