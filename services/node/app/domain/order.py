"""An order as a value, and what no node could have written of one. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import field
from itertools import pairwise
from operator import attrgetter
from typing import Any, Literal

from app.domain import forms, text
from app.domain.errors import Invalid
from app.domain.forms import Row
from app.domain.life import Life
from app.domain.row_checks import Fields, Natural, OneOf, Rules, Seconds, Text
from app.domain.values import value

Status = Literal["placed", "cancelled"]

MAX_LINES = 1_000
MAX_QUANTITY = 1_000_000
STATUSES: tuple[Status, ...] = ("placed", "cancelled")

# By name, as the canonical form has them: rows built in this order need no sorting.
NAMES = tuple(sorted((*forms.ORDERS.columns, "lines")))
LINE = tuple(sorted(forms.LINES.columns))
_values_of = attrgetter(*NAMES)
_line_values_of = attrgetter(*LINE)

LINE_RULES: Rules = {
    "line": Natural(most=MAX_LINES),
    "product_id": Text(text.KEY),
    "sku": Text(text.KEY),
    "name": Text(text.NAME),
    "quantity": Natural(least=1, most=MAX_QUANTITY),
    "unit_price_cents": Natural(),
}
"""What each column of a line may hold. The bulk path derives its own look at rows from these rules, too
(app.state.tables.order_pages)."""

ORDER_RULES: Rules = {
    "id": Text(text.KEY),
    "number": Text(text.KEY),
    "branch": Text(text.KEY),
    "epoch": Text(text.KEY),
    "customer_id": Text(text.KEY),
    "user_id": Text(text.KEY),
    "status": OneOf(STATUSES),
    "request_hash": Text(text.KEY),
    "note": Text(text.NOTE, optional=True),
    "idempotency_key": Text(text.IDEMPOTENCY_KEY, optional=True),
    "lamport": Natural(),
    "created_at": Seconds(),
    "total_cents": Natural(),
    "version": Natural(least=1),
}
"""The same of an order without its lines."""


@value(frozen=True, slots=True)
class OrderLine:
    """Units of one product, with its sku, name and price in cents as sold. `line` is its place in the order;
    `beyond` are fields of later revisions (app.domain.forms)."""

    line: int
    product_id: str
    sku: str
    name: str
    quantity: int
    unit_price_cents: int
    beyond: Mapping[str, Any] = field(default_factory=dict)

    @property
    def cents(self) -> int:
        """What the whole line costs."""
        return self.quantity * self.unit_price_cents

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> "OrderLine":
        """The line of a canonical row."""
        columns = {name: row[name] for name in forms.LINES.columns}
        return cls(**columns, beyond=forms.of("order_lines").beyond(row))

    @classmethod
    def from_json(cls, body: object) -> "OrderLine":
        """The line that a peer sent. Raises Invalid for one that no node could have written."""
        fields = Fields("line", body, forms.LINES.columns)
        fields.check(LINE_RULES)
        columns = {name: fields.row[name] for name in forms.LINES.columns}
        return cls(**columns, beyond=forms.of("order_lines").checked_beyond(fields.row))

    def as_json(self) -> Row:
        """The canonical row, for the wire and the digest."""
        row = dict(zip(LINE, _line_values_of(self), strict=True))
        return {**row, **self.beyond} if self.beyond else row


@value(frozen=True, slots=True)
class Order:
    """An order as its branch took it, in a life (`branch`, `epoch`) at a logical time (`lamport`). `version`
    rises when its status changes; `created_at` is in seconds since 1970, for display only. `beyond` are
    fields of later revisions (app.domain.forms)."""

    id: str
    number: str
    branch: str
    epoch: str
    lamport: int
    customer_id: str
    user_id: str
    status: Status
    note: str | None
    total_cents: int
    version: int
    created_at: float
    idempotency_key: str | None
    request_hash: str
    lines: tuple[OrderLine, ...]
    beyond: Mapping[str, Any] = field(default_factory=dict)

    @property
    def life(self) -> Life:
        """The life that took the order."""
        return Life(self.branch, self.epoch)

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> "Order":
        """The order of a canonical row."""
        columns = {name: row[name] for name in forms.ORDERS.columns}
        lines = tuple(map(OrderLine.from_row, row["lines"]))
        return cls(**columns, lines=lines, beyond=_beyond(row))

    @classmethod
    def from_json(cls, body: object) -> "Order":
        """The order that a peer sent. Raises Invalid for one that no node could have written."""
        fields = Fields("order", body, NAMES)
        fields.check(ORDER_RULES)
        row = fields.row
        if not isinstance(row["lines"], list) or not 1 <= len(row["lines"]) <= MAX_LINES:
            raise Invalid("lines", "out_of_range")
        lines = tuple(map(OrderLine.from_json, row["lines"]))
        _require_whole(lines, row["total_cents"])
        columns = {name: row[name] for name in forms.ORDERS.columns}
        return cls(**columns, lines=lines, beyond=forms.of("orders").checked_beyond(_beyond(row)))

    def as_json(self) -> Row:
        """The canonical row, for the wire and the digest."""
        row = dict(zip(NAMES, _values_of(self), strict=True))
        row["lines"] = [line.as_json() for line in self.lines]
        return {**row, **self.beyond} if self.beyond else row


def _beyond(row: Mapping[str, Any]) -> Row:
    return {name: value for name, value in forms.of("orders").beyond(row).items() if name != "lines"}


def _require_whole(lines: Sequence[OrderLine], total_cents: int) -> None:
    if total_cents != sum(line.cents for line in lines):
        raise Invalid("total_cents", "not_the_sum_of_the_lines")
    if any(one.line >= next_.line for one, next_ in pairwise(lines)):
        # Read back they would stand in another order, and the digest would be of rows that nobody has.
        raise Invalid("lines", "out_of_range")
