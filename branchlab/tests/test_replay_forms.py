"""Tables, numbers and dates are read as they were written, whatever form a file has."""

import csv
import io
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from branchlab.teaching.replay.meaning import dates
from branchlab.teaching.replay.meaning.numbers import (
    Decision,
    Mark,
    decide,
    is_cents,
    is_whole,
    read_number,
    settle,
)
from branchlab.teaching.replay.reading.table import read_table

COLUMNS = ("order", "customer", "sku")
# What a cell may hold: all but lone surrogates and what no CSV of any program can write.
CELL = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r\n"), max_size=12).map(
    str.strip
)
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-32")


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.tuples(CELL, CELL, CELL).filter(any), max_size=8),
    separator=st.sampled_from(",;\t|"),
    line_end=st.sampled_from(["\n", "\r\n"]),
    encoding=st.sampled_from(ENCODINGS),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
def test_any_table_is_read_as_it_was_written(
    rows: list[tuple[str, str, str]], separator: str, line_end: str, encoding: str, quoting: int
) -> None:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=separator, lineterminator=line_end, quoting=quoting)  # type: ignore[arg-type]  # one of two
    writer.writerow(COLUMNS)
    writer.writerows(rows)

    table = read_table("x.csv", text.getvalue().encode(encoding), is_known=COLUMNS.__contains__)

    assert [row.cells for row in table.rows] == rows
    assert (table.heading, table.separator, table.faults) == (COLUMNS, separator, ())


@settings(max_examples=200, deadline=None)
@given(data=st.binary(max_size=200), separator=st.sampled_from([b"", b"sep=;\n", b"sku;name\n"]))
def test_any_bytes_are_a_table_or_faults(data: bytes, separator: bytes) -> None:
    table = read_table("x.csv", separator + data, is_known=COLUMNS.__contains__)

    assert all(len(row.cells) == len(table.heading) for row in table.rows)
    assert table.heading or table.faults


@settings(max_examples=150, deadline=None)
@given(
    cents=st.lists(st.integers(0, 10**12), min_size=1, max_size=20),
    mark=st.sampled_from([".", ","]),
    grouped=st.booleans(),
)
def test_amounts_are_read_as_they_were_written(cents: list[int], mark: Mark, grouped: bool) -> None:
    written = [f"{Decimal(each) / 100:{',' if grouped else ''}.2f}" for each in cents]
    if mark == ",":
        written = [text.translate(str.maketrans(",.", ".,")) for text in written]

    decided = decide(written, is_cents)

    assert decided.mark == mark
    assert [read_number(text, decided.mark) for text in written] == [Decimal(each) / 100 for each in cents]


@pytest.mark.parametrize(
    ("text", "mark", "number"),
    [
        ("18", ".", "18"),
        ("1,234.50", ".", "1234.50"),
        ("1.234,50", ",", "1234.50"),
        ("1 234,50", ",", "1234.50"),
        ("1\u00a0234,50", ",", "1234.50"),
        ("R$ 18,00", ",", "18.00"),
        ("18,00 €", ",", "18.00"),
        ("$18.00", ".", "18.00"),
        ("1'234.50", ".", "1234.50"),
        ("12,34.5", ".", None),
        ("1,2345", ".", None),
        ("1.2.3", ".", None),
        ("18.", ".", None),
        (".5", ".", None),
        ("-1", ".", None),
        ("", ".", None),
        ("٣", ".", None),
        ("9" * 41, ".", None),
    ],
)
def test_a_text_is_a_number_or_not(text: str, mark: Mark, number: str | None) -> None:
    assert read_number(text, mark) == (None if number is None else Decimal(number))


@pytest.mark.parametrize(
    ("values", "decided"),
    [
        (["18.00", "9.5"], Decision(".", 2)),
        (["18,00", "9,5"], Decision(",", 2)),
        (["18,00", "9,5", "1.005"], Decision(",", 2)),
        (["18.00", "1,200", "x"], Decision(".", 2)),
        (["18", "9"], Decision(".", 0)),
        (["1.500"], Decision(".", 0, clash="1.500")),
        (["1.234"], Decision(",", 1)),
        (["18,00", "18.00"], Decision(".", 0, clash="18,00")),
    ],
)
def test_a_column_decides_its_decimal_mark(values: list[str], decided: Decision) -> None:
    assert decide(values, is_cents) == decided


def test_what_a_column_leaves_open_is_as_in_the_others() -> None:
    quantity, price = decide(["12,000", "3,000"], is_whole), decide(["18,00"], is_cents)

    assert [one.mark for one in settle([quantity, price], None)] == [",", ","]


def test_thousands_alone_yield_to_decimals_elsewhere() -> None:
    price, unit_price = decide(["1.234"], is_cents), decide(["18.00"], is_cents)

    assert [one.mark for one in settle([price, unit_price], None)] == [".", "."]


def test_the_decimal_mark_that_is_given_counts() -> None:
    assert settle([decide(["18.00"], is_cents)], ",")[0].mark == ","


@pytest.mark.parametrize(
    ("values", "order", "is_guess"),
    [
        (["2026-01-02", "2026-13-01"], "year-month-day", False),
        (["2026/01/02 10:30"], "year-month-day", False),
        (["20260102"], "year-month-day", False),
        (["2026-01-02T10:30:00Z", "2026-01-02T10:30:00.123456+03:00"], "year-month-day", False),
        (["13/01/2026", "02/01/2026"], "day/month/year", False),
        (["01/13/2026", "02/01/2026"], "month/day/year", False),
        (["02.01.2026", "31.01.2026"], "day/month/year", False),
        (["12/1/2010 8:26", "12/13/2010 8:26"], "month/day/year", False),
        (["7/4/1996 8:26:00 AM", "7/14/1996 8:26:00 PM"], "month/day/year", False),
        (["01/02/2026", "01/03/2026", "02/01/2026"], "month/day/year", False),
        (["01/02/2026", "05/02/2026", "03/03/2026"], "day/month/year", False),
        (["02/01/2026", "01/02/2026", "01/01/2026"], "day/month/year", True),
        (["02/01/2026"], "day/month/year", True),
        (["31/12/2025", "2025-12-31", "02/01/2026", "20260103"], "day/month/year", False),
        (["04/07/96", "31/07/96"], "day/month/year", False),
        (["never"], "year-month-day", False),
    ],
)
def test_a_column_decides_the_order_of_its_dates(values: list[str], order: str, is_guess: bool) -> None:
    assert dates.decide(values) == dates.DateForm(order, is_guess=is_guess)  # type: ignore[arg-type]  # one of three


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("04/07/96", "1996-07-04T00:00:00"),
        ("04/07/26 23:59", "2026-07-04T23:59:00"),
        ("4/7/2026 12:05 AM", "2026-07-04T00:05:00"),
        ("4/7/2026 12:05 PM", "2026-07-04T12:05:00"),
        ("4/7/2026 8h30", "2026-07-04T08:30:00"),
        ("4/7/2026 13:05 PM", None),
        ("31/04/2026", None),
        ("4/7-2026", None),
        ("4/7/2026 25:00", None),
        ("٤/٧/٢٠٢٦", None),
    ],
)
def test_a_text_is_a_date_or_not(text: str, moment: str | None) -> None:
    found = dates.DateForm("day/month/year").read(text)

    assert (None if found is None else found.isoformat()) == moment


@pytest.mark.parametrize(("form", "good"), [("%d %b %Y", True), ("%Q", False), ("day", False), ("", False)])
def test_a_format_of_dates_is_one_that_strptime_takes(form: str, good: bool) -> None:
    assert dates.is_format(form) == good
