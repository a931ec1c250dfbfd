"""What the dates of a column are: which of their numbers is the day, and which the month."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from itertools import pairwise
from typing import Literal

Order = Literal["year-month-day", "day/month/year", "month/day/year"]
ORDERS: tuple[Order, ...] = ("year-month-day", "day/month/year", "month/day/year")
"""The one that can be no other comes first: a date that begins with a year of four digits is read in every
column."""

_DATE = re.compile(
    r"(\d{1,4})([-/.])(\d{1,2})\2(\d{1,4})"
    r"(?:[T ,]\s*(\d{1,2})[:h](\d{2})(?::(\d{2})(?:[.,]\d+)?)?\s*([AaPp]\.?[Mm]\.?)?"
    r"\s*(?:Z|UTC|[+-]\d{2}:?\d{2})?)?",
    re.ASCII,
)
_PIVOT = 70  # years of two digits from here on are of the last century


@dataclass(frozen=True)
class DateForm:
    """How the dates of a column are read: in an `order`, or by a `format` of strptime. `is_guess` says that
    another order fits as many of them."""

    order: Order | None
    format: str | None = None
    is_guess: bool = False

    def read(self, text: str) -> datetime | None:
        """The moment of a text, without a time zone; None for what is no such date."""
        if self.format is not None:
            return _by_format(text, self.format)
        assert self.order is not None, "a form without a format has an order"
        return _by_order(text, self.order)


def decide(values: Sequence[str]) -> DateForm:
    """The order that fits most dates of a column. Where two fit as many, the one under which the lines are in
    time order, then the day before the month."""
    counts = {order: sum(_by_order(text, order) is not None for text in values) for order in ORDERS}
    most = max(counts.values())
    best = [order for order in ORDERS if counts[order] == most]
    if ORDERS[0] in best or len(best) == 1:
        return DateForm(best[0])
    sorted_ones = [order for order in best if _is_sorted(values, order)]
    return DateForm((sorted_ones or best)[0], is_guess=len(sorted_ones) != 1)


def is_format(text: str) -> bool:
    """Whether strptime takes the format, and a date can be read by it."""
    try:
        moment = datetime(2026, 12, 31, 13, 14, 15, tzinfo=UTC)
        return _by_format(moment.strftime(text), text) is not None and "%" in text
    except ValueError:
        return False


@cache
def _by_format(text: str, form: str) -> datetime | None:
    try:
        return datetime.strptime(text, form).replace(tzinfo=None)  # noqa: DTZ007  (the shop's own time)
    except ValueError:
        return None


@cache
def _by_order(text: str, order: Order) -> datetime | None:
    found = _DATE.fullmatch(text)
    if found is None:
        return _iso(text)
    first, second, third = (found[number] for number in (1, 3, 4))
    if len(first) == 4:
        order = ORDERS[0]
    year, month, day = {
        "year-month-day": (first, second, third),
        "day/month/year": (third, second, first),
        "month/day/year": (third, first, second),
    }[order]
    if len(year) not in (2, 4) or len(day) > 2 or len(month) > 2 or (order == ORDERS[0] and len(year) == 2):
        return None
    try:
        return datetime(_year(year), int(month), int(day), *_clock(found))  # noqa: DTZ001  (the shop's own time)
    except ValueError:
        return None


def _iso(text: str) -> datetime | None:
    """ISO 8601 without its hyphens, and whatever else of it Python reads."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=None)
    except ValueError:
        return None


def _year(digits: str) -> int:
    year = int(digits)
    if len(digits) == 4:
        return year
    return year + (1900 if year >= _PIVOT else 2000)


def _clock(found: re.Match[str]) -> tuple[int, int, int]:
    hour, minute, second = (int(found[number] or 0) for number in (5, 6, 7))
    if half := found[8]:
        if not 1 <= hour <= 12:
            raise ValueError("no hour of half a day")
        hour = hour % 12 + (12 if half[0] in "Pp" else 0)
    return hour, minute, second


def _is_sorted(values: Iterable[str], order: Order) -> bool:
    moments = [moment for text in values if (moment := _by_order(text, order)) is not None]
    return all(one <= following for one, following in pairwise(moments))
