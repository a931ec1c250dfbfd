"""Files as shops really have them: nearly the documented form is read as what it means, and said."""

from collections.abc import Callable
from pathlib import Path

import pytest

from branchlab.errors import LabError
from branchlab.teaching.replay.files import load
from branchlab.teaching.replay.history import History
from branchlab.teaching.replay.meaning.columns import parse_told
from branchlab.teaching.replay.meaning.understanding import Wanted
from branchlab.tests.replay_files import CUSTOMERS, ORDERS, PORTUGUESE_ORDERS, PRODUCTS, write


def whole(directory: Path, wanted: Wanted | None = None) -> History:
    """The history, which has no fault."""
    understood = load(directory, wanted)
    assert [str(fault) for fault in understood.faults] == []
    return understood.history


def semicolons(text: str) -> str:
    return text.replace(",", ";").replace(".", ",")


SPELLINGS: dict[str, Callable[[str], bytes]] = {
    "UTF-8": str.encode,
    "a byte order mark": lambda text: text.encode("utf-8-sig"),
    "UTF-16 with a mark": lambda text: text.encode("utf-16"),
    "UTF-16, the big end first": lambda text: b"\xfe\xff" + text.encode("utf-16-be"),
    "UTF-16 without a mark": lambda text: text.encode("utf-16-le"),
    "UTF-16, the big end first, without a mark": lambda text: text.encode("utf-16-be"),
    "UTF-32 with a mark": lambda text: text.encode("utf-32"),
    "cp1252": lambda text: text.encode("cp1252"),
    "Latin-1": lambda text: text.encode("latin-1"),
    "CRLF": lambda text: text.replace("\n", "\r\n").encode(),
    "the line ends of old Macs": lambda text: text.replace("\n", "\r").encode(),
    "no line end after the last line": lambda text: text.rstrip("\n").encode(),
    "blank lines": lambda text: text.replace("\n", "\n\n").encode(),
    "empty rows as Excel leaves them": lambda text: (text + "," * 8 + "\n" + " , ,\n").encode(),
    "blanks around every value": lambda text: text.replace(",", " , ").encode(),
    "headings in capitals": lambda text: "\n".join(
        [text.partition("\n")[0].upper(), text.partition("\n")[2]]
    ).encode(),
    "tabs": lambda text: text.replace(",", "\t").encode(),
    "semicolons": lambda text: text.replace(",", ";").encode(),
    "bars": lambda text: text.replace(",", "|").encode(),
    "semicolons and decimal commas": lambda text: semicolons(text).encode(),
    "a line that names the separator": lambda text: ("sep=;\r\n" + semicolons(text)).encode(),
    "that line in quotes": lambda text: ('"sep=;"\n' + semicolons(text)).encode(),
    "that line, and a mark": lambda text: ("sep=;\r\n" + semicolons(text)).encode("utf-8-sig"),
    "every value in quotes": lambda text: "".join(
        ",".join(f'"{value}"' for value in line.split(",")) + "\n" for line in text.splitlines()
    ).encode(),
    "a separator at the end of every line": lambda text: text.replace("\n", ",\n").encode(),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_the_same_history_is_read_from_every_spelling(tmp_path: Path, spelling: str) -> None:
    (tmp_path / "plain").mkdir()
    expected = whole(write(tmp_path / "plain"))
    spelled = SPELLINGS[spelling]

    texts = {"products": PRODUCTS, "customers": CUSTOMERS, "orders": ORDERS}
    files = {name: spelled(text) for name, text in texts.items()}

    assert whole(write(tmp_path, **files)) == expected


def test_headings_dates_and_amounts_may_be_portuguese(tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    expected = whole(write(tmp_path / "plain", orders=ORDERS.replace("2026-01-04", "2026-01-14")))
    products = "SKU;Nome;Preço\nCAFE;Café;18,00\nCHA;Chá;9,5\n"
    customers = "Código;Nome;Contato;Cidade\nANA;Ana Lima;;Recife\nBIA;Bia Reis;Bia;\n"

    files = write(tmp_path, products=products, customers=customers, orders=PORTUGUESE_ORDERS)
    for name in ("products", "customers"):
        (files / f"{name}.csv").write_bytes((files / f"{name}.csv").read_bytes().decode().encode("cp1252"))

    assert whole(files) == expected


def test_how_the_files_were_read_is_said(tmp_path: Path) -> None:
    orders = PORTUGUESE_ORDERS.replace("Quantidade", "Quantidade;Vendedor").replace(";12;", ";12;Zé;")
    orders = (
        orders.replace(";1;", ";1;;").replace(";5;", ";5;;").replace("3;14/01/2026;Norte;BIA;CAFE;1;;", "")
    )
    remarks = load(write(tmp_path, products=PRODUCTS.encode("cp1252"), orders=orders)).remarks

    assert remarks[0] == (
        "products.csv: 2 lines; not UTF-8, read as cp1252, as in 'Café' (if that is wrong: --encoding);"
        " separator ,"
    )
    assert "ignored columns: Vendedor" in remarks[2]


@pytest.mark.parametrize("inside", ["\u2028", "\u0085", "\v", "\f", "\x1c", "\u2029"])
def test_what_ends_a_line_elsewhere_is_text_inside_a_field(tmp_path: Path, inside: str) -> None:
    orders = ORDERS.replace("unit_price", "unit_price,remark").replace(".00\n", f".00,a{inside}b\n")

    assert len(whole(write(tmp_path, orders=orders)).orders) == 3


def test_a_line_end_inside_quotes_does_not_move_the_numbers_of_lines(tmp_path: Path) -> None:
    orders = ORDERS.replace("unit_price\n", "unit_price,remark\n").replace(".00\n", '.00,"two\nlines"\n')
    faulty = orders.replace("BIA,CAFE,1,", "BIA,CAFE,0,")

    (fault,) = load(write(tmp_path, orders=faulty)).faults
    assert fault.line == 8


@pytest.mark.parametrize(
    ("written", "stored"), [("cafe", "CAFE"), ("Cafe", "CAFE"), (" CAFE\u00a0", "CAFE"), ("ＣＡＦＥ", "CAFE")]
)
def test_skus_compare_as_nodes_compare_them(tmp_path: Path, written: str, stored: str) -> None:
    history = whole(write(tmp_path, orders=ORDERS.replace("CAFE,12", f"{written},12")))

    assert history.orders[0].lines[0].sku == stored


def test_customers_compare_as_nodes_compare_them(tmp_path: Path) -> None:
    customers = CUSTOMERS.replace("ANA,", "José,")  # composed
    orders = ORDERS.replace("ANA,", "jose\u0301,")  # decomposed, and small

    assert {
        order.customer for order in whole(write(tmp_path, customers=customers, orders=orders)).orders
    } == {
        "José",
        "BIA",
    }


def test_one_branch_in_two_spellings_is_one_branch(tmp_path: Path) -> None:
    orders = ORDERS.replace("3,2026-01-04,Norte", "3,2026-01-04,NORTE")

    assert list(whole(write(tmp_path, orders=orders)).orders_by_branch()) == ["Norte", "Sul"]


@pytest.mark.parametrize("number", ["Nº 1", "Pedido 1", "1/2026", "#1", "注文1", "9" * 180, "🧾-1", "a=b,c"])
def test_an_order_may_have_any_text_for_its_number(tmp_path: Path, number: str) -> None:
    quoted = f'"{number}"'
    orders = ORDERS.replace("\n1,", f"\n{quoted},")

    assert whole(write(tmp_path, orders=orders)).orders[0].order == number


def test_orders_whose_numbers_differ_by_case_are_two(tmp_path: Path) -> None:
    orders = ORDERS.replace("\n2,2026-01-03,Sul,BIA", "\na1,2026-01-03,Sul,BIA").replace("\n3,", "\nA1,")

    assert [order.order for order in whole(write(tmp_path, orders=orders)).orders] == ["1", "a1", "A1"]


def test_lines_of_one_order_with_different_times_are_one_order(tmp_path: Path) -> None:
    orders = ORDERS.replace("1,2026-01-02,Norte,ANA,CAFE", "1,2026-01-02 10:00:07,Norte,ANA,CAFE")
    understood = load(write(tmp_path, orders=orders.replace("ANA,CHA", "ANA,CHA")))

    assert len(understood.history.orders[0].lines) == 2
    assert understood.history.orders[0].date == "2026-01-02 10:00:07"
    assert "orders with lines of different times (the first line's counts): 1" in understood.remarks


def test_lines_of_an_order_need_not_stand_together(tmp_path: Path) -> None:
    lines = ORDERS.splitlines()
    orders = "\n".join([lines[0], lines[1], lines[3], lines[4], lines[2]])

    assert [len(order.lines) for order in whole(write(tmp_path, orders=orders)).orders] == [2, 1, 1]


def test_orders_are_played_in_order_of_time_whatever_the_file_has(tmp_path: Path) -> None:
    lines = ORDERS.splitlines()
    understood = load(write(tmp_path, orders="\n".join([lines[0], *lines[:0:-1]])))

    assert [order.order for order in understood.history.orders] == ["1", "2", "3"]
    assert "the file is not in order of time; the orders are played in that order" in understood.remarks


def test_headings_of_other_names_are_mapped(tmp_path: Path) -> None:
    orders = ORDERS.replace("order,date", "InvoiceNo,When").replace("sku", "Stock Code")
    products = PRODUCTS.replace("name", "Description")
    told = parse_told(["orders.order=InvoiceNo", "data=when", "sku=Stock Code,products.name=Description"])

    history = whole(write(tmp_path, orders=orders, products=products), Wanted(told))

    assert len(history.orders) == 3
    assert history.products[0].name == "Café"


def test_a_mapped_heading_that_no_file_has_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LabError, match=r"products\.csv and orders\.csv has no column 'Stock'"):
        load(write(tmp_path), Wanted(parse_told(["sku=Stock"])))


def test_dates_of_another_form_are_read_by_their_format(tmp_path: Path) -> None:
    orders = ORDERS.replace("2026-01-0", "1 de 0")
    wanted = Wanted(date_format="1 de %d")

    assert whole(write(tmp_path, orders=orders), wanted).orders[0].date == "1900-01-02"


def test_another_encoding_is_read_when_it_is_named(tmp_path: Path) -> None:
    products = PRODUCTS.encode("cp850")

    history = whole(
        write(tmp_path, products=products, customers=CUSTOMERS.encode("cp850")), Wanted(encoding="cp850")
    )

    assert history.products[0].name == "Café"


def test_one_byte_that_is_not_utf8_does_not_spoil_the_other_names(tmp_path: Path) -> None:
    products = PRODUCTS.encode().replace(b"Ch\xc3\xa1", b"Ch\xe1").replace(b"Caf\xc3\xa9", "Café é".encode())

    understood = load(write(tmp_path, products=products))

    assert understood.history.products[0].name == "Café é"
    (fault,) = understood.faults
    assert str(fault) == (
        r"products.csv line 3, column name, 'Ch\udce1': has a byte that is not UTF-8, as the rest of the"
        " file is"
    )


def test_an_order_of_a_thousand_lines_is_read(tmp_path: Path) -> None:
    line = "9,2026-01-05,Sul,ANA,CAFE,1,18.00\n"

    assert len(whole(write(tmp_path, orders=ORDERS + line * 1000)).orders[-1].lines) == 1000


@pytest.mark.parametrize(
    "option", ["order", "=x", "order=", "orders.nothing=x", "stores.order=x", "nothing=x"]
)
def test_a_mapping_of_another_form_is_refused(option: str) -> None:
    with pytest.raises(LabError, match="--map-columns"):
        parse_told([option])


def test_a_column_mapped_twice_is_refused() -> None:
    with pytest.raises(LabError, match=r"says twice which column of orders\.csv is sku"):
        parse_told(["sku=A", "orders.sku=B"])
